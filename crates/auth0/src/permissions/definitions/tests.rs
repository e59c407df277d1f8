use doorward_core::{host::HttpError, testing::SimulatedHost};

use super::*;
use crate::{
    permissions::Decision,
    testing::{API, FakeTenant, Instance, requirement, user},
};

/// An instance of a server that offers these tools, whose code says nothing.
fn offering(host: &SimulatedHost, tools: &[&str]) -> Instance {
    let mut instance = Instance::new(host);
    let requirements = tools.iter().map(|tool| requirement(tool, Access::Undeclared));
    instance.settings.set_undeclared(requirements);
    instance
}

/// The lines of the log about what is open.
fn reports(host: &SimulatedHost) -> Vec<String> {
    let lines = host.fake.lines.borrow();
    lines.iter().filter(|line| line.starts_with("permissions: ")).cloned().collect()
}

const UNDEFINED: &str = "permissions: open to everybody who signs in, because the API in the tenant \
    does not define the permissions: ";

#[test]
fn what_is_open_is_reported_when_it_changes_and_not_with_every_call() {
    for ttl in ["0", "10"] {
        let tenant = FakeTenant::new();
        let host = tenant.host(&[("permission_cache_seconds", ttl)]);
        let (instance, user) = (offering(&host, &["greet", "notes", "orders"]), user("auth0|1"));
        let call_for_minutes = || {
            for _ in 0..30 {
                assert_eq!(instance.decided(&host, &user, "greet"), Decision::Allowed);
                host.clock.advance(5_000);
            }
        };
        call_for_minutes();
        let of = |names: &str| format!("{UNDEFINED}{names}. `undefined_tools` decides about that");
        let mut expected = vec![of("tool:notes, tool:orders")];
        assert_eq!(reports(&host), expected, "with a TTL of {ttl}");
        tenant.defined.borrow_mut().push("tool:notes");
        call_for_minutes();
        expected.push(of("tool:orders"));
        assert_eq!(reports(&host), expected);
        tenant.defined.borrow_mut().push("tool:orders");
        call_for_minutes();
        expected.push(
            "permissions: nothing is open any more for want of a defined permission".to_owned(),
        );
        assert_eq!(reports(&host), expected);
        tenant.defined.borrow_mut().pop();
        call_for_minutes();
        expected.push(of("tool:orders"));
        assert_eq!(reports(&host), expected);
    }
}

#[test]
fn where_every_call_is_a_new_instance_it_is_reported_once_all_the_same() {
    for ttl in ["0", "10"] {
        let tenant = FakeTenant::new();
        let host = tenant.host(&[("permission_cache_seconds", ttl)]);
        for _ in 0..30 {
            let instance = offering(&host, &["greet", "notes"]);
            instance.decided(&host, &user("auth0|1"), "greet");
            host.clock.advance(5_000);
        }
        assert_eq!(reports(&host).len(), 1, "{:?}", reports(&host));
    }
}

#[test]
fn calls_at_the_same_time_report_once() {
    let host = FakeTenant::new().host(&[("permission_cache_seconds", "0")]);
    let (instance, user) = (offering(&host, &["notes"]), user("auth0|1"));
    let decide = |_| -> doorward_core::host::PortFuture<'_, _> {
        Box::pin(instance.decide(&host, &user, &["notes"]))
    };
    host.clock.run((0..16).map(decide).collect());
    assert_eq!(reports(&host).len(), 1);
}

#[test]
fn with_refuse_and_with_declared_tools_nothing_is_open() {
    let host = FakeTenant::new().host(&[("undefined_tools", "refuse")]);
    let instance = offering(&host, &["notes"]);
    let undefined =
        instance.decided_about(&host, &user("auth0|1"), &requirement("notes", Access::Undeclared));
    assert_eq!(undefined, Decision::PermissionUndefined);
    let instance = offering(&host, &[]);
    instance.decided(&host, &user("auth0|1"), "notes");
    assert_eq!(reports(&host), [""; 0]);
}

#[test]
fn a_line_is_bounded_however_many_tools_there_are() {
    let host = FakeTenant::new().host(&[]);
    let names: Vec<String> = (0..500).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    offering(&host, &names).decided(&host, &user("auth0|1"), "t0");
    let reports = reports(&host);
    assert!(reports[0].contains("tool:t19 and 480 more.") && reports.len() == 1, "{reports:?}");
    assert!(reports[0].len() < 500, "{}", reports[0].len());
}

#[test]
fn with_the_token_as_source_the_advertised_scopes_define() {
    let variables = [("permission_source", "token"), ("scopes_supported", "tool:greet")];
    let host = FakeTenant::new().host(&variables);
    let instance = offering(&host, &["greet", "notes"]);
    for _ in 0..5 {
        instance.decided(&host, &user("auth0|1"), "greet");
        let new = offering(&host, &["greet", "notes"]);
        new.decided(&host, &user("auth0|1"), "greet");
    }
    let [report] = &reports(&host)[..] else { panic!("{:?}", reports(&host)) };
    assert!(report.contains("`scopes_supported` does not name the permissions: tool:notes."));
    assert!(host.sent.borrow().is_empty(), "nobody was asked");
}

#[test]
fn a_store_that_fails_costs_no_more_than_a_line_of_each_instance() {
    let host = FakeTenant::new().host(&[]);
    host.fake.store_fault.set(Some(doorward_core::testing::FakeFault::Down));
    for _ in 0..3 {
        let instance = offering(&host, &["notes"]);
        for _ in 0..10 {
            assert_eq!(instance.decided(&host, &user("auth0|1"), "notes"), Decision::Allowed);
            host.clock.advance(5_000);
        }
    }
    let about_open = |line: &&String| line.starts_with(UNDEFINED);
    assert_eq!(reports(&host).iter().filter(about_open).count(), 3);
}

#[test]
fn a_refusal_says_whether_anything_defines_the_permission() {
    for (defined, expected) in [
        (&[][..], Decision::PermissionUndefined),
        (&["tool:Greet", "tool:gret", "tool:greet "], Decision::PermissionUndefined),
        (&["tool:greet"], Decision::LacksPermission),
    ] {
        let tenant = FakeTenant::new();
        tenant.defined.replace(defined.to_vec());
        tenant.let_hold("auth0|21", &[]);
        let host = tenant.host(&[]);
        let greet = requirement("greet", Access::Private);
        let decision = Instance::new(&host).decided_about(&host, &user("auth0|21"), &greet);
        assert_eq!(decision, expected, "{defined:?}");
    }
}

#[test]
fn a_refusal_stays_one_if_it_cannot_be_explained() {
    for answer in [
        Ok((404, "{}")),
        Ok((403, "{}")),
        Ok((500, "")),
        Ok((200, "[]")),
        Ok((200, r#"{"identifier":"https://other.example.com/","scopes":[]}"#)),
        Err(HttpError::Unreachable),
        Err(HttpError::TimedOut),
    ] {
        let tenant = FakeTenant::new();
        tenant.answer_instead(API, answer);
        tenant.let_hold("auth0|21", &[]);
        let host = tenant.host(&[]);
        let instance = Instance::new(&host);
        let greet = requirement("greet", Access::Private);
        let decided = |subject| instance.decided_about(&host, &user(subject), &greet);
        assert_eq!(decided("auth0|21"), Decision::LacksPermission, "{answer:?}");
        assert_eq!(decided("auth0|1"), Decision::Allowed, "{answer:?}");
    }
}

#[test]
fn a_call_that_is_allowed_needs_no_explanation_and_a_refused_one_at_most_one_a_minute() {
    let tenant = FakeTenant::new();
    tenant.let_hold("auth0|21", &[]);
    let host = tenant.host(&[("permission_cache_seconds", "0")]);
    let instance = Instance::new(&host);
    let greet = requirement("greet", Access::Private);
    for _ in 0..10 {
        instance.decided_about(&host, &user("auth0|1"), &greet);
    }
    assert_eq!(host.count(API), 0);
    for _ in 0..30 {
        instance.decided_about(&host, &user("auth0|21"), &greet);
        host.clock.advance(1_000);
    }
    assert_eq!(host.count(API), 1);
    host.clock.advance(30_000);
    instance.decided_about(&host, &user("auth0|21"), &greet);
    assert_eq!(host.count(API), 2);
}

#[test]
fn an_explanation_that_takes_long_is_left_out() {
    let tenant = FakeTenant::new();
    tenant.let_hold("auth0|21", &[]);
    let host = tenant.host(&[("permission_cache_seconds", "0")]);
    let (instance, caller) = (Instance::new(&host), user("auth0|21"));
    let greet = requirement("greet", Access::Private);
    // The token for the Management API is fetched first.
    instance.decided_about(&host, &caller, &greet);
    host.clock.advance(61_000);
    host.latency.set(1_500);
    let started = host.clock.millis();
    assert_eq!(instance.decided_about(&host, &caller, &greet), Decision::LacksPermission);
    assert_eq!(host.clock.millis() - started, 3_000);
    host.latency.set(2_500);
    host.clock.advance(61_000);
    let started = host.clock.millis();
    assert_eq!(instance.decided_about(&host, &caller, &greet), Decision::LacksPermission);
    assert_eq!(host.clock.millis() - started, 4_000, "it may take 2 s, and all together 4 s");
}
