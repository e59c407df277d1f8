//! `check_blocked`: whether the tenant has blocked the user.

use doorward_oauth::{
    AuthenticationError::{self, UserStateUnknown},
    TokenError,
    testing::caller,
};

use super::*;
use crate::testing::member;

/// What the tenant answers, and what becomes of the user then.
type Row = (Result<(u16, &'static str), HttpError>, Result<(), AuthenticationError>);

const BLOCKED: &str = "fields=blocked";
const REFUSED: Result<(), AuthenticationError> =
    Err(AuthenticationError::Token(TokenError::UserBlocked));

fn admitted(
    instance: &Instance,
    host: &SimulatedHost,
    caller: &Caller,
) -> Result<(), AuthenticationError> {
    let tenant = instance.tenant(host);
    let admit: PortFuture<'_, _> = Box::pin(async move { tenant.admit_active(caller).await });
    host.clock.run(vec![admit]).remove(0)
}

#[test]
fn nobody_is_asked_unless_the_operator_wants_it_and_only_about_users_of_the_tenant() {
    let tenant = FakeTenant::new();
    tenant.blocked.borrow_mut().push("auth0%7C1");
    let host = tenant.host(&[]);
    assert_eq!(admitted(&Instance::new(&host), &host, &user("auth0|1")), Ok(()));
    let host = tenant.host(&[("check_blocked", "true")]);
    let instance = Instance::new(&host);
    let machine = caller(json!({ "sub": "c@clients", "azp": "c" }));
    assert_eq!(admitted(&instance, &host, &machine), Ok(()));
    assert_eq!(host.count("/api/v2/"), 0);
    assert_eq!(admitted(&instance, &host, &user("auth0|1")), REFUSED);
}

#[test]
fn a_user_who_is_blocked_is_refused_after_the_setting_at_the_latest() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[("check_blocked", "true")]);
    let (instance, user) = (Instance::new(&host), member("auth0|1", "org_1"));
    assert_eq!(admitted(&instance, &host, &user), Ok(()));
    tenant.blocked.borrow_mut().push("auth0%7C1");
    assert_eq!(admitted(&Instance::new(&host), &host, &user), Ok(()), "from the store");
    host.clock.advance(10_000);
    assert_eq!(admitted(&instance, &host, &user), REFUSED);
    assert_eq!(admitted(&Instance::new(&host), &host, &user), REFUSED);
    assert_eq!(host.count(BLOCKED), 2);
    tenant.blocked.borrow_mut().clear();
    host.clock.advance(4_900);
    assert_eq!(admitted(&instance, &host, &user), REFUSED);
    host.clock.advance(100);
    assert_eq!(admitted(&instance, &host, &user), Ok(()), "a refusal is cached half as long");
}

#[test]
fn with_a_ttl_of_0_every_request_asks_once() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[("check_blocked", "true"), ("permission_cache_seconds", "0")]);
    let (instance, user) = (Instance::new(&host), user("auth0|1"));
    for _ in 0..3 {
        assert_eq!(admitted(&instance, &host, &user), Ok(()));
    }
    tenant.blocked.borrow_mut().push("auth0%7C1");
    assert_eq!(admitted(&instance, &host, &user), REFUSED);
    assert_eq!(host.count(BLOCKED), 4);
}

#[test]
fn only_an_answer_that_says_so_lets_a_user_in() {
    let cases: &[Row] = &[
        (Ok((200, "{}")), Ok(())),
        (Ok((200, r#"{"blocked":false}"#)), Ok(())),
        (Ok((200, r#"{"blocked":true}"#)), REFUSED),
        (Ok((404, "{}")), REFUSED),
        (Ok((200, r#"{"blocked":"false"}"#)), Err(UserStateUnknown)),
        (Ok((200, r#"{"blocked":null}"#)), Err(UserStateUnknown)),
        (Ok((200, "[]")), Err(UserStateUnknown)),
        (Ok((200, "")), Err(UserStateUnknown)),
        (Ok((200, "<html>")), Err(UserStateUnknown)),
        (Ok((403, "{}")), Err(UserStateUnknown)),
        (Ok((429, "{}")), Err(UserStateUnknown)),
        (Ok((503, "")), Err(UserStateUnknown)),
        (Err(HttpError::Broken), Err(UserStateUnknown)),
        (Err(HttpError::TimedOut), Err(UserStateUnknown)),
    ];
    for is_warm in [false, true] {
        for (answer, expected) in cases {
            let tenant = FakeTenant::new();
            let host = tenant.host(&[("check_blocked", "true")]);
            let (instance, user) = (Instance::new(&host), user("auth0|1"));
            if is_warm {
                assert_eq!(admitted(&instance, &host, &user), Ok(()));
                host.clock.advance(10_000);
            }
            tenant.answer_instead(BLOCKED, *answer);
            let admit = |_| -> PortFuture<'_, _> {
                let tenant = instance.tenant(&host);
                let user = &user;
                Box::pin(async move { tenant.admit_active(user).await })
            };
            let admitted = host.clock.run((0..16).map(admit).collect());
            assert!(admitted.iter().all(|it| it == expected), "{answer:?}: {admitted:?}");
        }
    }
}

#[test]
fn that_a_user_is_not_blocked_is_never_remembered_longer() {
    let (active, sent) =
        (Question::Active("auth0|1"), Sent { at: 1_000_000, number: 1, waited: 9_000 });
    assert_eq!(active.answer(Some(sent), Vec::new(), true).refuses_until, sent.at);
    assert!(active.answer(Some(sent), Vec::new(), false).refuses_until > sent.at);
}
