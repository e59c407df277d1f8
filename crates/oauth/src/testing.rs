//! Keys, tokens, callers and instances, for tests. RSA keys are generated when they are first
//! needed.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "used by tests only"
)]

use std::{rc::Rc, sync::OnceLock};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    Secret,
    host::{Host, Variables},
    keys::{Keys, Purpose, Sealer},
    outbound::Outbound,
    settings::{Reader, SettingsError},
    store::{Buckets, Store, StoreMemory},
    testing::{FakeHost, finish, finish_all},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::AUTHORIZATION};
use p256::{ecdsa::SigningKey, elliptic_curve::Generate};
use rsa::{PrivateKey, traits::PublicKeyParts};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::{
    Authentication, AuthenticationError, Caller, Claims, Limiter, ResourceServer,
    ResourceServerMemory, ResourceServerSettings, SignatureAlgorithm, TrustedIssuer, VARIABLES,
};

/// An instance: its settings, and what it remembers.
pub struct Instance {
    pub settings: ResourceServerSettings,
    pub memory: ResourceServerMemory,
    pub keys: Keys,
    pub limiter: Limiter,
    pub sealer: Sealer,
    buckets: Buckets,
    store_memory: StoreMemory,
}

impl Instance {
    /// An instance with the variables of a host.
    pub fn new(host: &impl Variables) -> Self {
        Self::with(settings(host).expect("the variables are valid"))
    }

    pub fn with(settings: ResourceServerSettings) -> Self {
        let keys = Keys::from(&Secret::from("server-secret"));
        let limiter = Limiter::default();
        let (sealer, store_memory) = (keys.sealer(Purpose::Store), StoreMemory::default());
        let buckets = Buckets::new(&keys, 4096);
        let memory = ResourceServerMemory::default();
        Self { settings, memory, keys, limiter, sealer, buckets, store_memory }
    }

    /// The same instance with another number of buckets in the store.
    pub fn with_buckets(self, count: u32) -> Self {
        Self { buckets: Buckets::new(&self.keys, count), ..self }
    }

    pub fn store<'a>(&'a self, host: &'a dyn Host) -> Store<'a> {
        Store::new(host, &self.store_memory, &self.sealer, &self.buckets)
    }

    pub fn server<'a>(&'a self, host: &'a dyn Host) -> ResourceServer<'a> {
        let Self { settings, memory, keys, limiter, .. } = self;
        // Each request has a budget of its own. What a test leaks is little.
        let outbound = Outbound { host, trace: None, budget: Box::leak(Box::default()) };
        ResourceServer { settings, keys, memory, outbound, store: self.store(host), limiter }
    }

    /// The caller of a `POST` with these headers, on a host that answers at once.
    pub fn authenticate(
        &self,
        host: &dyn Host,
        headers: &HeaderMap,
    ) -> Result<Rc<Caller>, AuthenticationError> {
        self.authentication(host, headers).outcome
    }

    /// The same, with the nonce for the next proof.
    pub fn authentication(&self, host: &dyn Host, headers: &HeaderMap) -> Authentication {
        finish(self.server(host).authenticate(&Method::POST, headers))
    }

    /// The same for a bearer token.
    pub fn authenticate_bearer(
        &self,
        host: &dyn Host,
        token: &str,
    ) -> Result<Rc<Caller>, AuthenticationError> {
        self.authenticate(host, &bearer(token))
    }
}

/// Reads the variables of a host.
pub fn settings(host: &impl Variables) -> Result<ResourceServerSettings, SettingsError> {
    let mut reader = finish_all([Reader::fetch(host, VARIABLES)]).remove(0);
    let settings = ResourceServerSettings::read(&mut reader);
    reader.finish(settings)
}

/// The headers of a request with this token, from an address as the host says it.
pub fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is ASCII");
    let address = HeaderName::from_static("spin-client-addr");
    let own = [(AUTHORIZATION, value), (address, HeaderValue::from_static("192.0.2.1:40000"))];
    HeaderMap::from_iter(own)
}

/// A caller whose token nobody verified: of the tenant of a new [`FakeHost`], unless `iss` names
/// another issuer.
pub fn caller(claims: Value) -> Caller {
    let Value::Object(members) = claims else { panic!("claims are an object") };
    caller_with(members, "a.b.c")
}

/// Like [`caller`], with this token.
pub fn caller_with(mut members: Map<String, Value>, token: &str) -> Caller {
    let mut issuer = (*settings(&FakeHost::new()).expect("they are valid").main_issuer).clone();
    if let Some(other) = members.get("iss").and_then(Value::as_str) {
        issuer.is_tenant = other == issuer.issuer.as_str();
        issuer.issuer = other.parse().expect("`iss` is a URL");
    }
    // As in a verified token, the times are not among the other claims.
    let issued_at = members.remove("iat").as_ref().and_then(Value::as_u64).unwrap_or_default();
    let claims = Claims { expires_at: u64::MAX, issued_at, members };
    Caller::new(claims, Secret::from(token), Rc::new(issuer)).expect("the claims are complete")
}

/// The time at which the tests happen, which is that of a new `FakeHost`.
pub const NOW: u64 = 1_800_000_000;

fn private_key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::new(&mut rand::rng(), 2048).unwrap())
}

/// The public key, under a name.
pub fn jwk(kid: &str) -> Value {
    jwk_of(private_key(), kid)
}

/// The public key that belongs to a private one, under a name.
pub fn jwk_of(key: &PrivateKey, kid: &str) -> Value {
    let [n, e] = [key.n_bytes(), key.e_bytes()].map(|it| BASE64_URL_SAFE_NO_PAD.encode(it));
    json!({ "kty": "RSA", "n": n, "e": e, "kid": kid })
}

pub fn token(header: &Value, claims: &Value) -> String {
    token_by(SignatureAlgorithm::Rs256, header, claims)
}

/// A token that is signed with an algorithm of RSA, whatever its header says.
pub fn token_by(algorithm: SignatureAlgorithm, header: &Value, claims: &Value) -> String {
    token_of(algorithm, &header.to_string(), &claims.to_string())
}

/// The same of texts that need not be JSON.
pub fn token_of(algorithm: SignatureAlgorithm, header: &str, claims: &str) -> String {
    let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let (key, message) = (private_key(), signed.as_bytes());
    let signature = match algorithm {
        SignatureAlgorithm::Rs256 => key.pkcs1v15_sign::<Sha256>(message),
        SignatureAlgorithm::Rs512 => key.pkcs1v15_sign::<Sha512>(message),
        SignatureAlgorithm::Ps256 => key.pss_sign_with_rng::<Sha256, _>(&mut rand::rng(), message),
        SignatureAlgorithm::Es256 => panic!("not an algorithm of RSA"),
    };
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.unwrap()))
}

pub fn good_header() -> Value {
    json!({ "alg": "RS256", "typ": "at+jwt", "kid": "key" })
}

pub fn good_claims() -> Value {
    json!({
        "iss": "https://tenant.example.com/",
        "aud": "https://mcp.example.com/mcp",
        "sub": "auth0|1",
        "client_id": "client",
        "iat": NOW,
        "exp": NOW + 600,
    })
}

/// The tenant of a new `FakeHost`, with these audiences and algorithms.
pub fn tenant(audiences: &[&str], algorithms: &[SignatureAlgorithm]) -> TrustedIssuer {
    let mut tenant = (*settings(&FakeHost::new()).expect("they are valid").main_issuer).clone();
    tenant.audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
    tenant.algorithms = algorithms.to_vec();
    tenant
}

/// A client that has a key, and tokens that are bound to it.
pub struct ClientKey(SigningKey);

impl ClientKey {
    #[allow(clippy::new_without_default, reason = "no two keys are the same")]
    pub fn new() -> Self {
        Self(SigningKey::generate_from_rng(&mut rand::rng()))
    }

    pub fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (encode(point.x().unwrap()), encode(point.y().unwrap()));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    /// `cnf.jkt`.
    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
        let (x, y) = (text("x"), text("y"));
        hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// A token of the tenant that is bound to the key.
    pub fn token(&self) -> String {
        let mut claims = good_claims();
        claims["cnf"] = json!({ "jkt": self.thumbprint() });
        token(&good_header(), &claims)
    }

    pub fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// A proof with these claims; its header is `header` changed.
    pub fn proof(&self, header: &Value, claims: &Value) -> String {
        use p256::ecdsa::{Signature, signature::Signer};

        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let part = |part: &Value| encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature.to_bytes()))
    }
}

/// The claims of a good proof for a token.
pub fn proof_claims(token: &str, id: &str) -> Value {
    json!({
        "jti": id, "htm": "POST", "htu": "https://mcp.example.com/mcp", "iat": NOW, "ath": hash(token),
    })
}

/// SHA-256 in base64url.
pub fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
