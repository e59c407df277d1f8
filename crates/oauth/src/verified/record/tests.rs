use doorward_core::{
    Secret,
    keys::Keys,
    testing::{FakeHost, finish},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    AuthenticationError, TokenError,
    testing::{Instance, NOW, good_claims, good_header, jwk, settings, token},
};

const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
const JWKS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

fn host_with_key(name: &str) -> FakeHost {
    let host = FakeHost::new();
    let jwks_uri = "https://tenant.example.com/.well-known/jwks.json";
    let discovery = json!({ "issuer": "https://tenant.example.com/", "jwks_uri": jwks_uri });
    host.answers(DISCOVERY, 200, &discovery);
    host.answers(JWKS, 200, &json!({ "keys": [jwk(name)] }));
    host
}

/// A token whose signature is wrong: it gets in only by a record.
fn forged() -> String {
    let token = token(&good_header(), &good_claims());
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", "A".repeat(342))
}

/// A key with the name of the published one, and another modulus.
fn other_key() -> Value {
    let mut jwk = jwk("key");
    let modulus = jwk["n"].as_str().unwrap();
    let (start, end) = modulus.split_at(100);
    let changed = if end.starts_with('A') { "B" } else { "A" };
    jwk["n"] = json!(format!("{start}{changed}{}", &end[1..]));
    jwk
}

/// Writes the record that a server writes about this token, verified with this key at this time.
fn write_record(host: &FakeHost, instance: &Instance, token: &str, key: &str, now: u64) {
    let jwt = UntrustedJwt::parse(token).unwrap();
    let key = SigningKey::from_jwk(&match key {
        "other" => other_key(),
        name => jwk(name),
    });
    let key = key.unwrap();
    finish(SignatureRecord::new(&instance.server(host), token, &jwt, &key).write(now));
}

/// What becomes of the forged token if there is this record of it.
fn outcome(key: &str, verified_at: u64) -> Result<(), AuthenticationError> {
    let host = host_with_key("key");
    write_record(&host, &Instance::new(&host), &forged(), key, verified_at);
    authenticate(&host, &forged())
}

/// On a new instance.
fn authenticate(host: &FakeHost, token: &str) -> Result<(), AuthenticationError> {
    Instance::new(host).authenticate_bearer(host, token).map(drop)
}

fn records(host: &FakeHost) -> Vec<String> {
    let stored = host.store.borrow();
    stored.keys().filter(|key| key.starts_with(Kind::Verified.prefix())).cloned().collect()
}

#[test]
fn another_instance_does_not_check_the_signature_again() {
    assert_eq!(outcome("key", NOW), Ok(()));
    assert_eq!(outcome("key", NOW - 299), Ok(()));
}

#[test]
fn a_record_counts_for_five_minutes_and_not_before_its_time() {
    for verified_at in [NOW - 300, NOW - 3600, 0, NOW + 1] {
        assert_eq!(outcome("key", verified_at), Err(TokenError::SignatureWrong.into()));
    }
}

#[test]
fn a_record_of_another_key_or_another_token_does_not_count() {
    assert_eq!(outcome("other", NOW), Err(TokenError::SignatureWrong.into()));
    let host = host_with_key("key");
    let good = token(&good_header(), &good_claims());
    authenticate(&host, &good).expect("the token is valid");
    assert_eq!(records(&host).len(), 1);
    assert_eq!(authenticate(&host, &forged()), Err(TokenError::SignatureWrong.into()));
    assert_eq!(records(&host).len(), 1, "of a token that is refused there is no record");
}

#[test]
fn of_tokens_that_share_a_place_the_first_has_it_for_five_minutes() {
    let host = host_with_key("key");
    let instance = Instance::new(&host);
    let key = SigningKey::from_jwk(&jwk("key")).unwrap();
    let place = |token: &str| {
        let jwt = UntrustedJwt::parse(token).unwrap();
        SignatureRecord::new(&instance.server(&host), token, &jwt, &key).key
    };
    let good = token(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = (0..20_000)
        .map(|number| format!("{signed}.{number:A<342}"))
        .find(|forged| place(forged) == place(&good))
        .expect("there are more tokens than places");
    write_record(&host, &instance, &forged, "key", NOW);
    assert_eq!((authenticate(&host, &good), authenticate(&host, &forged)), (Ok(()), Ok(())));
    host.now.set(NOW + 300);
    assert_eq!(authenticate(&host, &good), Ok(()));
    host.now.set(NOW + 299);
    let wrong = TokenError::SignatureWrong.into();
    assert_eq!(authenticate(&host, &forged), Err(wrong), "it was replaced");
    write_record(&host, &instance, &good, "key", NOW + 299);
    assert_eq!(authenticate(&host, &forged), Err(wrong), "the place is that of another token");
}

#[test]
fn a_key_that_is_withdrawn_ends_what_it_verified() {
    let host = host_with_key("new");
    write_record(&host, &Instance::new(&host), &forged(), "key", NOW);
    assert_eq!(authenticate(&host, &forged()), Err(TokenError::KeyUnknown.into()));
}

#[test]
fn a_record_that_was_changed_moved_or_sealed_by_others_does_not_count() {
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 5] = [
        |record| record[0] ^= 1,
        |record| record[40] ^= 1,
        |record| record.truncate(60),
        |record| record.clear(),
        // What an attacker would write who knows the format.
        |record| *record = vec![0; record.len()],
    ];
    for change in changes {
        let host = host_with_key("key");
        write_record(&host, &Instance::new(&host), &forged(), "key", NOW);
        let [name] = records(&host).try_into().unwrap();
        change(host.store.borrow_mut().get_mut(&name).unwrap());
        assert_eq!(authenticate(&host, &forged()), Err(TokenError::SignatureWrong.into()));
    }
    // A record under the secret of another server, and one under the key of another record.
    let host = host_with_key("key");
    let mut other = Instance::new(&host);
    other.keys = Keys::from(&Secret::from("other-secret"));
    write_record(&host, &other, &forged(), "key", NOW);
    assert_eq!(authenticate(&host, &forged()), Err(TokenError::SignatureWrong.into()));
    write_record(&host, &Instance::new(&host), &forged(), "key", NOW);
    let all = host.store.borrow().clone();
    for name in records(&host) {
        let mut stored = host.store.borrow_mut();
        for number in 0..RECORDS {
            let key = StoreKey::named(Kind::Verified, &number.to_string());
            stored.insert(key.as_str().to_owned(), all[&name].clone());
        }
        stored.remove(&name);
        drop(stored);
        assert_eq!(authenticate(&host, &forged()), Err(TokenError::SignatureWrong.into()));
    }
}

#[test]
fn everything_but_the_signature_is_checked_again() {
    for (variable, value, error) in [
        ("auth0_audience", "https://other.example.com/mcp", TokenError::AudienceWrong),
        ("token_algorithms", "ES256", TokenError::AlgorithmNotAllowed),
        ("allowed_organizations", "org_1", TokenError::OrganizationNotAllowed),
        ("auth0_domain", "other.example.com", TokenError::IssuerWrong),
    ] {
        let host = host_with_key("key");
        write_record(&host, &Instance::new(&host), &forged(), "key", NOW);
        host.set_variable(variable, value);
        let instance = Instance::with(settings(&host).unwrap());
        let outcome = instance.authenticate_bearer(&host, &forged()).map(drop);
        assert_eq!(outcome, Err(error.into()), "{variable}");
    }
    let host = host_with_key("key");
    let mut claims = good_claims();
    claims["exp"] = json!(NOW + 10);
    let short = token(&good_header(), &claims);
    authenticate(&host, &short).expect("the token is valid");
    host.now.set(NOW + 120);
    assert_eq!(authenticate(&host, &short), Err(TokenError::Expired.into()));
}

#[test]
fn only_the_first_token_of_an_instance_has_a_record() {
    let host = host_with_key("key");
    let instance = Instance::new(&host);
    for subject in ["auth0|1", "auth0|2", "auth0|3"] {
        let mut claims = good_claims();
        claims["sub"] = json!(subject);
        instance.authenticate_bearer(&host, &token(&good_header(), &claims)).unwrap();
    }
    assert_eq!(records(&host).len(), 1);
}
