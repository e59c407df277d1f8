use super::*;
use crate::auth0::permissions::testing::{API, FakeTenant, Instance, TOKENS, USERS, config, user};

const NOBODY: &str = "auth0|21";

#[test]
fn a_warm_decision_asks_nobody_and_waits_for_nothing() {
    let host = FakeTenant::new().host();
    let config = config(&host, &[]);
    let (instance, user) = (Instance::default(), user("auth0|1"));
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    let sent = host.sent.borrow().len();
    host.fake.polls.set(1);
    let decided =
        futures_util::FutureExt::now_or_never(instance.decide(&host, &config, &user, &["greet"]));
    assert_eq!(decided, Some(vec![Decision::Allowed]), "not even key-value was waited for");
    assert_eq!(host.sent.borrow().len(), sent);
}

#[test]
fn with_setting_0_every_call_asks_two_questions_at_the_same_time() {
    let host = FakeTenant::new().host();
    let config = config(&host, &[("permission_cache_seconds", "0")]);
    let (instance, user) = (Instance::default(), user("auth0|1"));
    instance.decided(&host, &config, &user, "greet");
    host.sent.borrow_mut().clear();
    host.latency.set(100);
    let begun = host.clock.millis();
    for _ in 0..10 {
        assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    }
    assert_eq!(host.clock.millis() - begun, 10 * 100, "one round trip each");
    assert_eq!((host.count(API), host.count(USERS), host.count(TOKENS)), (10, 10, 0));
    assert!(host.fake.store.borrow().keys().all(|key| !key.contains("permissions")));
}

#[test]
fn a_permission_that_was_removed_is_refused_after_the_setting_at_the_latest() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[]);
    let (instance, user) = (Instance::default(), user("auth0|1"));
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    let asked_at = host.sent.borrow().last().map(|(at, _)| *at).unwrap();
    tenant.held.borrow_mut().insert("auth0|1".to_owned(), Vec::new());
    host.clock.advance(asked_at + 9_999 - host.clock.millis());
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    host.clock.advance(1);
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::LacksPermission);
    let another = Instance::default();
    assert_eq!(another.decided(&host, &config, &user, "greet"), Decision::LacksPermission);
}

#[test]
fn a_no_is_remembered_half_as_long() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[]);
    tenant.held.borrow_mut().insert(NOBODY.to_owned(), Vec::new());
    let (instance, user) = (Instance::default(), user(NOBODY));
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::LacksPermission);
    tenant.held.borrow_mut().insert(NOBODY.to_owned(), vec!["tool:greet".to_owned()]);
    host.clock.advance(4_900);
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::LacksPermission);
    host.clock.advance(100);
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    assert_eq!((host.count(API), host.count(USERS)), (1, 2), "only the user was asked about again");
}

#[test]
fn what_the_api_defines_is_asked_once_for_all_users() {
    let host = FakeTenant::new().host();
    let config = config(&host, &[]);
    let instance = Instance::default();
    let users: Vec<_> = (1..=16).map(|number| user(&format!("auth0|{number}"))).collect();
    let decide =
        |user| -> PortFuture<'_, _> { Box::pin(instance.decide(&host, &config, user, &["greet"])) };
    let decisions = host.clock.run(users.iter().chain(&users).map(decide).collect());
    assert!(decisions.iter().flatten().all(|decision| *decision == Decision::Allowed));
    assert_eq!((host.count(API), host.count(USERS), host.count(TOKENS)), (1, 16, 1));
}

#[test]
fn instances_share_what_they_know_through_key_value() {
    let host = FakeTenant::new().host();
    let config = config(&host, &[]);
    let user = user("auth0|1");
    for _ in 0..20 {
        let instance = Instance::default();
        assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    }
    assert_eq!((host.count(API), host.count(USERS)), (1, 1));
}

#[test]
fn key_value_holds_no_subject_and_no_body_in_clear() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[]);
    let names = ["tool:greet", "read:mail", "https://other.example.com/ tool:whoami"];
    let names = names.map(str::to_owned).to_vec();
    tenant.held.borrow_mut().insert("auth0|1".to_owned(), names);
    Instance::default().decided(&host, &config, &user("auth0|1"), "greet");
    let store = host.fake.store.borrow();
    let text: String = store
        .iter()
        .map(|(key, value)| format!("{key} = {}\n", String::from_utf8_lossy(value)))
        .collect();
    assert_eq!(store.keys().filter(|key| key.starts_with("doorward:v1:permissions:")).count(), 2);
    assert!(text.contains("tool:greet"));
    for absent in ["auth0", "identifier", "read:mail", "tool:whoami", "mcp.example.com", "token-"] {
        assert!(!text.contains(absent), "{absent} is in {text}");
    }
}

#[test]
fn whatever_is_wrong_with_the_store_costs_nobody_an_answer() {
    use crate::testing::FakeFault::{Down, Garbage, Oversized, Slow};
    for fault in [Down, Garbage, Oversized, Slow] {
        let host = FakeTenant::new().host();
        let config = config(&host, &[]);
        host.fake.store_fault.set(Some(fault));
        let instance = Instance::default();
        let decision = instance.decided(&host, &config, &user("auth0|1"), "greet");
        assert_eq!(decision, Decision::Allowed, "{fault:?}");
    }
}

#[test]
fn a_record_of_another_time_is_not_believed() {
    let host = FakeTenant::new().host();
    let config = config(&host, &[]);
    let user = user("auth0|1");
    Instance::default().decided(&host, &config, &user, "greet");
    let now = host.clock.millis();
    for asked_at in [0, now - 10_000, now + 3_000, u64::MAX] {
        for value in host.fake.store.borrow_mut().values_mut() {
            let record =
                serde_json::json!({ "asked_at": asked_at, "names": [], "user_exists": true });
            *value = record.to_string().into_bytes();
        }
        let decision = Instance::default().decided(&host, &config, &user, "greet");
        assert_eq!(decision, Decision::Allowed, "{asked_at}");
        assert_eq!(host.count(API), host.count(USERS));
    }
    assert_eq!(host.count(USERS), 5);
}

#[test]
fn nothing_is_served_past_its_time_when_the_tenant_is_down() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[]);
    let (instance, user) = (Instance::default(), user("auth0|1"));
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    tenant.answer_instead("/api/v2/", Ok((503, "")));
    host.clock.advance(9_000);
    assert_eq!(instance.decided(&host, &config, &user, "greet"), Decision::Allowed);
    host.clock.advance(1_000);
    let decision = instance.decided(&host, &config, &user, "greet");
    assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
    assert_eq!(host.count(USERS), 1 + 3, "a read is tried twice more");
}

#[test]
fn those_who_wait_for_the_same_fail_together() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[]);
    tenant.answer_instead("/api/v2/", Err(crate::host::HttpFailure::TimedOut));
    host.latency.set(5_000);
    let (instance, user) = (Instance::default(), user("auth0|1"));
    let decide =
        |_| -> PortFuture<'_, _> { Box::pin(instance.decide(&host, &config, &user, &["greet"])) };
    let begun = host.clock.millis();
    let decisions = host.clock.run((0..16).map(decide).collect());
    assert!(decisions.iter().flatten().all(|it| matches!(it, Decision::Undecided(_))));
    assert_eq!((host.count(API), host.count(USERS)), (1, 1));
    assert!(
        host.clock.millis() - begun < 5_000 + 5_000 + 100,
        "a token, and an answer that does not come"
    );
}

#[test]
fn effective_permissions_are_asked_for_when_the_operator_selects_them() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[("effective_permissions", "true")]);
    let mut names: Vec<String> = (0..250).map(|number| format!("tool:{number}")).collect();
    names.push("tool:greet".to_owned());
    tenant.held.borrow_mut().insert("auth0|1".to_owned(), names);
    let instance = Instance::default();
    assert_eq!(instance.decided(&host, &config, &user("auth0|1"), "greet"), Decision::Allowed);
    assert_eq!(host.count("/users/auth0%7C1/effective-permissions?resource_server_identifier=https%3A%2F%2Fmcp.example.com%2Fmcp&take=100"), 3);
    assert_eq!(host.count("/permissions?"), 0);
}

#[test]
fn all_pages_are_read() {
    let tenant = FakeTenant::new();
    let host = tenant.host();
    let config = config(&host, &[]);
    let of_many_apis = |number: usize| format!("https://{}.example/ tool:{number}", number % 30);
    let mut names: Vec<String> = (0..999).map(of_many_apis).collect();
    names.push("tool:greet".to_owned());
    tenant.held.borrow_mut().insert("auth0|1".to_owned(), names);
    let instance = Instance::default();
    assert_eq!(instance.decided(&host, &config, &user("auth0|1"), "greet"), Decision::Allowed);
    assert_eq!(host.count(USERS), 10);
}

#[test]
fn a_subject_is_one_segment_whatever_is_in_it() {
    for subject in ["auth0|a/../b", "auth0|%2F", "waad|jö@example.com", "x|?#&", "auth0|\u{202e}"]
    {
        let tenant = FakeTenant::new();
        let host = tenant.host();
        let config = config(&host, &[]);
        tenant.held.borrow_mut().insert(subject.to_owned(), vec!["tool:greet".to_owned()]);
        let instance = Instance::default();
        assert_eq!(instance.decided(&host, &config, &user(subject), "greet"), Decision::Allowed);
        assert_eq!(
            instance.decided(&host, &config, &user("auth0|b"), "greet"),
            Decision::UserUnknown
        );
    }
    let host = FakeTenant::new().host();
    let config = config(&host, &[]);
    let decision = Instance::default().decided(&host, &config, &user(".."), "greet");
    assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
    assert_eq!(host.count(USERS), 0);
}
