//! The Management API (`/api/v2`), asked with a token of this server's own.
//!
//! A read is tried again while that can help and there is time; a change is sent once. The rate limit is obeyed before
//! it is met, see `budget`.

mod budget;
mod client;
mod fault;
mod token;

use std::{future::ready, time::Duration};

use ::http::{HeaderMap, Method, Request, Response, header};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use self::{budget::Budget, token::TokenMemory};
use super::token_endpoint::IssuedToken;
use crate::{
    config::Config,
    host::{Host, Limits, PortFuture},
};

pub use client::{ManagementClient, UserPermission, UserRole};
pub use fault::ManagementFault;

/// How long a request waits for the API altogether: for its turn under the rate limit, and for answers. It is enough
/// for twenty others to go first on the smallest tenant, which answers two requests a second.
const PATIENCE: Duration = Duration::from_secs(15);

/// After so long a read is tried again that failed for no fault of ours, and then once more.
const TRY_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// Everything but the unreserved characters of RFC 3986.
const PATH_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an instance remembers of the Management API: its own token, and what is left of the rate limit.
#[derive(Debug, Default)]
pub struct ManagementMemory {
    token: TokenMemory,
    budget: Budget,
}

/// The Management API, until the patience of one request ends.
pub(crate) struct Management<'a> {
    host: &'a dyn Host,
    config: &'a Config,
    memory: &'a ManagementMemory,
    /// In milliseconds since the Unix epoch.
    deadline: u64,
}

impl<'a> Management<'a> {
    pub(crate) fn new(
        host: &'a dyn Host,
        config: &'a Config,
        memory: &'a ManagementMemory,
    ) -> Self {
        let deadline = host.now_millis().saturating_add(millis(PATIENCE));
        Self { host, config, memory, deadline }
    }

    /// Until when whoever waits for an answer goes on waiting, in milliseconds since the Unix epoch.
    pub(super) fn deadline(&self) -> u64 {
        self.deadline
    }

    /// Reads `path` (below `/api/v2/`) as JSON. `scope` is what the client needs for it.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub(super) async fn read(
        &self,
        path: &str,
        scope: &'static str,
    ) -> Result<Value, ManagementFault> {
        let answer = self.read_if(path, scope, &|| Box::pin(ready(true))).await?;
        answer.map(|(answer, _)| answer).ok_or(ManagementFault::Malformed)
    }

    /// The same, if the answer is still needed when its turn has come; and when it was asked for, in milliseconds since
    /// the Unix epoch.
    pub(super) async fn read_if<'n>(
        &self,
        path: &str,
        scope: &'static str,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<(Value, u64)>, ManagementFault> {
        let mut failures = TRY_AGAIN_AFTER.iter();
        let mut has_new_token = false;
        loop {
            let token = self.token().await?;
            let turn = self.memory.budget.turn(self.host, self.config, self.deadline).await;
            let turn = turn.map_err(ManagementFault::RateLimited)?;
            if turn.has_waited && !is_needed().await {
                return Ok(None);
            }
            let asked_at = self.host.now_millis();
            let fault = match self.exchange(Method::GET, path, None, &token).await {
                Ok(answer) => match self.judge(&answer, scope) {
                    None => return Ok(Some((value(&answer)?, asked_at))),
                    Some(fault) => fault,
                },
                Err(fault) => fault,
            };
            drop(turn);
            match &fault {
                // The next turn waits for as long as the API says, or gives up.
                ManagementFault::RateLimited(_) => {}
                ManagementFault::Unauthorized if !has_new_token => {
                    has_new_token = true;
                    if !self.memory.token.forget(self.host, self.config, &token).await {
                        return Err(fault);
                    }
                }
                fault if fault.may_pass() => match failures.next() {
                    Some(pause) if self.has_time_for(*pause) => self.host.sleep(*pause).await,
                    _ => return Err(fault.clone()),
                },
                ManagementFault::Forbidden(_) => {
                    // A token of before the operator mended something would go on failing for a day.
                    self.memory.token.forget(self.host, self.config, &token).await;
                    return Err(fault);
                }
                _ => return Err(fault),
            }
        }
    }

    /// Changes something: it is sent once, whatever comes of it.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        scope: &'static str,
    ) -> Result<Value, ManagementFault> {
        let token = self.token().await?;
        let turn = self.memory.budget.turn(self.host, self.config, self.deadline).await;
        let _turn = turn.map_err(ManagementFault::RateLimited)?;
        let answer = self.exchange(method, path, body, &token).await?;
        let Some(fault) = self.judge(&answer, scope) else {
            return value(&answer);
        };
        if matches!(fault, ManagementFault::Forbidden(_) | ManagementFault::Unauthorized) {
            self.memory.token.forget(self.host, self.config, &token).await;
        }
        Err(fault)
    }

    /// Tells the operator what went wrong.
    fn log<T>(&self, result: Result<T, ManagementFault>) -> Result<T, ManagementFault> {
        if let Err(fault) = &result {
            self.host.log(&format!("management: {fault}"));
        }
        result
    }

    /// What is wrong with an answer, by its status.
    fn judge(&self, answer: &Response<Bytes>, scope: &'static str) -> Option<ManagementFault> {
        if answer.status().is_success() {
            return None;
        }
        let wait = self.memory.budget.wait_in_seconds(self.host.now_millis());
        Some(ManagementFault::of(answer.status(), scope, wait))
    }

    async fn token(&self) -> Result<IssuedToken, ManagementFault> {
        let token = self.memory.token.current(self.host, self.config, self.deadline).await;
        token.map_err(ManagementFault::Token)
    }

    /// One request and its answer, whatever it says.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        token: &IssuedToken,
    ) -> Result<Response<Bytes>, ManagementFault> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.config.management.tenant.url(&format!("api/v2/{path}")))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.access_token.expose()))
            .header(header::ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(body).map_err(|_| ManagementFault::InvalidRequest)?;
        let answer = self.host.send(request, Limits::API).await;
        let answer = answer.map_err(ManagementFault::Unavailable)?;
        self.memory.budget.learn_from(self.host, self.config, &answer).await;
        Ok(answer)
    }

    fn has_time_for(&self, pause: Duration) -> bool {
        self.host.now_millis().saturating_add(millis(pause)) < self.deadline
    }
}

/// The JSON of an answer; `null`, if it has no body.
fn value(answer: &Response<Bytes>) -> Result<Value, ManagementFault> {
    match answer.body().is_empty() {
        true => Ok(Value::Null),
        false => serde_json::from_slice(answer.body()).map_err(|_| ManagementFault::Malformed),
    }
}

/// An id as one segment of a path. There is none for what a path would take for a step elsewhere.
pub(crate) fn path_segment(id: &str) -> Option<String> {
    (!matches!(id, "" | "." | "..")).then(|| utf8_percent_encode(id, PATH_SEGMENT).to_string())
}

/// A header that is a whole number.
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
