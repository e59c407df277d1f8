use std::{cell::RefCell, rc::Rc};

use doorward_core::{
    Secret,
    keys::{Keys, Purpose},
    testing::SimulatedHost,
};
use serde_json::json;

use super::*;
use crate::testing::Instance;

const TOKENS: &str = "POST https://tenant.example.com/oauth/token";

/// A tenant that accepts any token that it issued, or only one. It answers requests of the API from
/// a list, in order; the last answer stays.
struct FakeTenant {
    host: SimulatedHost,
    accepts_only: Rc<RefCell<Option<String>>>,
}

impl FakeTenant {
    fn new(answers: Vec<(u16, &'static [(&'static str, &'static str)])>) -> Self {
        let accepts_only: Rc<RefCell<Option<String>>> = Rc::default();
        let (accepted, answers) = (Rc::clone(&accepts_only), RefCell::new(answers));
        let issued = std::cell::Cell::new(0);
        let host = SimulatedHost::new(move |request, _| {
            let (status, headers, body) = if request.uri().path() == "/oauth/token" {
                issued.set(issued.get() + 1);
                let token = format!("token-{}", issued.get());
                (200, &[][..], json!({ "access_token": token, "expires_in": 86400 }))
            } else {
                let bearer = request.headers()["authorization"].to_str().unwrap();
                let accepted = accepted.borrow();
                let mut answers = answers.borrow_mut();
                match accepted.as_ref().is_none_or(|only| bearer == format!("Bearer {only}")) {
                    false => (401, &[][..], json!({})),
                    true if answers.len() > 1 => {
                        let (status, headers) = answers.remove(0);
                        (status, headers, json!({}))
                    }
                    true => (answers[0].0, answers[0].1, json!({})),
                }
            };
            let mut answer = Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(*name, *value);
            }
            Ok(answer.body(Bytes::from(body.to_string())).unwrap())
        });
        Self { host, accepts_only }
    }

    fn instance(&self) -> Instance {
        Instance::new(&self.host)
    }

    fn read(&self, instance: &Instance) -> Result<Value, ManagementError> {
        self.read_as(instance.tenant(&self.host))
    }

    fn read_as(&self, tenant: Tenant<'_>) -> Result<Value, ManagementError> {
        let management = ManagementApi::new(tenant, CallerKey::EVERYBODY);
        let read: PortFuture<'_, _> = Box::pin(management.read("clients", "read:clients"));
        self.host.clock.run(vec![read]).remove(0)
    }
}

#[test]
fn a_token_is_requested_once_and_shared_by_all_instances_sealed() {
    let tenant = FakeTenant::new(vec![(200, &[])]);
    let instance = tenant.instance();
    for _ in 0..3 {
        tenant.read(&instance).unwrap();
        tenant.read(&tenant.instance()).unwrap();
    }
    assert_eq!(tenant.host.count(TOKENS), 1);
    for value in tenant.host.fake.store.borrow().values() {
        assert!(!String::from_utf8_lossy(value).contains("token-"));
    }
    tenant.host.clock.advance((86_400 - 60) * 1000);
    tenant.read(&instance).unwrap();
    assert_eq!(tenant.host.count(TOKENS), 2, "it is not used in its last minute");
}

#[test]
fn a_stored_token_of_another_secret_does_not_open() {
    let tenant = FakeTenant::new(vec![(200, &[])]);
    tenant.read(&tenant.instance()).unwrap();
    let sealer = Keys::from(&Secret::from("another")).sealer(Purpose::Store);
    let instance = tenant.instance();
    let mut other = instance.tenant(&tenant.host);
    other.resource_server.store = other.resource_server.store.with_sealer(&sealer);
    tenant.read_as(other).unwrap();
    assert_eq!(tenant.host.count(TOKENS), 2);
    for value in tenant.host.fake.store.borrow_mut().values_mut() {
        *value = b"garbage".to_vec();
    }
    tenant.read(&tenant.instance()).unwrap();
    assert_eq!(tenant.host.count(TOKENS), 3);
}

#[test]
fn a_token_that_was_revoked_is_replaced_in_the_middle_of_a_read() {
    let tenant = FakeTenant::new(vec![(200, &[])]);
    let instance = tenant.instance();
    tenant.read(&instance).unwrap();
    tenant.accepts_only.replace(Some("token-2".to_owned()));
    tenant.host.clock.advance(29_000);
    assert_eq!(tenant.read(&instance), Err(ManagementError::Unauthorized));
    assert_eq!(tenant.host.count(TOKENS), 1, "a token this new is not replaced");
    tenant.host.clock.advance(1_000);
    assert!(tenant.read(&instance).is_ok());
    assert!(tenant.read(&tenant.instance()).is_ok());
    assert_eq!(tenant.host.count(TOKENS), 2);
}

#[test]
fn a_429_is_obeyed_by_its_headers_on_every_instance() {
    let tenant = FakeTenant::new(vec![(429, &[("retry-after", "7")]), (200, &[])]);
    let started = tenant.host.clock.millis();
    assert!(tenant.read(&tenant.instance()).is_ok());
    let waited = tenant.host.clock.millis() - started;
    assert!((7_000..7_200).contains(&waited), "{waited}");
    let tenant = FakeTenant::new(vec![(429, &[("retry-after", "60")]), (200, &[])]);
    assert_eq!(tenant.read(&tenant.instance()), Err(ManagementError::RateLimited(60)));
    let sent = tenant.host.sent.borrow().len();
    tenant.host.clock.advance(10_000);
    assert_eq!(tenant.read(&tenant.instance()), Err(ManagementError::RateLimited(50)));
    assert_eq!(tenant.host.sent.borrow().len(), sent, "no instance sends a request meanwhile");
    tenant.host.clock.advance(50_000);
    assert!(tenant.read(&tenant.instance()).is_ok());
}

#[test]
fn no_more_requests_are_in_flight_than_are_allowed() {
    let tenant = FakeTenant::new(vec![(200, &[("x-ratelimit-remaining", "3")])]);
    tenant.host.latency.set(100);
    let instance = tenant.instance();
    tenant.read(&instance).unwrap();
    let read = |_| -> PortFuture<'_, bool> {
        let management = ManagementApi::new(instance.tenant(&tenant.host), CallerKey::EVERYBODY);
        Box::pin(async move { management.read("clients", "").await.is_ok() })
    };
    let started = tenant.host.clock.millis();
    assert!(tenant.host.clock.run((0..9).map(read).collect()).into_iter().all(|is_ok| is_ok));
    let sent = tenant.host.sent.borrow();
    let at_once = |from: u64| {
        sent.iter().filter(|(at, _)| (started + from..started + from + 100).contains(at)).count()
    };
    assert!((0..300).step_by(10).all(|from| at_once(from) <= 3));
}

#[test]
fn a_client_that_hangs_up_while_it_waits_holds_up_nobody() {
    let tenant = FakeTenant::new(vec![(429, &[("retry-after", "5")]), (200, &[])]);
    let instance = tenant.instance();
    let read = || -> PortFuture<'_, bool> {
        let management = ManagementApi::new(instance.tenant(&tenant.host), CallerKey::EVERYBODY);
        Box::pin(async move { management.read("clients", "").await.is_ok() })
    };
    let hangs_up: PortFuture<'_, bool> = Box::pin(async {
        let patience = tenant.host.clock.sleep(2_000);
        futures_util::future::select(read(), patience).await;
        false
    });
    assert_eq!(tenant.host.clock.run(vec![hangs_up, read()]), [false, true]);
}

#[test]
fn secrets_do_not_show_themselves() {
    let tenant = FakeTenant::new(vec![(200, &[])]);
    let instance = tenant.instance();
    tenant.read(&instance).unwrap();
    let memory = format!("{:?}", instance.memory);
    assert!(memory.contains("Secret") && !memory.contains("token-"), "{memory}");
}
