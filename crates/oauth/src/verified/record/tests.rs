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
    let server = instance.server(host);
    let signature = CheckedSignature::new(&server, token, &jwt, &key.unwrap());
    let before = host.now.replace(now);
    let caller = token.as_bytes().last_chunk().copied().unwrap();
    finish(signature.write(&server.store, &CheckedSignatures::default(), caller));
    host.now.set(before);
}

/// What becomes of the forged token if there is this record of it.
fn outcome(key: &str, verified_at: u64) -> Result<(), AuthenticationError> {
    let host = host_with_key("key");
    write_record(&host, &Instance::new(&host), &forged(), key, verified_at);
    authenticate(&host, &forged())
}

/// On a new instance, which then tells others.
fn authenticate(host: &FakeHost, token: &str) -> Result<(), AuthenticationError> {
    let instance = Instance::new(host);
    let outcome = instance.authenticate_bearer(host, token).map(drop);
    finish(instance.memory.share(&instance.store(host)));
    outcome
}

/// On a new instance whose store has one bucket of each kind.
fn instance_with_one_bucket(host: &FakeHost, token: &str) -> Result<(), AuthenticationError> {
    Instance::new(host).with_buckets(1).authenticate_bearer(host, token).map(drop)
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
fn of_tokens_that_share_a_record_the_last_ones_are_in_it() {
    let host = host_with_key("key");
    let instance = Instance::new(&host).with_buckets(1);
    let good = token(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    // Each is another caller's: the last four letters tell them apart.
    let forged: Vec<_> = (0..=TOKENS).map(|it| format!("{signed}.{it:A>341}A")).collect();
    for token in &forged {
        write_record(&host, &instance, token, "key", NOW);
    }
    // What is there already is not written again, and one that is written again is there once.
    write_record(&host, &instance, &forged[1], "key", NOW + 1);
    write_record(&host, &instance, &forged[2], "key", NOW + 300);
    let verdict = |token: &str| instance_with_one_bucket(&host, token);
    assert_eq!(verdict(&forged[0]), Err(TokenError::SignatureWrong.into()), "it was the first");
    assert_eq!(verdict(&forged[1]), Ok(()));
    assert_eq!(verdict(&forged[TOKENS]), Ok(()));
    host.now.set(NOW + 301);
    assert_eq!(verdict(&forged[1]), Err(TokenError::SignatureWrong.into()), "it is too old");
    assert_eq!(verdict(&forged[2]), Ok(()));
}

#[test]
fn a_caller_with_many_tokens_pushes_out_its_own() {
    let host = host_with_key("key");
    let instance = Instance::new(&host).with_buckets(1);
    let good = token(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let of = |number: usize, caller: &str| format!("{signed}.{number:A>338}{caller}");
    write_record(&host, &instance, &of(0, "CCCA"), "key", NOW);
    for number in 0..=TOKENS {
        write_record(&host, &instance, &of(number, "BBBA"), "key", NOW);
    }
    let known = |token: &str| instance_with_one_bucket(&host, token).is_ok();
    assert!(known(&of(0, "CCCA")));
    let own = (0..=TOKENS).filter(|number| known(&of(*number, "BBBA")));
    assert_eq!(own.collect::<Vec<_>>(), (TOKENS - 7..=TOKENS).collect::<Vec<_>>());
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
fn every_token_that_an_instance_verified_is_known_to_others() {
    let host = host_with_key("key");
    let instance = Instance::new(&host);
    let of_user = |subject: &str| {
        let mut claims = good_claims();
        claims["sub"] = json!(subject);
        token(&good_header(), &claims)
    };
    let tokens = ["auth0|1", "auth0|2", "auth0|3"].map(of_user);
    assert!(!instance.memory.has_unshared());
    for token in &tokens {
        instance.authenticate_bearer(&host, token).unwrap();
        assert!(instance.memory.has_unshared());
    }
    finish(instance.memory.share(&instance.store(&host)));
    assert!(!instance.memory.has_unshared());
    let other = Instance::new(&host);
    let server = other.server(&host);
    for token in &tokens {
        let jwt = UntrustedJwt::parse(token).unwrap();
        let key = SigningKey::from_jwk(&jwk("key")).unwrap();
        let signature = CheckedSignature::new(&server, token, &jwt, &key);
        let state = finish(signature.find(&server.store, &CheckedSignatures::default()));
        assert_eq!(state, SignatureState::Recent);
        other.authenticate_bearer(&host, token).unwrap();
    }
    assert!(!other.memory.has_unshared(), "nobody is told what is known");
}
