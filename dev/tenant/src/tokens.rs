//! Issues access tokens in both dialects, and ID tokens.

use serde_json::{Map, Value, json};

use crate::jose;
use crate::json::put;
use crate::keys::KeyRing;
use crate::oauth::Error;
use crate::random;
use crate::seed::{Api, Client, Person};
use crate::state::{App, Granted, Shared, Store};
use crate::token::grant;

/// The contents of an access token.
pub(crate) struct AccessToken<'a> {
    pub(crate) api: &'a Api,
    pub(crate) subject: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) permissions: &'a [String],
    pub(crate) grant_type: &'a str,
    /// Additional claims: `act`, and those of an Action or an Organization.
    pub(crate) extra: Map<String, Value>,
}

impl Shared {
    /// The claims of an access token.
    pub(crate) fn claims(&self, store: &Store, token: &AccessToken<'_>) -> Value {
        let now = crate::now();
        let lifetime = store.access_token_lifetime.unwrap_or(token.api.token_lifetime);
        let mut claims = token.extra.clone();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.issuer()));
        set("sub", json!(token.subject));
        set(
            "aud",
            match token.scopes.iter().any(|scope| scope == "openid") {
                true => json!([token.api.identifier, format!("{}/userinfo", self.origin)]),
                false => json!(token.api.identifier),
            },
        );
        set("iat", json!(now));
        set("exp", json!(now.saturating_add(lifetime)));
        if !token.scopes.is_empty() {
            set("scope", json!(token.scopes.join(" ")));
        }
        if token.api.token_dialect.is_rfc9068() {
            set("client_id", json!(token.client_id));
            set("jti", json!(random::token(16)));
        } else {
            set("azp", json!(token.client_id));
            if let Some(gty) = gty(token.grant_type) {
                set("gty", json!(gty));
            }
        }
        if token.api.enforce_policies && token.api.token_dialect.has_permissions() {
            set("permissions", json!(token.permissions));
        }
        Value::Object(claims)
    }
}

/// Signs an access token for `api` with the current key.
pub(crate) fn sign_access_token(keys: &KeyRing, api: &Api, claims: &Value) -> String {
    let key = &keys.current;
    // An EC key cannot sign with the API's RSA algorithm.
    let alg = match key.alg() {
        jsonwebtoken::Algorithm::ES256 => "ES256",
        _ => api.signing_alg.as_str(),
    };
    let typ = if api.token_dialect.is_rfc9068() { "at+jwt" } else { "JWT" };
    jose::sign(key, &json!({"alg": alg, "typ": typ, "kid": key.kid}), claims)
}

/// The inputs of a token response for a person.
pub(crate) struct TokenParams<'a> {
    pub(crate) client: &'a Client,
    pub(crate) granted: &'a Granted,
    pub(crate) grant_type: &'a str,
    pub(crate) nonce: Option<&'a str>,
    /// The `act` claim: the chain of clients that act for the person.
    pub(crate) act: Option<Value>,
}

/// Builds the token response for a person: an access token, a refresh token if `offline_access` was
/// granted, and for first-party clients an ID token if `openid` was.
pub(crate) fn answer_for_person(
    app: &App,
    store: &mut Store,
    params: TokenParams<'_>,
) -> Result<Value, Error> {
    let TokenParams { client, granted, grant_type, nonce, act } = params;
    let gone = || Error::invalid_grant("The user does not exist any more.");
    let person = store.directory.user(&granted.user_id).cloned().ok_or_else(gone)?;
    if person.blocked {
        return Err(Error::new(401, "unauthorized", "user is blocked"));
    }
    let organization = granted.organization.as_deref();
    let mut answer = match &granted.audience {
        Some(audience) => {
            let api = store
                .directory
                .api(audience)
                .cloned()
                .ok_or_else(|| Error::service_not_found(audience))?;
            let permissions = store.directory.permissions_on(&person, organization, audience);
            let mut extra = extra_claims(store, &person, organization);
            extra.extend(act.map(|act| ("act".to_owned(), act)));
            let token = AccessToken {
                api: &api,
                subject: &person.user_id,
                client_id: &client.client_id,
                scopes: &granted.scopes,
                permissions: &permissions,
                grant_type,
                extra,
            };
            let claims = app.claims(store, &token);
            let lifetime = store.access_token_lifetime.unwrap_or(api.token_lifetime);
            json!({"access_token": sign_access_token(&app.keys(), &api, &claims), "expires_in": lifetime})
        }
        // Without an API, Auth0 issues an opaque token that only its own `/userinfo` accepts.
        None => {
            let token = random::token(32);
            store.opaque_tokens.insert(token.clone(), granted.clone());
            json!({"access_token": token, "expires_in": 86_400})
        }
    };
    put(&mut answer, "token_type", json!("Bearer"));
    if !granted.scopes.is_empty() {
        put(&mut answer, "scope", json!(granted.scopes.join(" ")));
    }
    let has = |scope: &str| granted.scopes.iter().any(|one| one == scope);
    if has("openid") && client.is_first_party {
        put(&mut answer, "id_token", json!(id_token(app, client, &person, granted, nonce)));
    }
    if has("offline_access") && grant_type != grant::REFRESH {
        let token = random::token(32);
        store.refresh_tokens.insert(token.clone(), granted.clone());
        put(&mut answer, "refresh_token", json!(token));
    }
    Ok(answer)
}

/// The claims that an Action adds, and those of the Organization that the person signed in to.
pub(crate) fn extra_claims(
    store: &Store,
    person: &Person,
    organization: Option<&str>,
) -> Map<String, Value> {
    let mut extra = person.claims.clone();
    // An Action counts by its code: it adds a claim if it says so.
    let actions = store.directory.actions.iter().filter(|one| one.deployed && one.bound);
    let profile = [("name", &person.name), ("email", &person.email)];
    for (claim, value) in profile {
        let says = format!("api.accessToken.setCustomClaim(\"{claim}\"");
        if actions.clone().any(|action| action.code.contains(&says)) {
            extra.insert(claim.to_owned(), json!(value));
        }
    }
    let found =
        store.directory.organizations.iter().find(|one| Some(one.id.as_str()) == organization);
    if let Some(found) = found {
        extra.insert("org_id".to_owned(), json!(found.id));
        if store.settings().organization_names {
            extra.insert("org_name".to_owned(), json!(found.name));
        }
    }
    extra
}

/// The profile claims of a person that the scopes give access to.
pub(crate) fn profile(person: &Person, scopes: &[String]) -> Map<String, Value> {
    let has = |scope: &str| scopes.iter().any(|one| one == scope);
    let mut profile = Map::new();
    profile.insert("sub".to_owned(), json!(person.user_id));
    if has("profile") {
        profile.insert("name".to_owned(), json!(person.name));
        let nickname = person.email.split('@').next().unwrap_or_default();
        profile.insert("nickname".to_owned(), json!(nickname));
    }
    if has("email") {
        profile.insert("email".to_owned(), json!(person.email));
        profile.insert("email_verified".to_owned(), json!(!person.email_unverified));
    }
    profile
}

fn id_token(
    app: &App,
    client: &Client,
    person: &Person,
    granted: &Granted,
    nonce: Option<&str>,
) -> String {
    let now = crate::now();
    let mut claims = profile(person, &granted.scopes);
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(app.issuer()));
    set("aud", json!(client.client_id));
    set("iat", json!(now));
    set("exp", json!(now + 36_000));
    set("auth_time", json!(granted.auth_time));
    if let Some(nonce) = nonce {
        set("nonce", json!(nonce));
    }
    if let Some(organization) = &granted.organization {
        set("org_id", json!(organization));
    }
    let keys = app.keys();
    let key = &keys.current;
    let header = json!({"alg": format!("{:?}", key.alg()), "typ": "JWT", "kid": key.kid});
    jose::sign(key, &header, &Value::Object(claims))
}

/// The `gty` claim, which only Auth0's own dialect has.
fn gty(grant_type: &str) -> Option<&'static str> {
    match grant_type {
        grant::CLIENT_CREDENTIALS => Some("client-credentials"),
        grant::PASSWORD => Some("password"),
        grant::REFRESH => Some("refresh_token"),
        _ => None,
    }
}
