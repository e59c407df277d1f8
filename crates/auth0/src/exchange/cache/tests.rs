use doorward_core::testing::{FakeFault, FakeHost, finish, finish_all};
use doorward_oauth::testing::caller_with;
use serde_json::json;

use super::*;
use crate::testing::Instance;

const TOKENS: &str = "POST https://tenant.example.com/oauth/token";

/// An instance, and what a user exchanges on it.
struct Setting<'a> {
    host: &'a FakeHost,
    instance: Instance,
}

impl<'a> Setting<'a> {
    fn new(host: &'a FakeHost) -> Self {
        refuse(host);
        Self { host, instance: Instance::new(host) }
    }

    /// What an exchange finds; `None` if there is no token. An exchange at the tenant also counts.
    fn found(&self, caller: &Caller, grant: &[(&str, &str)]) -> Option<ExchangedToken> {
        finish(self.tokens().get(&self.lookup(caller, grant), Freshness::Cached)).ok()
    }

    fn found_text(&self, caller: &Caller, grant: &[(&str, &str)]) -> Option<String> {
        self.found(caller, grant).map(|it| it.token.access_token.expose().to_owned())
    }

    /// Lets the tenant issue a token for this, and only for this.
    fn issue(&self, caller: &Caller, grant: &[(&str, &str)], token: &str, seconds: u64) {
        issue(self.host, token, seconds);
        finish(self.tokens().get(&self.lookup(caller, grant), Freshness::New)).unwrap();
        refuse(self.host);
    }

    fn tokens(&self) -> &ExchangeCache {
        &self.instance.memory.exchanged
    }

    fn lookup<'e>(
        &'e self,
        caller: &'e Caller,
        grant: &[(&'e str, &'e str)],
    ) -> ExchangeLookup<'e> {
        const EXCHANGE: &Exchange<'_> = &Exchange {
            name: String::new(),
            is_connection: true,
            grant: Vec::new(),
            subject_token: None,
            scopes: &[],
        };
        ExchangeLookup::new(self.instance.tenant(self.host), caller, EXCHANGE, grant.to_vec())
    }
}

const GOOGLE: &[(&str, &str)] = &[("connection", "google"), ("subject_token", "t")];
const GITHUB: &[(&str, &str)] = &[("connection", "github"), ("subject_token", "t")];

fn caller(subject: &str, token: &str) -> Caller {
    let claims = json!({ "sub": subject, "client_id": "client" });
    caller_with(claims.as_object().unwrap().clone(), token)
}

fn issue(host: &FakeHost, token: &str, seconds: u64) {
    let token = json!({ "access_token": token, "expires_in": seconds, "scope": "a" });
    host.answers(TOKENS, 200, &token);
}

fn refuse(host: &FakeHost) {
    host.answers(TOKENS, 500, &json!({}));
}

#[test]
fn a_token_is_remembered_until_a_minute_before_its_end() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    setting.issue(&user, GOOGLE, "secret", 100);
    assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"));
    host.now.set(host.now.get() + 39);
    assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"));
    host.now.set(host.now.get() + 1);
    assert_eq!(setting.found_text(&user, GOOGLE), None);
}

/// Reproduction: after a user had disconnected the account at the tenant, calls used it for as long
/// as the last token lived.
#[test]
fn a_token_is_remembered_for_a_minute_and_no_longer_however_long_it_lives() {
    for (setting, seconds) in [(None, 60), (Some("1"), 1), (Some("3600"), 3600)] {
        let host = FakeHost::new();
        if let Some(setting) = setting {
            host.set_variable("exchange_cache_seconds", setting);
        }
        let (one, user) = (Setting::new(&host), caller("u", "t"));
        one.issue(&user, GOOGLE, "secret", 86_400);
        // The user disconnects the account: from now on the tenant issues none.
        let other = Setting::new(&host);
        host.now.set(host.now.get() + seconds - 1);
        assert_eq!(one.found_text(&user, GOOGLE).as_deref(), Some("secret"), "{seconds} s");
        host.now.set(host.now.get() + 1);
        for instance in [&one, &other, &Setting::new(&host)] {
            assert_eq!(instance.found_text(&user, GOOGLE), None, "{seconds} s");
        }
    }
}

#[test]
fn with_0_no_token_is_remembered_at_all() {
    let host = FakeHost::new();
    host.set_variable("exchange_cache_seconds", "0");
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    issue(&host, "secret", 86_400);
    for _ in 0..3 {
        let obtained = setting.found(&user, GOOGLE).unwrap();
        assert!(!obtained.is_cached);
    }
    assert_eq!(host.count(TOKENS), 3);
    assert!(host.store.borrow().is_empty());
    assert!(setting.tokens().0.peek(&setting.lookup(&user, GOOGLE).key).is_none());
    refuse(&host);
    assert_eq!(setting.found_text(&user, GOOGLE), None);
}

#[test]
fn a_revocation_forgets_the_tokens_of_its_user_on_every_instance() {
    let host = FakeHost::new();
    host.set_variable("revocation_secret", "a-revocation-secret-of-32-letters");
    let instances = [Setting::new(&host), Setting::new(&host)];
    let (one, other) = (caller("u", "t"), caller("v", "t"));
    let revoke = |who: &str| {
        let (tenant, revocation) = (instances[0].instance.tenant(&host), &instances[0].instance);
        let settings = revocation.settings.revocation.as_ref().unwrap();
        finish_all([crate::revocation::revoke_all(&tenant, settings, who)]).remove(0).unwrap();
    };
    for (revoked, others) in [("u", Some("v's")), ("", None)] {
        for instance in &instances {
            instance.issue(&one, GOOGLE, "u's", 1000);
            instance.issue(&other, GOOGLE, "v's", 1000);
        }
        revoke(revoked);
        for instance in instances.iter().chain([&Setting::new(&host)]) {
            assert_eq!(instance.found_text(&one, GOOGLE), None);
            assert_eq!(instance.found_text(&other, GOOGLE).as_deref(), others);
        }
    }
    // What is issued after the revocation is remembered again.
    host.now.set(host.now.get() + 1);
    instances[0].issue(&one, GOOGLE, "new", 1000);
    assert_eq!(instances[1].found_text(&one, GOOGLE).as_deref(), Some("new"));
}

#[test]
fn a_token_counts_only_if_it_is_known_what_was_revoked() {
    let host = FakeHost::new();
    host.set_variable("revocation_secret", "a-revocation-secret-of-32-letters");
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    setting.issue(&user, GOOGLE, "secret", 1000);
    host.store_fault.set(Some(FakeFault::Down));
    assert_eq!(setting.found_text(&user, GOOGLE), None);
    host.store_fault.set(None);
    assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"));
}

#[test]
fn a_token_that_ends_within_a_minute_serves_its_call_and_is_kept_nowhere() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    for (seconds, is_kept) in [(1, false), (60, false), (61, true)] {
        issue(&host, "brief", seconds);
        let obtained = setting.found(&user, GOOGLE).unwrap();
        assert_eq!(obtained.token.access_token.expose(), "brief");
        assert!(!obtained.is_cached, "{seconds} s");
        let key = setting.lookup(&user, GOOGLE).key;
        assert_eq!(setting.tokens().0.peek(&key).is_some(), is_kept, "{seconds} s");
        assert_eq!(!host.store.borrow().is_empty(), is_kept, "{seconds} s");
    }
}

#[test]
fn an_expired_token_leaves_the_memory_when_it_is_met() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    setting.issue(&user, GOOGLE, "secret", 100);
    let key = setting.lookup(&user, GOOGLE).key;
    host.now.set(host.now.get() + 40);
    let other = Setting::new(&host);
    for setting in [&setting, &other] {
        assert_eq!(setting.found_text(&user, GOOGLE), None, "there is no new one");
        assert!(setting.tokens().0.peek(&key).is_none());
    }
}

#[test]
fn another_instance_finds_it_in_the_store_and_its_scopes_with_it() {
    let host = FakeHost::new();
    let user = caller("u", "t");
    Setting::new(&host).issue(&user, GOOGLE, "secret", 100);
    let other = Setting::new(&host);
    let ExchangedToken { token, is_cached } = other.found(&user, GOOGLE).unwrap();
    assert_eq!(token.access_token.expose(), "secret");
    assert_eq!(
        (token.expires_at, token.scopes, is_cached),
        (host.now.get() + 100, Some(vec!["a".to_owned()]), true)
    );
    host.store.borrow_mut().clear();
    assert!(other.found(&user, GOOGLE).is_some(), "it is in memory now");
}

#[test]
fn nobody_else_finds_it_and_nothing_else_does() {
    let host = FakeHost::new();
    let setting = Setting::new(&host);
    setting.issue(&caller("u", "t"), GOOGLE, "secret", 1000);
    for (other, grant) in [
        (caller("v", "t"), GOOGLE),
        (caller("u", "another token"), GOOGLE),
        (caller("u", "t"), GITHUB),
        (caller("u", "t"), &GOOGLE[..1]),
    ] {
        assert_eq!(setting.found_text(&other, grant), None);
        assert_eq!(Setting::new(&host).found_text(&other, grant), None);
    }
}

#[test]
fn a_copy_of_the_store_is_worth_nothing_without_the_callers_token() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    setting.issue(&user, GOOGLE, "secret", 1000);
    let (key, sealed) = host.store.borrow_mut().pop_first().unwrap();
    assert!(key.starts_with("doorward:v2:token:") && key.len() <= 22, "{key}");
    assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
    // It is found in the place of another token of the same user, and does not open.
    let thief = caller("u", "another token");
    let store_key = |user: &Caller| setting.lookup(user, GOOGLE).store_key();
    assert_eq!(store_key(&thief), store_key(&user));
    // The server's own keys do not open it either.
    host.store.borrow_mut().insert(key, sealed);
    assert_eq!(Setting::new(&host).found_text(&thief, GOOGLE), None);
    let lookup = setting.lookup(&user, GOOGLE);
    let tenant = setting.instance.tenant(&host);
    assert_eq!(finish(tenant.store().get(&lookup.store_key())), Ok(None));
    assert_eq!(Setting::new(&host).found_text(&user, GOOGLE).as_deref(), Some("secret"));
}

#[test]
fn the_next_token_of_a_user_takes_the_place_of_the_last() {
    let host = FakeHost::new();
    for number in 0..5 {
        let user = caller("u", &format!("token {number}"));
        Setting::new(&host).issue(&user, GOOGLE, "x", 1000);
    }
    assert_eq!(host.store.borrow().len(), 1);
}

#[test]
fn what_is_forgotten_is_nowhere() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    setting.issue(&user, GOOGLE, "secret", 1000);
    finish(setting.tokens().forget(&setting.lookup(&user, GOOGLE)));
    assert!(host.store.borrow().is_empty());
    assert_eq!(setting.found_text(&user, GOOGLE), None);
}

#[test]
fn a_broken_store_costs_an_exchange_and_nothing_else() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        let host = FakeHost::new();
        host.store_fault.set(Some(fault));
        let (setting, user) = (Setting::new(&host), caller("u", "t"));
        assert_eq!(setting.found_text(&user, GOOGLE), None, "{fault:?}");
        setting.issue(&user, GOOGLE, "secret", 1000);
        assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"), "{fault:?}");
    }
}

#[test]
fn the_memory_has_an_end_and_keeps_the_newest() {
    let host = FakeHost::new();
    let setting = Setting::new(&host);
    let users: Vec<_> = (0..1000).map(|number| caller(&format!("u{number}"), "t")).collect();
    for user in &users {
        setting.issue(user, GOOGLE, "x", 1000);
    }
    let is_known = |user: &&Caller| {
        let lookup = setting.lookup(user, GOOGLE);
        setting.tokens().0.peek(&lookup.key).is_some()
    };
    assert_eq!(users.iter().filter(is_known).count(), MAX_TOKENS);
    assert!(is_known(&users.last().unwrap()) && !is_known(&&users[0]));
}

#[test]
fn a_token_does_not_show_itself() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "very-secret-callers"));
    setting.issue(&user, GOOGLE, "very-secret", 1000);
    let obtained = setting.found(&user, GOOGLE).unwrap();
    for shown in [format!("{obtained:?}"), format!("{:?}", setting.tokens())] {
        assert!(!shown.contains("very-secret"), "{shown}");
    }
}

#[test]
fn the_same_exchange_is_made_once_at_a_time() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    issue(&host, "secret", 1000);
    host.polls.set(3);
    let lookups: Vec<_> = (0..16).map(|_| setting.lookup(&user, GOOGLE)).collect();
    let obtained =
        finish_all(lookups.iter().map(|lookup| setting.tokens().get(lookup, Freshness::Cached)));
    assert_eq!(host.count(TOKENS), 1);
    let remembered = obtained.iter().filter(|it| it.as_ref().unwrap().is_cached).count();
    assert_eq!(remembered, 15, "a new one was issued for one of them");
}

#[test]
fn an_account_is_used_as_soon_as_it_is_connected() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    let error = json!({ "error": "federated_connection_refresh_token_not_found" });
    host.answers(TOKENS, 401, &error);
    for _ in 0..3 {
        assert_eq!(setting.found_text(&user, GOOGLE), None);
    }
    assert_eq!(host.count(TOKENS), 3);
    issue(&host, "secret", 1000);
    assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"));
}

#[test]
fn a_tenant_that_gave_no_answer_is_asked_again_at_once() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    host.answers(TOKENS, 500, &json!({}));
    assert_eq!(setting.found_text(&user, GOOGLE), None);
    issue(&host, "secret", 1000);
    assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"));
}

#[test]
fn a_refusal_is_remembered_for_two_seconds_for_its_exchange_alone() {
    for (status, error) in [(429, "too_many_requests"), (401, "invalid_client")] {
        let host = FakeHost::new();
        let (setting, user) = (Setting::new(&host), caller("u", "t"));
        let fail = || host.answers(TOKENS, status, &json!({ "error": error }));
        fail();
        for _ in 0..3 {
            assert_eq!(setting.found_text(&user, GOOGLE), None);
        }
        assert_eq!(host.count(TOKENS), 1, "{status}");
        issue(&host, "secret", 1000);
        let other = caller("v", "t");
        assert_eq!(setting.found_text(&other, GOOGLE).as_deref(), Some("secret"), "{status}");
        assert_eq!(setting.found_text(&user, GITHUB).as_deref(), Some("secret"), "{status}");
        assert_eq!(setting.found_text(&user, GOOGLE), None, "{status}");
        host.now.set(host.now.get() + 2);
        assert_eq!(setting.found_text(&user, GOOGLE).as_deref(), Some("secret"), "{status}");
    }
}

#[test]
fn a_token_that_was_refused_is_not_taken_from_a_store_that_still_has_it() {
    let host = FakeHost::new();
    let (setting, user) = (Setting::new(&host), caller("u", "t"));
    setting.issue(&user, GOOGLE, "revoked", 1000);
    // Another region of the store may answer a moment later as if nothing had been removed.
    let records = host.store.borrow().clone();
    host.polls.set(1);
    issue(&host, "new", 1000);
    let lookup = setting.lookup(&user, GOOGLE);
    let mut get = Box::pin(setting.tokens().get(&lookup, Freshness::New));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let obtained = loop {
        if let std::task::Poll::Ready(obtained) = get.as_mut().poll(&mut context) {
            break obtained.unwrap();
        }
        if host.store.borrow().is_empty() {
            host.store.borrow_mut().extend(records.clone());
        }
    };
    assert_eq!(obtained.token.access_token.expose(), "new");
    assert!(!obtained.is_cached);
}
