use doorward_core::{
    host::HttpError,
    testing::{
        FakeFault::{Down, Garbage, Oversized, Slow},
        SimulatedHost, finish,
    },
};
use futures_util::FutureExt;

use super::*;
use crate::management::Sent;
use crate::testing::{API, FakeTenant, Instance, TOKENS, USERS, user};
use crate::{permissions::Decision, revocation::revoke_all};

mod blocked;
mod organizations;

const NOBODY: &str = "auth0|21";

/// The keys of what a decision about `auth0|1` needs.
fn store_keys(instance: &Instance, host: &SimulatedHost) -> [StoreKey; 2] {
    let tenant = instance.tenant(host);
    [Question::Defined, Question::Held("auth0|1")]
        .map(|question| StoreKey::new(Kind::Permissions, &question.parts(&tenant)))
}

/// What is stored under them, opened.
fn stored(instance: &Instance, host: &SimulatedHost) -> [Option<Vec<u8>>; 2] {
    store_keys(instance, host).map(|key| finish(instance.oauth.store(host).get(&key)).unwrap())
}

#[test]
fn a_warm_decision_sends_nothing_and_waits_for_nothing() {
    let host = FakeTenant::new().host(&[]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    let sent = host.sent.borrow().len();
    host.fake.polls.set(1);
    let decided = instance.decide(&host, &user, &["greet"]).now_or_never();
    assert_eq!(decided, Some(vec![Decision::Allowed]), "it does not even wait for key-value");
    assert_eq!(host.sent.borrow().len(), sent);
}

#[test]
fn with_a_ttl_of_0_every_call_sends_two_requests_at_the_same_time() {
    let host = FakeTenant::new().host(&[("permission_cache_seconds", "0")]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    instance.decided(&host, &user, "greet");
    host.sent.borrow_mut().clear();
    host.latency.set(100);
    let started = host.clock.millis();
    for _ in 0..10 {
        assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    }
    assert_eq!(host.clock.millis() - started, 10 * 100, "one round trip each");
    assert_eq!((host.count(API), host.count(USERS), host.count(TOKENS)), (10, 10, 0));
    assert!(host.fake.store.borrow().keys().all(|key| !key.contains("permissions")));
}

#[test]
fn a_permission_that_was_removed_is_refused_after_the_setting_at_the_latest() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    let asked_at = host.sent.borrow().last().map(|(at, _)| *at).unwrap();
    tenant.let_hold("auth0|1", &[]);
    host.clock.advance(asked_at + 9_999 - host.clock.millis());
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    host.clock.advance(1);
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::LacksPermission);
    let another = Instance::new(&host);
    assert_eq!(another.decided(&host, &user, "greet"), Decision::LacksPermission);
}

#[test]
fn a_refusal_is_cached_half_as_long() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    tenant.let_hold(NOBODY, &[]);
    let (instance, user) = (Instance::new(&host), user(NOBODY));
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::LacksPermission);
    tenant.let_hold(NOBODY, &["tool:greet"]);
    host.clock.advance(4_900);
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::LacksPermission);
    host.clock.advance(100);
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    assert_eq!((host.count(API), host.count(USERS)), (1, 2), "only the user was asked about again");
}

#[test]
fn the_apis_permissions_are_requested_once_for_all_users() {
    let host = FakeTenant::new().host(&[]);
    let instance = Instance::new(&host);
    let users: Vec<_> = (1..=16).map(|number| user(&format!("auth0|{number}"))).collect();
    let decide = |user| -> PortFuture<'_, _> { Box::pin(instance.decide(&host, user, &["greet"])) };
    let decisions = host.clock.run(users.iter().chain(&users).map(decide).collect());
    assert!(decisions.iter().flatten().all(|decision| *decision == Decision::Allowed));
    assert_eq!((host.count(API), host.count(USERS), host.count(TOKENS)), (1, 16, 1));
}

#[test]
fn instances_share_answers_through_key_value() {
    let host = FakeTenant::new().host(&[]);
    let user = user("auth0|1");
    for _ in 0..20 {
        let instance = Instance::new(&host);
        assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    }
    assert_eq!((host.count(API), host.count(USERS)), (1, 1));
}

#[test]
fn key_value_holds_nothing_in_clear_and_only_names_of_tools_sealed() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    let names = ["tool:greet", "read:mail", "https://other.example.com/ tool:whoami"];
    tenant.let_hold("auth0|1", &names);
    let instance = Instance::new(&host);
    instance.decided(&host, &user("auth0|1"), "greet");
    let records = stored(&instance, &host);
    let store = host.fake.store.borrow();
    let text: String = store
        .iter()
        .map(|(key, value)| format!("{key} = {}\n", String::from_utf8_lossy(value)))
        .collect();
    assert_eq!(store.keys().filter(|key| key.starts_with("doorward:v2:permissions:")).count(), 2);
    for absent in ["auth0", "tool:", "names", "mcp.example.com", "token-"] {
        assert!(!text.contains(absent), "{absent} is in {text}");
    }
    for record in records {
        let record = String::from_utf8(record.unwrap()).unwrap();
        assert!(record.contains("tool:greet"));
        for absent in ["auth0", "identifier", "read:mail", "tool:whoami", "mcp.example.com"] {
            assert!(!record.contains(absent), "{absent} is in {record}");
        }
    }
}

#[test]
fn a_store_that_fails_costs_nobody_an_answer() {
    for fault in [Down, Garbage, Oversized, Slow] {
        let host = FakeTenant::new().host(&[]);
        host.fake.store_fault.set(Some(fault));
        let instance = Instance::new(&host);
        let decision = instance.decided(&host, &user("auth0|1"), "greet");
        assert_eq!(decision, Decision::Allowed, "{fault:?}");
    }
}

#[test]
fn a_record_from_another_time_is_not_believed() {
    let host = FakeTenant::new().host(&[]);
    let user = user("auth0|1");
    Instance::new(&host).decided(&host, &user, "greet");
    let now = host.clock.millis();
    let decided = |asked_at: u64, attempted_at: u64| {
        let instance = Instance::new(&host);
        let value = json!({
            "asked_at": asked_at,
            "epoch": [0, 0, 0, 0, 0],
            "names": [],
            "refuses_until": 0,
            "user_exists": true,
        });
        let record = json!({
            "attempted_at": attempted_at,
            "failed": false,
            "forced_at": 0,
            "fetched_at": asked_at,
            "value": value,
        });
        let record = record.to_string();
        for key in store_keys(&instance, &host) {
            finish(instance.oauth.store(&host).set(&key, record.as_bytes())).unwrap();
        }
        instance.decided(&host, &user, "greet")
    };
    for (asked_at, attempted_at) in
        [(0, now), (now - 10_000, now), (now + 3_000, now), (u64::MAX, now), (now, now + 3_000)]
    {
        assert_eq!(decided(asked_at, attempted_at), Decision::Allowed, "{asked_at}");
        assert_eq!(host.count(API), host.count(USERS));
    }
    assert_eq!(host.count(USERS), 6);
    assert_eq!(decided(now, now), Decision::Allowed);
    assert_eq!(host.count(USERS), 6, "this one is believed");
}

#[test]
fn nothing_is_served_past_its_ttl_when_the_tenant_is_down() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    tenant.answer_instead("/api/v2/", Ok((503, "")));
    host.clock.advance(9_000);
    assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
    host.clock.advance(1_000);
    let decision = instance.decided(&host, &user, "greet");
    assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
    assert_eq!(host.count(USERS), 1 + 3, "a read is retried twice");
}

#[test]
fn requests_that_wait_for_the_same_answer_fail_together() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    tenant.answer_instead("/api/v2/", Err(HttpError::TimedOut));
    host.latency.set(1_900);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    let decide = |_| -> PortFuture<'_, _> { Box::pin(instance.decide(&host, &user, &["greet"])) };
    let started = host.clock.millis();
    let decisions = host.clock.run((0..16).map(decide).collect());
    assert!(decisions.iter().flatten().all(|it| matches!(it, Decision::Undecided(_))));
    assert_eq!((host.count(API), host.count(USERS)), (1, 1));
    assert!(
        host.clock.millis() - started < 1_900 + 1_900 + 100,
        "a token, and an answer that does not come"
    );
}

#[test]
fn effective_permissions_are_requested_if_the_operator_selects_them() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[("effective_permissions", "true")]);
    let mut names: Vec<String> = (0..250).map(|number| format!("tool:{number}")).collect();
    names.push("tool:greet".to_owned());
    tenant.held.borrow_mut().insert("auth0|1".to_owned(), names);
    let instance = Instance::new(&host);
    assert_eq!(instance.decided(&host, &user("auth0|1"), "greet"), Decision::Allowed);
    assert_eq!(host.count("/users/auth0%7C1/effective-permissions?resource_server_identifier=https%3A%2F%2Fmcp.example.com%2Fmcp&take=100"), 3);
    assert_eq!(host.count("/permissions?"), 0);
}

#[test]
fn all_pages_are_read() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    let of_many_apis = |number: usize| format!("https://{}.example/ tool:{number}", number % 30);
    let mut names: Vec<String> = (0..999).map(of_many_apis).collect();
    names.push("tool:greet".to_owned());
    tenant.held.borrow_mut().insert("auth0|1".to_owned(), names);
    let instance = Instance::new(&host);
    assert_eq!(instance.decided(&host, &user("auth0|1"), "greet"), Decision::Allowed);
    assert_eq!(host.count(USERS), 10 + 1, "a full page may not be the last, whatever the total is");
}

#[test]
fn a_subject_is_one_segment_whatever_is_in_it() {
    for subject in ["auth0|a/../b", "auth0|%2F", "waad|jö@example.com", "x|?#&", "auth0|\u{202e}"]
    {
        let tenant = FakeTenant::new();
        let host = tenant.host(&[]);
        tenant.let_hold(subject, &["tool:greet"]);
        let instance = Instance::new(&host);
        assert_eq!(instance.decided(&host, &user(subject), "greet"), Decision::Allowed);
        assert_eq!(instance.decided(&host, &user("auth0|b"), "greet"), Decision::UserUnknown);
    }
    let host = FakeTenant::new().host(&[]);
    let decision = Instance::new(&host).decided(&host, &user(".."), "greet");
    assert!(matches!(decision, Decision::Undecided(_)), "{decision:?}");
    assert_eq!(host.count(USERS), 0);
}

#[test]
fn an_instance_remembers_a_bounded_number_of_answers() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[("permission_cache_seconds", "3600")]);
    let instance = Instance::new(&host);
    let key = |subject: &str| Question::Held(subject).key(&instance.tenant(&host));
    for number in 0..=MAX_ANSWERS {
        let subject = format!("auth0|n{number}");
        tenant.let_hold(&subject, &["tool:greet"]);
        assert_eq!(instance.decided(&host, &user(&subject), "greet"), Decision::Allowed);
    }
    let is_known = |number: &usize| {
        instance.memory.permissions.0.peek(&key(&format!("auth0|n{number}"))).is_some()
    };
    // One place is taken by what the API defines, which also gave way once and came back.
    let defined = Question::Defined.key(&instance.tenant(&host));
    assert!(instance.memory.permissions.0.peek(&defined).is_some());
    assert_eq!(host.count(API), 1, "from the store");
    assert_eq!((0..=MAX_ANSWERS).filter(is_known).count(), MAX_ANSWERS - 1);
    assert!(!is_known(&0) && !is_known(&1) && is_known(&2) && is_known(&MAX_ANSWERS));
}

#[test]
fn an_answer_is_found_by_all_that_it_depends_on() {
    let host = FakeTenant::new().host(&[]);
    let instance = Instance::new(&host);
    let asked = Question::Held("auth0|1").key(&instance.tenant(&host));
    let mut keys = vec![
        asked.clone(),
        Question::Defined.key(&instance.tenant(&host)),
        Question::Held("auth0|2").key(&instance.tenant(&host)),
    ];
    for (name, value) in [
        ("auth0_domain", "another.example.com"),
        ("auth0_audience", "https://mcp.example.com/another"),
        ("effective_permissions", "true"),
        ("management_url", "https://canonical.example.com"),
        ("management_audience", "https://canonical.example.com/api/v2/"),
        ("auth0_client_id", "another-client"),
    ] {
        let host = FakeTenant::new().host(&[(name, value)]);
        let instance = Instance::new(&host);
        keys.push(Question::Held("auth0|1").key(&instance.tenant(&host)));
    }
    for (number, key) in keys.iter().enumerate() {
        assert!(!keys[..number].contains(key), "{key}");
    }
    assert_eq!(instance.decided(&host, &user("auth0|1"), "greet"), Decision::Allowed);
    let known = |key: &String| instance.memory.permissions.0.peek(key).is_some();
    assert_eq!(keys.iter().filter(|key| known(key)).count(), 2);
}

#[test]
fn a_client_that_hangs_up_while_its_request_is_under_way_makes_room_for_the_next() {
    let host = FakeTenant::new().host(&[]);
    host.latency.set(1_000);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    let hangs_up: PortFuture<'_, _> = Box::pin(async {
        let decide = Box::pin(instance.decide(&host, &user, &["greet"]));
        future::select(decide, host.clock.sleep(1_500)).await;
        Vec::new()
    });
    let stays: PortFuture<'_, _> = Box::pin(instance.decide(&host, &user, &["greet"]));
    let started = host.clock.millis();
    let decisions = host.clock.run(vec![hangs_up, stays]);
    assert_eq!(decisions, [vec![], vec![Decision::Allowed]]);
    assert!(host.clock.millis() - started < 4_000);
}

#[test]
fn no_request_waits_longer_than_its_timeout_even_if_another_hangs_up() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    instance.decided(&host, &user, "whoami");
    host.clock.advance(20_000);
    tenant.answer_instead(USERS, Ok((503, "")));
    host.latency.set(4_000);
    let hangs_up: PortFuture<'_, _> = Box::pin(async {
        let decide = Box::pin(instance.decide(&host, &user, &["greet"]));
        future::select(decide, host.clock.sleep(11_000)).await;
        0
    });
    let stays: PortFuture<'_, _> = Box::pin(async {
        let started = host.clock.millis();
        instance.decide(&host, &user, &["greet"]).await;
        host.clock.millis() - started
    });
    let waited = host.clock.run(vec![hangs_up, stays])[1];
    assert!(waited <= TIMEOUT_MILLIS + 4_000, "{waited} ms: no more than a last response");
}

/// A call of `auth0|1` that comes after some milliseconds, and the milliseconds that it takes.
fn call_after<'a>(
    instance: &'a Instance,
    host: &'a SimulatedHost,
    user: &'a Caller,
    after: u64,
) -> PortFuture<'a, (Vec<Decision>, u64)> {
    Box::pin(async move {
        host.clock.sleep(after).await;
        let called = host.clock.millis();
        let decided = instance.decide(host, user, &["greet"]).await;
        (decided, host.clock.millis() - called)
    })
}

#[test]
fn with_a_ttl_of_0_calls_share_what_was_asked_after_each_of_them_began() {
    // The requests of the first call are sent at 0 ms and answered at 100 ms.
    for (arrivals, requests, waits) in [
        (&[0, 100][..], 2, &[100, 100][..]),
        // The second call finds requests in flight that were sent before it came.
        (&[0, 1], 2, &[100, 219]),
        // All of these wait for the same second requests.
        (&[0, 1, 50, 99], 2, &[100, 219, 170, 121]),
        // The last one comes when these are in flight.
        (&[0, 1, 150], 3, &[100, 219, 170]),
    ] {
        let host = FakeTenant::new().host(&[("permission_cache_seconds", "0")]);
        let (instance, user) = (Instance::new(&host), user("auth0|1"));
        instance.decided(&host, &user, "greet");
        host.sent.borrow_mut().clear();
        host.latency.set(100);
        let calls = arrivals.iter().map(|after| call_after(&instance, &host, &user, *after));
        let played = host.clock.run(calls.collect());
        assert_eq!((host.count(API), host.count(USERS)), (requests, requests), "{arrivals:?}");
        for ((decided, waited), expected) in played.iter().zip(waits) {
            assert_eq!(*decided, [Decision::Allowed]);
            assert!(waited.abs_diff(*expected) <= 20, "{arrivals:?}: {waited}, not {expected}");
        }
    }
}

#[test]
fn with_a_ttl_of_0_no_call_uses_what_was_asked_before_it_began() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[("permission_cache_seconds", "0")]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    instance.decided(&host, &user, "greet");
    host.latency.set(100);
    let first = call_after(&instance, &host, &user, 0);
    // The tenant has answered the first call, and its answer is on the way.
    let removed: PortFuture<'_, _> = Box::pin(async {
        host.clock.sleep(60).await;
        tenant.let_hold("auth0|1", &[]);
        (Vec::new(), 0)
    });
    let second = call_after(&instance, &host, &user, 61);
    let mut played = host.clock.run(vec![first, removed, second]);
    assert_eq!(played.remove(0).0, [Decision::Allowed]);
    assert_eq!(played.remove(1).0, [Decision::LacksPermission]);
}

/// Lets `others` users ask before `auth0|21`, who holds nothing, on a tenant that takes two
/// requests a second.
fn ask_after_others(tenant: &FakeTenant, host: &SimulatedHost, instance: &Instance, others: usize) {
    tenant.limit_to(2.0, 2.0);
    let callers: Vec<_> = (1..=others).map(|number| user(&format!("auth0|{number}"))).collect();
    let nobody = user(NOBODY);
    let calls = callers.iter().chain([&nobody]);
    host.clock.run(calls.map(|user| call_after(instance, host, user, 0)).collect());
    tenant.limit.set(None);
    // Whatever the last response said is past.
    host.clock.advance(1_500);
}

#[test]
fn that_a_user_holds_nothing_is_remembered_longer_while_the_budget_is_tight() {
    for seconds in ["0", "10"] {
        // The more requests go before the user's, the longer; a minute at most.
        for (others, (remembered, forgotten)) in
            [(1, (None, 6)), (6, (Some(15), 45)), (19, (Some(55), 61))]
        {
            let tenant = FakeTenant::new();
            tenant.let_hold(NOBODY, &[]);
            let host = tenant.host(&[("permission_cache_seconds", seconds)]);
            let instance = Instance::new(&host);
            ask_after_others(&tenant, &host, &instance, others);
            let answered = host.clock.millis();
            tenant.let_hold(NOBODY, &["tool:greet"]);
            let decided_at = |instance: &Instance, second: u64| {
                host.clock.advance((answered + second * 1_000).saturating_sub(host.clock.millis()));
                instance.decided(&host, &user(NOBODY), "greet")
            };
            if let Some(second) = remembered {
                assert_eq!(decided_at(&instance, 1), Decision::LacksPermission, "{others}");
                assert_eq!(decided_at(&instance, second), Decision::LacksPermission, "{others}");
                let another = Instance::new(&host);
                assert_eq!(decided_at(&another, second), Decision::LacksPermission, "{others}");
            }
            assert_eq!(decided_at(&instance, forgotten), Decision::Allowed, "{seconds}, {others}");
        }
    }
}

#[test]
fn only_that_a_user_holds_nothing_counts_as_a_refusal() {
    let (user, tool) = (Question::Held("auth0|1"), "tool:greet".to_owned());
    for (question, waited, names, refuses_for) in [
        (user, 1_999, vec![], 0),
        (user, 2_000, vec![], 20_000),
        (user, 14_000, vec![], 60_000),
        (user, 14_000, vec![tool.clone()], 0),
        // That an API defines nothing allows everything.
        (Question::Defined, 14_000, vec![], 0),
    ] {
        let sent = Sent { at: 1_000_000, number: 1, waited };
        let answer = question.answer(Some(sent), names, true);
        assert_eq!(answer.refuses_until - sent.at, refuses_for, "{question:?}, {waited}");
    }
}

#[test]
fn nothing_that_allows_something_is_remembered_longer() {
    // Neither that a user holds something, nor that the API defines nothing.
    let removes_the_users: fn(&FakeTenant) = |tenant| tenant.let_hold("auth0|1", &[]);
    let defines_one: fn(&FakeTenant) = |tenant| *tenant.defined.borrow_mut() = vec!["tool:whoami"];
    for (defined, take_away) in [(&["tool:greet"][..], removes_the_users), (&[], defines_one)] {
        let tenant = FakeTenant::new();
        *tenant.defined.borrow_mut() = defined.to_vec();
        let host = tenant.host(&[("permission_cache_seconds", "0")]);
        let instance = Instance::new(&host);
        ask_after_others(&tenant, &host, &instance, 19);
        let tool = |instance: &Instance, user: &Caller| {
            ["greet", "whoami"].map(|tool| instance.decided(&host, user, tool))
        };
        let allowed = tool(&instance, &user("auth0|1"));
        assert_eq!(allowed, [Decision::Allowed, Decision::Allowed]);
        take_away(&tenant);
        assert!(tool(&instance, &user("auth0|1")).contains(&Decision::LacksPermission));
        assert!(tool(&Instance::new(&host), &user("auth0|1")).contains(&Decision::LacksPermission));
    }
}

#[test]
fn a_revocation_ends_a_refusal_that_is_remembered() {
    let secret = "a-revocation-secret-of-32-letters";
    for seconds in ["0", "10"] {
        let tenant = FakeTenant::new();
        tenant.let_hold(NOBODY, &[]);
        let host =
            tenant.host(&[("permission_cache_seconds", seconds), ("revocation_secret", secret)]);
        let instance = Instance::new(&host);
        ask_after_others(&tenant, &host, &instance, 19);
        tenant.let_hold(NOBODY, &["tool:greet"]);
        let decided = || instance.decided(&host, &user(NOBODY), "greet");
        assert_eq!(decided(), Decision::LacksPermission);
        let (tenant, settings) = (instance.tenant(&host), &instance.settings);
        let revocation = settings.revocation.as_ref().unwrap();
        let revoked: PortFuture<'_, _> = Box::pin(revoke_all(&tenant, revocation, NOBODY));
        host.clock.run(vec![revoked]).remove(0).unwrap();
        assert_eq!(decided(), Decision::Allowed, "{seconds}");
    }
}
