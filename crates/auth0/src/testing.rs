//! Instances, and a tenant of the Management API, for tests.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "used by tests only"
)]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use bytes::Bytes;
use doorward_core::{
    access::{Access, Item, ItemKind, Requirement},
    host::{Host, HttpError, Variables},
    scope::RequiredScopes,
    settings::{Reader, SettingsError},
    testing::{SimulatedHost, finish_all},
};
use doorward_oauth::{Caller, testing::caller};
use http::{Method, Request, Response};
use serde_json::{Value, json};

use crate::{
    Tenant, TenantMemory, TenantSettings,
    permissions::{Decision, PermissionMemo},
};

pub const AUDIENCE: &str = "https://mcp.example.com/mcp";
pub const API: &str = "/api/v2/resource-servers/";
pub const USERS: &str = "/api/v2/users/";
pub const MEMBERS: &str = "/members/";
pub const ROLES: &str = "/api/v2/roles/";
pub const TOKENS: &str = "/oauth/token";

/// An instance: its settings, and what it remembers.
pub struct Instance {
    pub oauth: doorward_oauth::testing::Instance,
    pub settings: TenantSettings,
    pub memory: TenantMemory,
}

impl Instance {
    /// An instance with the variables of a host. It remembers nothing yet.
    pub fn new(host: &impl Variables) -> Self {
        let (oauth, settings) = settings(host).expect("the variables are valid");
        let oauth = doorward_oauth::testing::Instance::with(oauth);
        Self { oauth, settings, memory: TenantMemory::default() }
    }

    /// The tenant, as a request on this instance meets it.
    pub fn tenant<'a>(&'a self, host: &'a dyn Host) -> Tenant<'a> {
        let (settings, memory) = (&self.settings, &self.memory);
        // Each request reads revocations itself. What a test leaks is little.
        let revocations = Box::leak(Box::default());
        Tenant { settings, memory, resource_server: self.oauth.server(host), revocations }
    }

    /// The decisions about tools that only read and whose code declares no scope.
    pub async fn decide(&self, host: &dyn Host, caller: &Caller, tools: &[&str]) -> Vec<Decision> {
        let tools: Vec<_> = tools.iter().map(|tool| requirement(tool, Access::default())).collect();
        self.tenant(host).decide_each(caller, &PermissionMemo::default(), &tools).await
    }

    /// The decision about what is required for an item, in whatever time it takes.
    pub fn decided_about(
        &self,
        host: &SimulatedHost,
        caller: &Caller,
        requirement: &Requirement<'_>,
    ) -> Decision {
        let memo = PermissionMemo::default();
        let tenant = self.tenant(host);
        let decide = async { tenant.decide(caller, &memo, requirement).await };
        host.clock.run(vec![Box::pin(decide)]).remove(0)
    }

    /// The decision about one tool, in whatever time it takes.
    pub fn decided(&self, host: &SimulatedHost, caller: &Caller, tool: &str) -> Decision {
        let decide = async { self.decide(host, caller, &[tool]).await.remove(0) };
        host.clock.run(vec![Box::pin(decide)]).remove(0)
    }
}

/// A tool that only reads and whose code declares no scope.
pub fn requirement(tool: &str, access: Access) -> Requirement<'_> {
    let item = Item { kind: ItemKind::Tool, name: tool };
    Requirement { item, access, is_read_only: true, scopes: RequiredScopes::NONE, permission: None }
}

/// Reads the variables of a host.
pub fn settings(
    host: &impl Variables,
) -> Result<(doorward_oauth::ResourceServerSettings, TenantSettings), SettingsError> {
    let declared = doorward_oauth::VARIABLES.iter().chain(crate::VARIABLES);
    let mut reader = finish_all([Reader::fetch(host, declared)]).remove(0);
    let oauth = doorward_oauth::ResourceServerSettings::read(&mut reader);
    let settings = TenantSettings::read(&mut reader, oauth.as_ref());
    reader.finish(oauth.zip(settings))
}

/// A user of the tenant whose token was granted `tool:greet`.
pub fn user(subject: &str) -> Caller {
    caller(json!({ "sub": subject, "azp": "client", "scope": "tool:greet" }))
}

/// The same user, signed in to an organization.
pub fn member(subject: &str, organization: &str) -> Caller {
    caller(json!({
        "sub": subject, "azp": "client", "scope": "tool:greet", "org_id": organization
    }))
}

/// A status and a body.
type Answer = Result<(u16, String), HttpError>;

/// What the tenant is, and what a test may change about it while it runs.
pub struct FakeTenant {
    /// The permissions that the API defines.
    pub defined: RefCell<Vec<&'static str>>,
    /// What users hold; those who are not named here are unknown. `https://other.example/ tool:a`
    /// is a permission of another API.
    pub held: RefCell<BTreeMap<String, Vec<String>>>,
    /// The roles of members, by organization and user.
    pub members: RefCell<BTreeMap<(String, String), Vec<String>>>,
    /// The encoded ids of users who are blocked.
    pub blocked: RefCell<Vec<&'static str>>,
    /// The permissions of roles, by id.
    pub roles: RefCell<BTreeMap<String, Vec<String>>>,
    /// Burst and requests per second.
    pub limit: Cell<Option<(f64, f64)>>,
    level: Cell<f64>,
    filled_at: Cell<u64>,
    /// How many requests met the limit.
    pub refused: Cell<u64>,
    /// What is answered instead, by a part of the URL.
    instead: RefCell<BTreeMap<&'static str, Answer>>,
}

impl FakeTenant {
    /// An API that defines `tool:greet`, and users `auth0|1` to `auth0|20` who hold it.
    pub fn new() -> Rc<Self> {
        let holders = (1..=20).map(|n| (format!("auth0|{n}"), vec!["tool:greet".to_owned()]));
        Rc::new(Self {
            defined: RefCell::new(vec!["tool:greet"]),
            held: RefCell::new(holders.collect()),
            members: RefCell::default(),
            roles: RefCell::default(),
            blocked: RefCell::default(),
            limit: Cell::default(),
            level: Cell::default(),
            filled_at: Cell::default(),
            refused: Cell::default(),
            instead: RefCell::default(),
        })
    }

    /// A host on which this tenant is reached, with these variables beside the usual ones.
    pub fn host(self: &Rc<Self>, variables: &[(&str, &str)]) -> SimulatedHost {
        let tenant = Rc::clone(self);
        let host = SimulatedHost::new(move |request, now| tenant.respond(request, now));
        for (name, value) in variables {
            host.fake.set_variable(name, value);
        }
        host
    }

    /// What a user holds from now on.
    pub fn let_hold(&self, subject: &str, permissions: &[&str]) {
        let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
        self.held.borrow_mut().insert(subject.to_owned(), permissions);
    }

    /// Makes a user a member of an organization, with these roles.
    pub fn let_be_member(&self, subject: &str, organization: &str, roles: &[&str]) {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self.members.borrow_mut().insert((organization.to_owned(), subject.to_owned()), roles);
    }

    /// What a role gives from now on.
    pub fn let_give(&self, role: &str, permissions: &[&str]) {
        let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
        self.roles.borrow_mut().insert(role.to_owned(), permissions);
    }

    pub fn limit_to(&self, burst: f64, per_second: f64) {
        self.limit.set(Some((burst, per_second)));
        self.level.set(burst);
    }

    pub fn answer_instead(&self, url: &'static str, answer: Result<(u16, &str), HttpError>) {
        let answer = answer.map(|(status, body)| (status, body.to_owned()));
        self.instead.borrow_mut().insert(url, answer);
    }

    fn respond(&self, request: &Request<Bytes>, now: u64) -> Result<Response<Bytes>, HttpError> {
        let url = request.uri().to_string();
        let instead = self.instead.borrow();
        if let Some((_, answer)) = instead.iter().find(|(part, _)| url.contains(**part)) {
            let (status, body) = answer.clone()?;
            return Ok(response(status, body, None));
        }
        if url.contains(TOKENS) {
            let token = json!({ "access_token": format!("token-{now}"), "expires_in": 86400 });
            return Ok(response(200, token.to_string(), None));
        }
        let limit = self.take(now);
        if limit.is_some_and(|(is_allowed, ..)| !is_allowed) {
            self.refused.set(self.refused.get() + 1);
            return Ok(response(429, "{}".to_owned(), limit));
        }
        assert_eq!(request.method(), Method::GET);
        let (status, body) = if url.contains(API) {
            let scopes: Vec<Value> =
                self.defined.borrow().iter().map(|name| json!({ "value": name })).collect();
            (200, json!({ "identifier": AUDIENCE, "scopes": scopes }))
        } else {
            self.list(&url)
        };
        Ok(response(status, body.to_string(), limit))
    }

    fn list(&self, url: &str) -> (u16, Value) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if query.starts_with("fields=blocked") {
            let is_blocked = self.blocked.borrow().iter().any(|id| path.ends_with(id));
            return (200, if is_blocked { json!({ "blocked": true }) } else { json!({}) });
        }
        let (_, path) = path.split_once("/api/v2/").expect("it is of the Management API");
        let id =
            |id: &str| percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let segments: Vec<&str> = path.split('/').collect();
        let (name, rows) = match segments[..] {
            ["users", user, _] => ("permissions", self.held.borrow().get(&id(user)).cloned()),
            ["roles", role, "permissions"] => {
                ("permissions", self.roles.borrow().get(&id(role)).cloned())
            }
            ["organizations", organization, "members", user, _] => {
                ("roles", self.members.borrow().get(&(id(organization), id(user))).cloned())
            }
            _ => panic!("{path}"),
        };
        let Some(rows) = rows else { return (404, json!({})) };
        let total = rows.len();
        let rows = rows.iter().map(|row| match (name, row.split_once(' ')) {
            ("roles", _) => json!({ "id": row, "name": row }),
            (_, of_api) => {
                let (api, name) = of_api.unwrap_or((AUDIENCE, row));
                json!({ "resource_server_identifier": api, "permission_name": name })
            }
        });
        let number = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name));
            value.and_then(|value| value.parse::<usize>().ok()).unwrap_or_default()
        };
        if path.contains("/effective-") {
            let from = number("from=");
            let rows: Vec<Value> = rows.skip(from).take(100).collect();
            let next = (from + 100 < total).then(|| (from + 100).to_string());
            return (200, json!({ name: rows, "next": next }));
        }
        let rows: Vec<Value> = rows.skip(number("page=") * 100).take(100).collect();
        (200, json!({ "total": total, name: rows }))
    }

    /// Whether a request is allowed, how many more would be, and when the limit resets.
    fn take(&self, now: u64) -> Option<(bool, u64, u64)> {
        let (burst, per_second) = self.limit.get()?;
        let passed = now.saturating_sub(self.filled_at.replace(now)) as f64 / 1000.0;
        let level = (self.level.get() + passed * per_second).min(burst);
        let is_allowed = level >= 1.0;
        let level = if is_allowed { level - 1.0 } else { level };
        self.level.set(level);
        let wait = ((1.0 - level) / per_second).max(0.0);
        Some((is_allowed, level as u64, now / 1000 + wait.ceil() as u64))
    }
}

fn response(status: u16, body: String, limit: Option<(bool, u64, u64)>) -> Response<Bytes> {
    let mut response =
        Response::builder().status(status).header("content-type", "application/json");
    if let Some((_, remaining, reset)) = limit {
        response = response
            .header("x-ratelimit-remaining", remaining.to_string())
            .header("x-ratelimit-reset", reset.to_string());
    }
    response.body(Bytes::from(body)).expect("the response is one")
}
