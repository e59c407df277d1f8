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
fn of_whoever_has_most_in_a_full_record_a_token_gives_way_to_a_caller_who_has_none() {
    let host = host_with_key("key");
    let instance = Instance::new(&host).with_buckets(1);
    let good = token(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let of = |number: usize, caller: &str| format!("{signed}.{number:A>338}{caller}");
    let known = |token: &str| instance_with_one_bucket(&host, token).is_ok();
    let room = [("BBBA", 8), ("CCCA", 8), ("DDDA", 7), ("EEEA", 7), ("FFFA", 2)];
    for (caller, count) in room {
        for number in 0..count {
            write_record(&host, &instance, &of(number, caller), "key", NOW);
        }
    }
    let tokens_left =
        || room.map(|(caller, count)| (0..count).filter(|it| known(&of(*it, caller))).count());
    // Whoever has a token there gets no further place, and each newcomer gets one.
    for (newcomer, expected) in [
        (of(9, "FFFA"), [8, 8, 7, 7, 2]),
        (of(0, "GGGA"), [7, 8, 7, 7, 2]),
        (of(1, "GGGA"), [7, 8, 7, 7, 2]),
        (of(0, "HHHA"), [7, 7, 7, 7, 2]),
        (of(0, "IIIA"), [6, 7, 7, 7, 2]),
    ] {
        write_record(&host, &instance, &newcomer, "key", NOW);
        assert_eq!(tokens_left(), expected);
        assert_eq!(known(&newcomer), !["9FFFA", "1GGGA"].iter().any(|it| newcomer.ends_with(it)));
    }
    assert!(!known(&of(0, "BBBA")) && !known(&of(1, "BBBA")), "the oldest of them");
}

/// Tokens of different callers: the last four letters tell them apart.
fn tokens_of_callers(count: usize) -> Vec<String> {
    let good = token(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    (0..count).map(|it| format!("{signed}.{it:A>341}A")).collect()
}

#[test]
fn a_full_record_keeps_the_tokens_that_still_count_and_is_not_written() {
    let host = host_with_key("key");
    let instance = Instance::new(&host).with_buckets(1);
    let tokens = tokens_of_callers(TOKENS + 1);
    let (last, first) = tokens.split_last().unwrap();
    for token in first {
        write_record(&host, &instance, token, "key", NOW);
    }
    let written = host.store.borrow().clone();
    for (token, now) in [(last, NOW), (last, NOW + 299), (&first[1], NOW + 299)] {
        write_record(&host, &instance, token, "key", now);
        assert_eq!(*host.store.borrow(), written, "at {now}");
    }
    for token in first {
        assert_eq!(instance_with_one_bucket(&host, token), Ok(()));
    }
    let refused = Err(TokenError::SignatureWrong.into());
    assert_eq!(instance_with_one_bucket(&host, last), refused);
}

#[test]
fn in_a_full_record_the_oldest_token_that_counts_no_more_gives_way() {
    let host = host_with_key("key");
    let instance = Instance::new(&host).with_buckets(1);
    let tokens = tokens_of_callers(TOKENS + 2);
    for (token, now) in tokens[..TOKENS].iter().zip(NOW..) {
        write_record(&host, &instance, token, "key", now);
    }
    let known_at = |now: u64| {
        host.now.set(now);
        let is_known = |it: &usize| instance_with_one_bucket(&host, &tokens[*it]).is_ok();
        (0..TOKENS + 2).filter(is_known).collect::<Vec<_>>()
    };
    // The first and the third one are verified again, and replace only themselves.
    for index in [0, 2, TOKENS] {
        write_record(&host, &instance, &tokens[index], "key", NOW + 303);
    }
    // At this time the old entries would count, and the new ones do not yet.
    let old: Vec<_> = (3..TOKENS).collect();
    assert_eq!(known_at(NOW + 299), old, "the second one gave way");
    write_record(&host, &instance, &tokens[TOKENS + 1], "key", NOW + 303);
    assert_eq!(known_at(NOW + 299), old[1..], "then the fourth");
    let expected: Vec<_> = [0, 2].into_iter().chain(4..TOKENS + 2).collect();
    assert_eq!(known_at(NOW + 303), expected);
}

#[test]
fn a_caller_with_many_tokens_has_a_share_of_a_record() {
    let host = host_with_key("key");
    let instance = Instance::new(&host).with_buckets(1);
    let good = token(&good_header(), &good_claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let of = |number: usize, caller: &str| format!("{signed}.{number:A>338}{caller}");
    let known = |token: &str| instance_with_one_bucket(&host, token).is_ok();
    let own = || (0..=TOKENS).filter(|it| known(&of(*it, "BBBA"))).collect::<Vec<_>>();
    write_record(&host, &instance, &of(0, "CCCA"), "key", NOW - 200);
    for number in 0..=TOKENS {
        write_record(&host, &instance, &of(number, "BBBA"), "key", NOW);
    }
    assert_eq!(own(), (0..TOKENS_OF_CALLER).collect::<Vec<_>>());
    assert!(known(&of(0, "CCCA")));

    // When they count no more, it is again a token of that caller that gives way.
    host.now.set(NOW + 300);
    for number in [TOKENS - 1, TOKENS] {
        write_record(&host, &instance, &of(number, "BBBA"), "key", NOW + 300);
    }
    assert_eq!(own(), [TOKENS - 1, TOKENS]);
    host.now.set(NOW);
    assert!(known(&of(0, "CCCA")), "it is older, and another caller's");
    assert_eq!(own(), (2..TOKENS_OF_CALLER).collect::<Vec<_>>(), "its two oldest gave way");
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
