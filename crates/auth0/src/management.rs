//! The Management API (`/api/v2`), with a token of the server's own.
//!
//! A read is retried while that can help and there is time; a change is sent once. The rate limit
//! is obeyed before it is met: see `rate_limit`.

mod error;
mod pages;
mod queue;
mod rate_limit;
mod token;
mod user;

use std::{cell::Cell, future::ready, time::Duration};

use bytes::Bytes;
use doorward_core::{
    host::{Limits, PortFuture},
    outbound::{api_request, path_segment},
    strict_json::{max_values, parse_within},
};
use http::{Method, Response};
use serde_json::Value;

use self::{
    rate_limit::{QueuePlace, RateLimiter},
    token::TokenCache,
};
use crate::{IssuedToken, Tenant};

pub(crate) use self::{pages::List, queue::CallerKey, rate_limit::Sent};
pub use error::ManagementError;
pub use user::{ManagementClient, UserPermission, UserRole};

/// How long one request waits for the API altogether, in milliseconds: in the queue of the rate
/// limit and for responses. On the smallest tenant, which takes two requests a second, it lets
/// thirty others go first.
pub(crate) const TIMEOUT_MILLIS: u64 = 15_000;

/// The delays before the first and the second retry of a read.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// What an instance remembers of the Management API: its own token, and the state of the rate
/// limit.
#[derive(Debug, Default)]
pub(crate) struct ManagementMemory {
    token: TokenCache,
    rate_limiter: RateLimiter,
}

impl ManagementMemory {
    /// The key of a caller in the queue. Without an organization its id is empty.
    pub(crate) fn caller_key(&self, issuer: &str, organization: &str, subject: &str) -> CallerKey {
        self.rate_limiter.caller_key(issuer, organization, subject)
    }

    /// Learns from the tenant whether a caller holds a permission. Those who do are served first.
    pub(crate) fn learn_about(&self, caller: CallerKey, is_permitted: bool, now: u64) {
        self.rate_limiter.learn_about(caller, is_permitted, now);
    }

    /// The key of a question whose answer serves everybody, when this caller asks it. There is one
    /// for each lane, so that no caller waits in the lane of another one.
    pub(crate) fn shared_key(&self, caller: CallerKey, now: u64) -> CallerKey {
        self.rate_limiter.lane(caller, now).everybody()
    }

    /// How many requests were sent so far: one that is sent later has a greater
    /// [number](Sent::number).
    pub(crate) fn requests_sent(&self) -> u64 {
        self.rate_limiter.requests_sent()
    }
}

/// The Management API, on behalf of one caller, until the timeout of one request.
pub(crate) struct ManagementApi<'a> {
    tenant: Tenant<'a>,
    /// Whose place in the queue each request takes.
    caller: CallerKey,
    /// In milliseconds since the Unix epoch.
    deadline: u64,
    /// The last read that was sent.
    last_sent: Cell<Option<Sent>>,
}

impl<'a> ManagementApi<'a> {
    /// The path of the server's own API; `None` if its identifier is no segment of a path.
    pub(crate) fn own_api(&self) -> Option<String> {
        Some(format!("resource-servers/{}", path_segment(self.tenant.audience())?))
    }

    pub(crate) fn new(tenant: Tenant<'a>, caller: CallerKey) -> Self {
        let deadline = tenant.host().now_millis().saturating_add(TIMEOUT_MILLIS);
        Self { tenant, caller, deadline, last_sent: Cell::default() }
    }

    /// Sets the deadline, in milliseconds since the Unix epoch.
    pub(crate) fn until(self, deadline: u64) -> Self {
        Self { deadline, ..self }
    }

    /// When the last read was sent, whatever came of it; `None` if none was.
    pub(crate) fn last_sent(&self) -> Option<Sent> {
        self.last_sent.get()
    }

    /// Reads `path` (below `/api/v2/`) as JSON. `scope` is what the client needs for it.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub(crate) async fn read(
        &self,
        path: &str,
        scope: &'static str,
    ) -> Result<Value, ManagementError> {
        let read = self.read_if(path, scope, &|| Box::pin(ready(true))).await?;
        read.ok_or(ManagementError::Malformed)
    }

    /// Reads `path` unless `is_needed` says otherwise after waiting for a permit.
    ///
    /// # Errors
    ///
    /// See [`read`](Self::read).
    pub(crate) async fn read_if<'n>(
        &self,
        path: &str,
        scope: &'static str,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<Value>, ManagementError> {
        let host = self.tenant.host();
        let mut delays = RETRY_DELAYS.iter();
        let mut has_new_token = false;
        let mut reused_place = None;
        loop {
            let token = self.token().await?;
            let mut place = reused_place.take().map_or_else(|| self.enter_queue(), Ok)?;
            let permit = place.acquire(&self.tenant, self.deadline).await;
            permit.map_err(ManagementError::RateLimited)?;
            if place.has_waited && !is_needed().await {
                return Ok(None);
            }
            self.last_sent.set(Some(place.record_sent(host.now_millis())));
            let error = match self.send(Method::GET, path, None, &token).await {
                Ok(response) => match self.error_of(&response, scope) {
                    None => return Ok(Some(json(&response)?)),
                    Some(error) => error,
                },
                Err(error) => error,
            };
            if matches!(error, ManagementError::RateLimited(_)) {
                // The next permit waits for as long as the API says, or gives up.
                place.return_permit();
                reused_place = Some(place);
                continue;
            }
            drop(place);
            match &error {
                ManagementError::Unauthorized if !has_new_token => {
                    has_new_token = true;
                    if !self.memory().token.replace(&self.tenant, &token).await {
                        return Err(error);
                    }
                }
                error if error.is_transient() => match delays.next() {
                    Some(delay) if self.has_time_for(*delay) => host.sleep(*delay).await,
                    _ => return Err(error.clone()),
                },
                ManagementError::Forbidden(_) => {
                    // A token from before the operator granted the scope would fail for a day.
                    self.memory().token.replace(&self.tenant, &token).await;
                    return Err(error);
                }
                _ => return Err(error),
            }
        }
    }

    /// Changes something: the request is sent once, whatever comes of it.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] unless the response is a success.
    async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        scope: &'static str,
    ) -> Result<Value, ManagementError> {
        let token = self.token().await?;
        let mut place = self.enter_queue()?;
        let permit = place.acquire(&self.tenant, self.deadline).await;
        permit.map_err(ManagementError::RateLimited)?;
        place.record_sent(self.tenant.host().now_millis());
        let response = self.send(method, path, body, &token).await?;
        let Some(error) = self.error_of(&response, scope) else {
            return json(&response);
        };
        if matches!(error, ManagementError::Forbidden(_) | ManagementError::Unauthorized) {
            self.memory().token.replace(&self.tenant, &token).await;
        }
        Err(error)
    }

    /// Logs an error for the operator.
    fn log<T>(&self, result: Result<T, ManagementError>) -> Result<T, ManagementError> {
        if let Err(error) = &result {
            self.tenant.host().log(&format!("management: {error}"));
        }
        result
    }

    /// The error that a response's status stands for, if it is one.
    fn error_of(&self, response: &Response<Bytes>, scope: &'static str) -> Option<ManagementError> {
        if response.status().is_success() {
            return None;
        }
        let now = self.tenant.host().now_millis();
        let retry_after = self.memory().rate_limiter.retry_after(now);
        Some(ManagementError::from_status(response.status(), scope, retry_after))
    }

    fn enter_queue(&self) -> Result<QueuePlace<'a>, ManagementError> {
        let place = self.memory().rate_limiter.enter(self.caller, self.tenant.host().now_millis());
        place.map_err(ManagementError::RateLimited)
    }

    async fn token(&self) -> Result<IssuedToken, ManagementError> {
        let token = self.memory().token.get(&self.tenant, self.deadline).await;
        token.map_err(ManagementError::Token)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        token: &IssuedToken,
    ) -> Result<Response<Bytes>, ManagementError> {
        let url = self.tenant.settings.management.tenant.url(&format!("api/v2/{path}"));
        let request = api_request(method, &url, Some(&token.access_token), body)
            .map_err(|_| ManagementError::InvalidRequest)?;
        let response = self.tenant.outbound().send(request, Limits::API).await;
        let response = response.map_err(ManagementError::Unavailable)?;
        self.memory().rate_limiter.learn(&self.tenant, &response).await;
        Ok(response)
    }

    fn has_time_for(&self, delay: Duration) -> bool {
        self.tenant.host().now_millis().saturating_add(millis(delay)) < self.deadline
    }

    fn memory(&self) -> &'a ManagementMemory {
        &self.tenant.memory.management
    }
}

/// The JSON of a response; `null` for an empty body.
fn json(response: &Response<Bytes>) -> Result<Value, ManagementError> {
    match response.body().is_empty() {
        true => Ok(Value::Null),
        false => {
            let json = parse_within(response.body(), max_values(Limits::API.body));
            json.map_err(|_| ManagementError::Malformed)
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
