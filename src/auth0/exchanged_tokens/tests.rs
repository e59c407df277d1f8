use serde_json::json;

use super::*;
use crate::testing::{FakeFault, FakeHost, finish};

fn config(host: &FakeHost) -> Config {
    finish(Config::load(host)).unwrap()
}

fn caller(subject: &str, token: &str) -> Caller {
    let claims = json!({ "sub": subject, "client_id": "client" });
    Caller::for_test(claims.as_object().unwrap().clone(), token.into())
}

fn slot(host: &FakeHost, caller: &Caller, connection: &str) -> Slot {
    Slot::new(&config(host), caller, &[("connection", connection), ("subject_token", "t")])
}

fn token(host: &FakeHost, text: &str, seconds: u64) -> IssuedToken {
    let access_token = Secret::from(text.to_owned());
    IssuedToken {
        access_token,
        expires_at: host.now.get() + seconds,
        scopes: Some(vec!["a".into()]),
    }
}

fn found(tokens: &ExchangedTokens, host: &FakeHost, slot: &Slot) -> Option<String> {
    finish(tokens.find(host, slot)).map(|token| token.access_token.expose().to_owned())
}

#[test]
fn a_token_is_remembered_until_a_minute_before_its_end() {
    let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
    let slot = slot(&host, &caller("u", "t"), "google");
    finish(tokens.remember(&host, &slot, &token(&host, "secret", 100)));
    assert_eq!(found(&tokens, &host, &slot).as_deref(), Some("secret"));
    host.now.set(host.now.get() + 39);
    assert_eq!(found(&tokens, &host, &slot).as_deref(), Some("secret"));
    host.now.set(host.now.get() + 1);
    assert_eq!(found(&tokens, &host, &slot), None);
    finish(tokens.remember(&host, &slot, &token(&host, "brief", 60)));
    assert_eq!(found(&tokens, &host, &slot), None, "not worth remembering");
}

#[test]
fn another_instance_finds_it_in_the_store_and_its_scopes_with_it() {
    let host = FakeHost::new();
    let slot = slot(&host, &caller("u", "t"), "google");
    finish(ExchangedTokens::default().remember(&host, &slot, &token(&host, "secret", 100)));
    let other = ExchangedTokens::default();
    let found = finish(other.find(&host, &slot)).unwrap();
    assert_eq!(found.access_token.expose(), "secret");
    assert_eq!(
        (found.expires_at, found.scopes),
        (host.now.get() + 100, Some(vec!["a".to_owned()]))
    );
    host.store.borrow_mut().clear();
    assert!(finish(other.find(&host, &slot)).is_some(), "it is in memory now");
}

#[test]
fn nobody_else_finds_it_and_nothing_else_does() {
    let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
    let own = slot(&host, &caller("u", "t"), "google");
    finish(tokens.remember(&host, &own, &token(&host, "secret", 1000)));
    for other in [
        slot(&host, &caller("v", "t"), "google"),
        slot(&host, &caller("u", "another token"), "google"),
        slot(&host, &caller("u", "t"), "github"),
        Slot::new(&config(&host), &caller("u", "t"), &[("connection", "google")]),
    ] {
        assert_eq!(found(&tokens, &host, &other), None);
        assert_eq!(found(&ExchangedTokens::default(), &host, &other), None);
    }
}

#[test]
fn a_copy_of_the_store_is_worth_nothing_without_the_callers_token() {
    let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
    let own = slot(&host, &caller("u", "t"), "google");
    finish(tokens.remember(&host, &own, &token(&host, "secret", 1000)));
    let (key, sealed) = host.store.borrow_mut().pop_first().unwrap();
    assert!(key.starts_with("doorward:v1:token:") && key.len() == 61, "{key}");
    assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
    // Put in the place of another caller's, who has the same place with another token.
    let thief = slot(&host, &caller("u", "another token"), "google");
    assert_eq!(thief.key, key);
    host.store.borrow_mut().insert(key, sealed);
    assert_eq!(found(&ExchangedTokens::default(), &host, &thief), None);
}

#[test]
fn the_next_token_of_a_user_takes_the_place_of_the_last() {
    let host = FakeHost::new();
    for number in 0..5 {
        let slot = slot(&host, &caller("u", &format!("token {number}")), "google");
        finish(ExchangedTokens::default().remember(&host, &slot, &token(&host, "x", 1000)));
    }
    assert_eq!(host.store.borrow().len(), 1);
}

#[test]
fn what_is_forgotten_is_nowhere() {
    let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
    let slot = slot(&host, &caller("u", "t"), "google");
    finish(tokens.remember(&host, &slot, &token(&host, "secret", 1000)));
    finish(tokens.forget(&host, &slot));
    assert_eq!(found(&tokens, &host, &slot), None);
    assert!(host.store.borrow().is_empty());
}

#[test]
fn a_broken_store_costs_an_exchange_and_nothing_else() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized] {
        let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
        host.store_fault.set(Some(fault));
        let slot = slot(&host, &caller("u", "t"), "google");
        assert_eq!(found(&tokens, &host, &slot), None, "{fault:?}");
        finish(tokens.remember(&host, &slot, &token(&host, "secret", 1000)));
        assert_eq!(found(&tokens, &host, &slot).as_deref(), Some("secret"), "{fault:?}");
    }
}

#[test]
fn the_memory_has_an_end_and_keeps_what_lasts_longest() {
    let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
    for number in 0..1000 {
        let slot = slot(&host, &caller(&format!("u{number}"), "t"), "google");
        finish(tokens.remember(&host, &slot, &token(&host, "x", 1000 + number)));
    }
    assert_eq!(tokens.0.borrow().len(), MAX_TOKENS);
    host.store.borrow_mut().clear();
    let of = |number: u64| slot(&host, &caller(&format!("u{number}"), "t"), "google");
    assert!(found(&tokens, &host, &of(999)).is_some());
    assert!(found(&tokens, &host, &of(0)).is_none());
}

#[test]
fn a_token_does_not_show_itself() {
    let (host, tokens) = (FakeHost::new(), ExchangedTokens::default());
    let slot = slot(&host, &caller("u", "t"), "google");
    let token = token(&host, "very-secret", 1000);
    finish(tokens.remember(&host, &slot, &token));
    for shown in [format!("{token:?}"), format!("{tokens:?}")] {
        assert!(!shown.contains("very-secret"), "{shown}");
    }
}
