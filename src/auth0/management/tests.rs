use std::{cell::RefCell, rc::Rc};

use ::http::Response;
use serde_json::json;

use super::*;
use crate::{
    config::Secret,
    host::PortFuture,
    testing::{SimulatedHost, finish},
};

const TOKENS: &str = "POST https://tenant.example.com/oauth/token";

/// A tenant that accepts the last token that it gave, and no other. What it answers to requests of the API is in the
/// list, the first first; the last one stays.
struct Tenant {
    host: SimulatedHost,
    accepts_only: Rc<RefCell<Option<String>>>,
}

impl Tenant {
    fn new(answers: Vec<(u16, &'static [(&'static str, &'static str)])>) -> Self {
        let accepts_only: Rc<RefCell<Option<String>>> = Rc::default();
        let (accepted, answers) = (Rc::clone(&accepts_only), RefCell::new(answers));
        let given = std::cell::Cell::new(0);
        let host = SimulatedHost::new(move |request, _| {
            let (status, headers, body) = if request.uri().path() == "/oauth/token" {
                given.set(given.get() + 1);
                let token = format!("token-{}", given.get());
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

    fn read(&self, memory: &ManagementMemory) -> Result<Value, ManagementFault> {
        let config = finish(Config::load(&self.host)).unwrap();
        let management = Management::new(&self.host, &config, memory);
        let read: PortFuture<'_, _> = Box::pin(management.read("clients", "read:clients"));
        self.host.clock.run(vec![read]).remove(0)
    }
}

#[test]
fn an_id_stays_one_segment_whatever_is_in_it() {
    assert_eq!(path_segment("auth0|1").as_deref(), Some("auth0%7C1"));
    assert_eq!(
        path_segment("http://localhost:3001/mcp").as_deref(),
        Some("http%3A%2F%2Flocalhost%3A3001%2Fmcp")
    );
    assert_eq!(path_segment("a/../b?c#d%2F").as_deref(), Some("a%2F..%2Fb%3Fc%23d%252F"));
    assert_eq!(path_segment("ä").as_deref(), Some("%C3%A4"));
}

#[test]
fn an_id_that_would_leave_its_place_has_no_segment() {
    for id in ["", ".", ".."] {
        assert_eq!(path_segment(id), None, "{id:?}");
    }
}

#[test]
fn a_token_is_asked_for_once_and_shared_by_all_instances_sealed() {
    let tenant = Tenant::new(vec![(200, &[])]);
    let memory = ManagementMemory::default();
    for _ in 0..3 {
        tenant.read(&memory).unwrap();
        tenant.read(&ManagementMemory::default()).unwrap();
    }
    assert_eq!(tenant.host.count(TOKENS), 1);
    for value in tenant.host.fake.store.borrow().values() {
        assert!(!String::from_utf8_lossy(value).contains("token-"));
    }
    tenant.host.clock.advance((86_400 - 60) * 1000);
    tenant.read(&memory).unwrap();
    assert_eq!(tenant.host.count(TOKENS), 2, "it is not used in its last minute");
}

#[test]
fn a_stored_token_of_another_secret_does_not_open() {
    let tenant = Tenant::new(vec![(200, &[])]);
    tenant.read(&ManagementMemory::default()).unwrap();
    tenant.host.fake.set_variable("auth0_client_secret", "another");
    tenant.read(&ManagementMemory::default()).unwrap();
    assert_eq!(tenant.host.count(TOKENS), 2);
    for value in tenant.host.fake.store.borrow_mut().values_mut() {
        *value = b"garbage".to_vec();
    }
    tenant.read(&ManagementMemory::default()).unwrap();
    assert_eq!(tenant.host.count(TOKENS), 3);
}

#[test]
fn a_token_that_was_revoked_is_replaced_in_the_middle_of_a_read() {
    let tenant = Tenant::new(vec![(200, &[])]);
    let memory = ManagementMemory::default();
    tenant.read(&memory).unwrap();
    tenant.accepts_only.replace(Some("token-2".to_owned()));
    tenant.host.clock.advance(29_000);
    assert_eq!(tenant.read(&memory), Err(ManagementFault::Unauthorized));
    assert_eq!(tenant.host.count(TOKENS), 1, "a token this new is not replaced");
    tenant.host.clock.advance(1_000);
    assert!(tenant.read(&memory).is_ok());
    assert!(tenant.read(&ManagementMemory::default()).is_ok());
    assert_eq!(tenant.host.count(TOKENS), 2);
}

#[test]
fn a_429_is_obeyed_by_its_headers_and_told_to_the_other_instances() {
    let tenant = Tenant::new(vec![(429, &[("retry-after", "7")]), (200, &[])]);
    let begun = tenant.host.clock.millis();
    assert!(tenant.read(&ManagementMemory::default()).is_ok());
    let waited = tenant.host.clock.millis() - begun;
    assert!((7_000..7_200).contains(&waited), "{waited}");
    let tenant = Tenant::new(vec![(429, &[("retry-after", "60")]), (200, &[])]);
    assert_eq!(tenant.read(&ManagementMemory::default()), Err(ManagementFault::RateLimited(60)));
    let sent = tenant.host.sent.borrow().len();
    tenant.host.clock.advance(10_000);
    assert_eq!(tenant.read(&ManagementMemory::default()), Err(ManagementFault::RateLimited(50)));
    assert_eq!(tenant.host.sent.borrow().len(), sent, "nobody asks meanwhile");
    tenant.host.clock.advance(50_000);
    assert!(tenant.read(&ManagementMemory::default()).is_ok());
}

#[test]
fn no_more_requests_are_in_flight_than_are_left() {
    let tenant = Tenant::new(vec![(200, &[("x-ratelimit-remaining", "3")])]);
    tenant.host.latency.set(100);
    let memory = ManagementMemory::default();
    tenant.read(&memory).unwrap();
    let config = finish(Config::load(&tenant.host)).unwrap();
    let read = |_| -> PortFuture<'_, bool> {
        let management = Management::new(&tenant.host, &config, &memory);
        Box::pin(async move { management.read("clients", "").await.is_ok() })
    };
    let begun = tenant.host.clock.millis();
    assert!(tenant.host.clock.run((0..9).map(read).collect()).into_iter().all(|is_ok| is_ok));
    let sent = tenant.host.sent.borrow();
    let at_once = |from: u64| {
        sent.iter().filter(|(at, _)| (begun + from..begun + from + 100).contains(at)).count()
    };
    assert!((0..300).step_by(10).all(|from| at_once(from) <= 3));
}

#[test]
fn who_hangs_up_while_waiting_keeps_nobody_from_going() {
    let tenant = Tenant::new(vec![(429, &[("retry-after", "5")]), (200, &[])]);
    let config = finish(Config::load(&tenant.host)).unwrap();
    let memory = ManagementMemory::default();
    let read = || -> PortFuture<'_, bool> {
        let management = Management::new(&tenant.host, &config, &memory);
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
    let memory = ManagementMemory::default();
    Tenant::new(vec![(200, &[])]).read(&memory).unwrap();
    assert!(!format!("{memory:?}").contains("token-"));
    assert!(!format!("{:?}", Secret::from("x-7f3a".to_owned())).contains("7f3a"));
}
