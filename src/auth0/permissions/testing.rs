//! A tenant of the Management API, for the tests of permissions.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use ::http::{Method, Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Decision, Inquiry, PermissionMemory, RequiredScopes, Requirement};
use crate::{
    auth0::ManagementMemory,
    config::Config,
    host::{Host, HttpFailure},
    oauth::{AccessToken, Caller},
    testing::{SimulatedHost, finish},
};

pub(super) const AUDIENCE: &str = "https://mcp.example.com/mcp";
pub(super) const API: &str = "/api/v2/resource-servers/";
pub(super) const USERS: &str = "/api/v2/users/";
pub(super) const TOKENS: &str = "/oauth/token";

/// A status and a body.
type Instead = Result<(u16, String), HttpFailure>;

/// What the tenant is, and what may be changed about it while a test runs.
pub(super) struct FakeTenant {
    pub(super) defined: RefCell<Vec<&'static str>>,
    /// Of users that are not named here, nobody knows anything.
    pub(super) held: RefCell<BTreeMap<String, Vec<String>>>,
    /// Burst and requests per second.
    pub(super) limit: Cell<Option<(f64, f64)>>,
    level: Cell<f64>,
    filled_at: Cell<u64>,
    pub(super) refused: Cell<u64>,
    /// What is answered instead, by a part of the URL.
    pub(super) instead: RefCell<BTreeMap<&'static str, Instead>>,
}

/// An instance of the component: what it remembers.
#[derive(Default)]
pub(super) struct Instance {
    management: ManagementMemory,
    permissions: PermissionMemory,
}

impl FakeTenant {
    /// An API that defines `tool:greet`, and users `auth0|1` to `auth0|20` who hold it.
    pub(super) fn new() -> Rc<Self> {
        let holders = (1..=20).map(|n| (format!("auth0|{n}"), vec!["tool:greet".to_owned()]));
        Rc::new(Self {
            defined: RefCell::new(vec!["tool:greet"]),
            held: RefCell::new(holders.collect()),
            limit: Cell::default(),
            level: Cell::default(),
            filled_at: Cell::default(),
            refused: Cell::default(),
            instead: RefCell::default(),
        })
    }

    pub(super) fn host(self: &Rc<Self>) -> SimulatedHost {
        let tenant = Rc::clone(self);
        SimulatedHost::new(move |request, now| tenant.respond(request, now))
    }

    pub(super) fn limit_to(&self, burst: f64, per_second: f64) {
        self.limit.set(Some((burst, per_second)));
        self.level.set(burst);
    }

    pub(super) fn answer_instead(
        &self,
        url: &'static str,
        answer: Result<(u16, &str), HttpFailure>,
    ) {
        let answer = answer.map(|(status, body)| (status, body.to_owned()));
        self.instead.borrow_mut().insert(url, answer);
    }

    fn respond(&self, request: &Request<Bytes>, now: u64) -> Result<Response<Bytes>, HttpFailure> {
        let url = request.uri().to_string();
        let instead = self.instead.borrow();
        if let Some((_, answer)) = instead.iter().find(|(part, _)| url.contains(**part)) {
            let (status, body) = answer.clone()?;
            return Ok(answer_of(status, body, None));
        }
        if url.contains(TOKENS) {
            let token = json!({ "access_token": format!("token-{now}"), "expires_in": 86400 });
            return Ok(answer_of(200, token.to_string(), None));
        }
        let standing = self.take(now);
        if standing.is_some_and(|(allowed, ..)| !allowed) {
            self.refused.set(self.refused.get() + 1);
            return Ok(answer_of(429, "{}".to_owned(), standing));
        }
        assert_eq!(request.method(), Method::GET);
        let (status, body) = if url.contains(API) {
            let scopes: Vec<Value> =
                self.defined.borrow().iter().map(|name| json!({ "value": name })).collect();
            (200, json!({ "identifier": AUDIENCE, "scopes": scopes }))
        } else {
            self.user(&url)
        };
        Ok(answer_of(status, body.to_string(), standing))
    }

    fn user(&self, url: &str) -> (u16, Value) {
        let (_, rest) = url.split_once(USERS).expect("it is about a user");
        let (id, query) = rest.split_once('/').expect("it is about permissions");
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let held = self.held.borrow();
        let Some(held) = held.get(&id) else { return (404, json!({})) };
        let number = |name: &str| {
            let value = query.split(['?', '&']).find_map(|pair| pair.strip_prefix(name));
            value.and_then(|value| value.parse::<usize>().ok())
        };
        let rows = held.iter().map(|name| {
            let (api, name) = name.split_once(' ').unwrap_or((AUDIENCE, name));
            json!({ "resource_server_identifier": api, "permission_name": name })
        });
        if query.starts_with("effective-permissions") {
            let from = number("from=").unwrap_or_default();
            let rows: Vec<Value> = rows.skip(from).take(100).collect();
            let next = (from + 100 < held.len()).then(|| (from + 100).to_string());
            return (200, json!({ "permissions": rows, "next": next }));
        }
        let page = number("page=").unwrap_or_default();
        let rows: Vec<Value> = rows.skip(page * 100).take(100).collect();
        (200, json!({ "total": held.len(), "permissions": rows }))
    }

    /// Whether a request is let through, how many more would be, and when there will be room again.
    fn take(&self, now: u64) -> Option<(bool, u64, u64)> {
        let (burst, per_second) = self.limit.get()?;
        let passed = now.saturating_sub(self.filled_at.replace(now)) as f64 / 1000.0;
        let level = (self.level.get() + passed * per_second).min(burst);
        let allowed = level >= 1.0;
        let level = if allowed { level - 1.0 } else { level };
        self.level.set(level);
        let wait = ((1.0 - level) / per_second).max(0.0);
        Some((allowed, level as u64, now / 1000 + wait.ceil() as u64))
    }
}

fn answer_of(status: u16, body: String, standing: Option<(bool, u64, u64)>) -> Response<Bytes> {
    let mut answer = Response::builder().status(status).header("content-type", "application/json");
    if let Some((_, remaining, reset)) = standing {
        answer = answer
            .header("x-ratelimit-remaining", remaining.to_string())
            .header("x-ratelimit-reset", reset.to_string());
    }
    answer.body(Bytes::from(body)).expect("the answer is one")
}

impl Instance {
    pub(super) async fn decide(
        &self,
        host: &dyn Host,
        config: &Config,
        caller: &Caller,
        tools: &[&str],
    ) -> Vec<Decision> {
        let scopes = RequiredScopes::default();
        let tools: Vec<_> = tools
            .iter()
            .map(|tool| Requirement { tool, is_read_only: true, scopes: &scopes })
            .collect();
        let inquiry = Inquiry {
            host,
            config,
            management: &self.management,
            memory: &self.permissions,
            caller,
            found_out: &RefCell::default(),
        };
        inquiry.decide(&tools).await
    }

    /// The decision about one tool, in whatever time it takes.
    pub(super) fn decided(
        &self,
        host: &SimulatedHost,
        config: &Config,
        caller: &Caller,
        tool: &str,
    ) -> Decision {
        let decide = async { self.decide(host, config, caller, &[tool]).await.remove(0) };
        host.clock.run(vec![Box::pin(decide)]).remove(0)
    }
}

pub(super) fn config(host: &SimulatedHost, variables: &[(&str, &str)]) -> Config {
    for (name, value) in variables {
        host.fake.set_variable(name, value);
    }
    finish(Config::load(host)).expect("the variables are right")
}

/// A user of the tenant.
pub(super) fn user(subject: &str) -> Caller {
    caller(json!({ "sub": subject, "azp": "client", "scope": "tool:greet" }))
}

pub(super) fn caller(claims: Value) -> Caller {
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    Caller::for_test(claims, AccessToken::from("a.b.c"))
}
