//! What a tool may see and do: a view of its caller, the time, and connections that attach a third
//! party's token themselves. The caller's own token never gets here.

use std::{rc::Rc, time::Duration};

use chrono::{DateTime, Utc};
use doorward_auth0::Exchanges;
use doorward_core::{host::date_time, scope::Scope};
use doorward_mcp::{CallError, Elicited, InputRequest, RoundTrip};
use doorward_oauth::Caller;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{notes::CallNotes, request::CallerRequest};

/// The surroundings of one call: who calls, and what may be done for them.
///
/// ```
/// use doorward_server::prelude::*;
///
/// async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
///     context.report_progress(0.0, Some(1.0), Some("Reading the orders"));
///     let orders = context
///         .connection("orders")
///         .display_name("Orders")
///         .origin("https://orders.example.com")
///         .scopes(&["read:orders"]);
///     let response = orders.get("/v1/orders").await?;
///     Ok(String::from_utf8_lossy(response.body()).into_owned())
/// }
/// # let _ = Tool::new("orders", call);
/// ```
#[derive(Clone)]
pub struct Context {
    request: CallerRequest,
    round_trip: Rc<RoundTrip>,
    notes: Rc<CallNotes>,
}

/// What a tool may know of its caller's profile: claims of the access token.
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

impl Context {
    pub(crate) fn new(
        request: CallerRequest,
        round_trip: Rc<RoundTrip>,
        notes: Rc<CallNotes>,
    ) -> Self {
        Self { request, round_trip, notes }
    }

    /// A context outside of a call, to look something up for the caller.
    pub(crate) fn outside_of_call(request: CallerRequest) -> Self {
        Self::new(request, Rc::default(), Rc::default())
    }

    /// The caller: everything that the token says, but not the token.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.request.caller
    }

    /// The caller's profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let caller = self.caller();
        let text = |name| caller.text_claim(name).map(str::to_owned);
        Profile {
            sub: caller.subject().to_owned(),
            client_id: text("client_id"),
            azp: text("azp"),
            name: text("name"),
            email: text("email"),
            email_verified: caller.claim("email_verified").and_then(Value::as_bool),
            nickname: text("nickname"),
            picture: text("picture"),
        }
    }

    /// Demands scopes of the token that only this call turns out to need. A client whose token
    /// lacks them is told to ask its user.
    ///
    /// ```
    /// use doorward_server::prelude::*;
    ///
    /// async fn delete(context: &Context, _: NoArguments) -> Result<String, CallError> {
    ///     context.require_scopes(&["delete:orders"])?;
    ///     Ok("Deleted.".to_owned())
    /// }
    /// # let _ = Tool::new("delete", delete);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`CallError::NeedsScopes`] with all `scopes` if the token was not granted each.
    pub fn require_scopes(&self, scopes: &[&'static str]) -> Result<(), CallError> {
        match scopes.iter().all(|scope| self.caller().was_granted(scope)) {
            true => Ok(()),
            false => {
                let spell = |scope: &&'static str| self.caller().spell(&Scope::from_static(scope));
                Err(CallError::NeedsScopes(scopes.iter().map(spell).collect()))
            }
        }
    }

    /// The value of a variable that `spin.toml` gives the component.
    ///
    /// ```
    /// use doorward_server::prelude::*;
    ///
    /// async fn orders(context: &Context, _: NoArguments) -> Result<String, CallError> {
    ///     let url = context.variable("orders_url").await?;
    ///     Ok(format!("The orders are at {url}"))
    /// }
    /// # let _ = Tool::new("orders", orders);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`CallError`] for one that it does not give, or if its provider fails.
    pub async fn variable(&self, name: &str) -> Result<String, CallError> {
        self.request.environment.host.variable(name).await.map_err(|error| {
            self.log(&format!("the variable `{name}` {error}"));
            CallError::new("This server is not set up for that. Tell its operator.")
        })
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_millis(&self) -> u64 {
        self.request.environment.host.now_millis()
    }

    /// The date and time in UTC.
    ///
    /// # Errors
    ///
    /// Returns [`CallError`] if the host's clock is beyond any calendar.
    pub fn now(&self) -> Result<DateTime<Utc>, CallError> {
        let now = date_time(self.now_millis());
        now.ok_or_else(|| CallError::new("The server's clock is wrong."))
    }

    /// A number that nobody can foresee.
    ///
    /// ```
    /// use doorward_server::prelude::*;
    ///
    /// async fn roll(context: &Context, _: NoArguments) -> Result<String, CallError> {
    ///     Ok((context.random() % 6 + 1).to_string())
    /// }
    /// # let _ = Tool::new("roll", roll);
    /// ```
    #[must_use]
    pub fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.request.environment.host.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Lets the requests of this call to other services take longer together than the 4 seconds
    /// that they may by default: several clients give up after 5. Each alone still has 4 seconds.
    ///
    /// ```
    /// use doorward_server::prelude::*;
    ///
    /// async fn slow(context: &Context, _: NoArguments) -> Result<String, CallError> {
    ///     context.extend_budget(std::time::Duration::from_secs(30));
    ///     let github = context.connection("github").origin("https://api.github.com");
    ///     for page in 1..=20 {
    ///         github.get(&with_query("/issues", &[("page", &page.to_string())])).await?;
    ///         context.report_progress(f64::from(page), Some(20.0), None);
    ///     }
    ///     Ok("All pages are read.".to_owned())
    /// }
    /// # let _ = Tool::new("slow", slow);
    /// ```
    pub fn extend_budget(&self, by: Duration) {
        self.request.environment.budget.extend(by);
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.request.environment.host.sleep(duration).await;
    }

    /// Writes one line to the operator's log, about what only the operator can fix. It must hold
    /// nothing of a body.
    pub fn log(&self, line: &str) {
        self.request.environment.host.log(line);
    }

    /// Reports how far the call is. It has no effect if the client did not ask for it, or if
    /// `progress` did not increase.
    pub fn report_progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.round_trip.report_progress(progress, total, message);
    }

    /// Whether the client can be asked this. A legacy client can only be asked to open a page, and
    /// only in a session that says so.
    #[must_use]
    pub fn can_ask(&self, request: &InputRequest) -> bool {
        self.round_trip.can_ask(request)
    }

    /// The client's answer to the question with this key, as it was sent. It is not verified.
    #[must_use]
    pub fn response(&self, key: &str) -> Option<&Value> {
        self.round_trip.response(key)
    }

    /// The user's answer to the form or page with this key. An invalid answer counts as missing.
    #[must_use]
    pub fn elicited(&self, key: &str) -> Option<Elicited> {
        self.round_trip.elicited(key)
    }

    /// What an earlier round of this call asked to
    /// [`remember`](doorward_mcp::InputRequired::remember).
    #[must_use]
    pub fn remembered(&self) -> Option<&Value> {
        self.round_trip.remembered()
    }

    /// The capabilities that the client declares with this call. Of a legacy client only
    /// `elicitation.url` is known, by its session.
    #[must_use]
    pub fn client_capabilities(&self) -> &Map<String, Value> {
        self.round_trip.client_capabilities()
    }

    /// Exchanges of the caller's token, and the Management API.
    #[must_use]
    pub fn auth0(&self) -> Exchanges<'_> {
        Exchanges::new(self.request.environment.tenant(), self.caller(), &self.notes.exchange)
    }

    pub(crate) fn round_trip(&self) -> &RoundTrip {
        &self.round_trip
    }

    pub(crate) fn notes(&self) -> &CallNotes {
        &self.notes
    }

    pub(crate) fn request(&self) -> &CallerRequest {
        &self.request
    }
}
