//! The Management API (`/api/v2`), with a token of the server's own.
//!
//! A read is retried while that can help and there is time; a change is sent once. The rate limit
//! is obeyed before it is met: see `rate_limit`.

mod error;
mod rate_limit;
mod token;
mod user;

use std::{future::ready, time::Duration};

use bytes::Bytes;
use doorward_core::{
    host::{Limits, PortFuture},
    outbound::api_request,
};
use http::{Method, Response};
use serde_json::Value;

use self::{rate_limit::RateLimiter, token::TokenCache};
use crate::{IssuedToken, Tenant};

pub use error::ManagementError;
pub use user::{ManagementClient, UserPermission, UserRole};

/// How long one request waits for the API altogether, for its turn under the rate limit and for
/// responses. It lets twenty others go first on the smallest tenant, which takes two requests a
/// second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The delays before the first and the second retry of a read.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// What an instance remembers of the Management API: its own token, and the state of the rate
/// limit.
#[derive(Debug, Default)]
pub struct ManagementMemory {
    token: TokenCache,
    rate_limiter: RateLimiter,
}

/// The Management API, until the patience of one request ends.
pub(crate) struct ManagementApi<'a> {
    tenant: Tenant<'a>,
    /// In milliseconds since the Unix epoch.
    deadline: u64,
}

impl<'a> ManagementApi<'a> {
    pub(crate) fn new(tenant: Tenant<'a>) -> Self {
        let deadline = tenant.host().now_millis().saturating_add(millis(PATIENCE));
        Self { tenant, deadline }
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
        read.map(|(value, _)| value).ok_or(ManagementError::Malformed)
    }

    /// Reads `path` unless `is_needed` says otherwise after waiting for a turn. Also returns when
    /// the request was sent, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// See [`read`](Self::read).
    pub(crate) async fn read_if<'n>(
        &self,
        path: &str,
        scope: &'static str,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<(Value, u64)>, ManagementError> {
        let host = self.tenant.host();
        let mut delays = RETRY_DELAYS.iter();
        let mut has_new_token = false;
        loop {
            let token = self.token().await?;
            let turn = self.memory().rate_limiter.turn(&self.tenant, self.deadline).await;
            let turn = turn.map_err(ManagementError::RateLimited)?;
            if turn.has_waited && !is_needed().await {
                return Ok(None);
            }
            let sent_at = host.now_millis();
            let error = match self.send(Method::GET, path, None, &token).await {
                Ok(response) => match self.judge(&response, scope) {
                    None => return Ok(Some((json(&response)?, sent_at))),
                    Some(error) => error,
                },
                Err(error) => error,
            };
            drop(turn);
            match &error {
                // The next turn waits for as long as the API says, or gives up.
                ManagementError::RateLimited(_) => {}
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
        let turn = self.memory().rate_limiter.turn(&self.tenant, self.deadline).await;
        let _turn = turn.map_err(ManagementError::RateLimited)?;
        let response = self.send(method, path, body, &token).await?;
        let Some(error) = self.judge(&response, scope) else {
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
    fn judge(&self, response: &Response<Bytes>, scope: &'static str) -> Option<ManagementError> {
        if response.status().is_success() {
            return None;
        }
        let now = self.tenant.host().now_millis();
        let retry_after = self.memory().rate_limiter.retry_after(now);
        Some(ManagementError::from_status(response.status(), scope, retry_after))
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
        false => serde_json::from_slice(response.body()).map_err(|_| ManagementError::Malformed),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
