//! What a tool may see and do: a view of its caller, the time, and connections that carry the third party's token
//! themselves. The caller's own token never gets here; a token that it was exchanged for does, for a tool that asks for one.

mod connection;

use std::{cell::RefCell, rc::Rc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    audit::{Audit, Reason},
    auth0::{Auth0, Decision, Inquiry, Knowledge, Requirement},
    config::{Config, Secret},
    host::Host,
    mcp::{Elicited, InputRequest, ProgressSink},
    oauth::Caller,
    outbound::Traced,
    server::Server,
};

pub use connection::{Connection, ConnectionCause, ConnectionFault};

/// The surroundings of one call: who calls, and what may be done about it.
#[derive(Clone)]
pub struct Context {
    server: Rc<Server>,
    host: Rc<dyn Host>,
    config: Rc<Config>,
    caller: Rc<Caller>,
    audit: Rc<Audit>,
    call: Rc<CallContext>,
    /// What this HTTP request has found out about permissions, and when.
    found_out: Rc<RefCell<Option<(Knowledge, u64)>>>,
    progress: Option<Rc<ProgressSink>>,
}

/// What the client sent along with one call.
#[derive(Debug, Default)]
pub(crate) struct CallContext {
    capabilities: Map<String, Value>,
    responses: Map<String, Value>,
    state: Option<Value>,
}

/// What a tool may know of its caller's profile: the claims that the token carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Profile {
    /// The user's id at the tenant.
    pub sub: String,
    /// The client that the token was issued to, as RFC 9068 names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client that the token was issued to, as OpenID Connect names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// The user's name, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user's email address, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the tenant knows that the email address is the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The user's nickname, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The URL of the user's picture, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

impl CallContext {
    pub(crate) fn new(
        capabilities: Map<String, Value>,
        responses: Map<String, Value>,
        state: Option<Value>,
    ) -> Self {
        Self { capabilities, responses, state }
    }
}

impl Context {
    pub(crate) fn new(
        server: Rc<Server>,
        host: Rc<dyn Host>,
        config: Rc<Config>,
        caller: Rc<Caller>,
        audit: Audit,
    ) -> Self {
        let audit = Rc::new(audit);
        let host: Rc<dyn Host> = Rc::new(Traced::new(host, Rc::clone(&audit)));
        let (call, found_out) = (Rc::default(), Rc::default());
        Self { server, host, config, caller, audit, call, found_out, progress: None }
    }

    /// The caller's profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let text = |name| self.caller.text_claim(name).map(str::to_owned);
        Profile {
            sub: self.caller.subject().to_owned(),
            client_id: text("client_id"),
            azp: text("azp"),
            name: text("name"),
            email: text("email"),
            email_verified: self.caller.claim("email_verified").and_then(Value::as_bool),
            nickname: text("nickname"),
            picture: text("picture"),
        }
    }

    /// The caller: everything that the token says, and not the token.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The scopes and permissions in the caller's token.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.caller.scopes()
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_millis(&self) -> u64 {
        self.host.now_millis()
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.host.sleep(duration).await;
    }

    /// Writes one line to the operator's log: what only the operator can mend. It must hold nothing of a body.
    pub fn log(&self, line: &str) {
        self.host.log(line);
    }

    /// Says how far the call is. Nothing happens when the client did not ask for it, or when `progress` did not
    /// increase.
    pub fn report_progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(sink) = &self.progress {
            sink.report(progress, total, message);
        }
    }

    /// Whether the client can be asked this. A legacy client cannot be asked anything.
    #[must_use]
    pub fn can_ask(&self, request: &InputRequest) -> bool {
        request.is_supported_by(&self.call.capabilities)
    }

    /// What the client answered to the question with this key, as it was sent: it is the client's word.
    #[must_use]
    pub fn response(&self, key: &str) -> Option<&Value> {
        self.call.responses.get(key)
    }

    /// The user's answer to the form or page with this key. An answer that is none counts as missing.
    #[must_use]
    pub fn elicited(&self, key: &str) -> Option<Elicited> {
        self.response(key).and_then(Elicited::of)
    }

    /// What an earlier round of this call asked to [`remember`](crate::mcp::InputRequired::remember).
    #[must_use]
    pub fn remembered(&self) -> Option<&Value> {
        self.call.state.as_ref()
    }

    /// The capabilities that the client declares with this call; none for a legacy client.
    #[must_use]
    pub fn client_capabilities(&self) -> &Map<String, Value> {
        &self.call.capabilities
    }

    /// The tenant, for exchanges of the caller's token and for the Management API.
    #[must_use]
    pub fn auth0(&self) -> Auth0<'_> {
        let memory = self.server.memory();
        let (tokens, management) = (&memory.exchanged, &memory.management);
        Auth0::new(&*self.host, &self.config, &self.caller, tokens, management)
    }

    /// The API of a third party, with the account that the caller connected: `google-oauth2` are Google's APIs, and any
    /// other connection of the tenant needs [`Connection::at`] in addition.
    #[must_use]
    pub fn connection<'a>(&'a self, name: &'a str) -> Connection<'a> {
        Connection::new(self, name)
    }

    /// Whether the caller may use a tool. The answer is written down.
    pub(crate) async fn may_use(&self, tool: Requirement<'_>) -> Decision {
        let decision = self.decide(&[tool]).await.pop().unwrap_or(Decision::LacksPermission);
        self.decided(Some(tool.tool), &decision);
        decision
    }

    /// The same for some tools at once. What keeps all of them from being decided is written down; the rest is not.
    pub(crate) async fn may_use_each(&self, tools: &[Requirement<'_>]) -> Vec<Decision> {
        let decisions = self.decide(tools).await;
        if let Some(undecided) = decisions.iter().find(|it| matches!(it, Decision::Undecided(_))) {
            self.decided(None, undecided);
        }
        decisions
    }

    async fn decide(&self, tools: &[Requirement<'_>]) -> Vec<Decision> {
        let memory = self.server.memory();
        let inquiry = Inquiry {
            host: &*self.host,
            config: &self.config,
            management: &memory.management,
            memory: &memory.permissions,
            caller: &self.caller,
            found_out: &self.found_out,
        };
        inquiry.decide(tools).await
    }

    fn decided(&self, tool: Option<&str>, decision: &Decision) {
        let Self { host, config, caller, .. } = self;
        self.audit.decided_for(&**host, config, caller, tool, Reason::from(decision));
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(crate) fn for_call(&self, call: CallContext) -> Self {
        Self { call: Rc::new(call), ..self.clone() }
    }

    pub(crate) fn report_to(&mut self, sink: Rc<ProgressSink>) {
        self.progress = Some(sink);
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn host(&self) -> &Rc<dyn Host> {
        &self.host
    }

    pub(crate) fn now(&self) -> u64 {
        self.host.now()
    }

    /// The secret that `requestState` is sealed with. All instances have it, and nobody else.
    pub(crate) fn state_secret(&self) -> &Secret {
        &self.config.client.secret
    }
}
