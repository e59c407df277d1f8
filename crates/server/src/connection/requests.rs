//! The requests of a tool to a third party's API.

use std::cell::RefCell;

use bytes::Bytes;
use doorward_core::host::BodySink;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use super::{Connection, ConnectionError};

/// A request of a tool.
pub(super) struct Call<'c> {
    pub(super) method: Method,
    pub(super) path_and_query: &'c str,
    pub(super) body: Option<&'c Value>,
    /// What takes the response's body, and how much of it.
    pub(super) sink: Option<(usize, BodySink<'c>)>,
}

impl<'c> Call<'c> {
    fn new(method: Method, path_and_query: &'c str, body: Option<&'c Value>) -> Self {
        Self { method, path_and_query, body, sink: None }
    }
}

impl Connection<'_> {
    /// Sends `GET path_and_query` to the API.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// let issues = github.get(&with_query("/issues", &[("filter", "assigned")])).await?;
    /// Ok(String::from_utf8_lossy(issues.body()).into_owned())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConnectionError`] if there is no token or no response. A response with an error
    /// status is returned, except 401: then the token is forgotten and, unless it was new,
    /// exchanged again, once.
    pub async fn get(&self, path_and_query: &str) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Call::new(Method::GET, path_and_query, None)).await
    }

    /// Sends `GET path_and_query` to the API, and gives the body of a successful response to `each`
    /// piece by piece, as it arrives. None of it is kept, so it may have more than the 1 MiB that
    /// [`get`](Self::get) reads: up to `max_bytes`. The response that is returned has no body.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// let mut lines = 0;
    /// let mut count = |piece: &[u8]| lines += piece.iter().filter(|byte| **byte == b'\n').count();
    /// let log = github.get_in_pieces("/repos/octocat/hello/logs", 64 << 20, &mut count).await?;
    /// match log.status().as_u16() {
    ///     200 => Ok(format!("It has {lines} lines.")),
    ///     status => Err(CallError::new(format!("The log cannot be read: {status}"))),
    /// }
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get); also if the body is larger, or does not arrive within 4 seconds.
    /// `each` may have got a part of it by then, because nothing is sent again after the API
    /// failed.
    pub async fn get_in_pieces(
        &self,
        path_and_query: &str,
        max_bytes: usize,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<Response<Bytes>, ConnectionError> {
        let each = RefCell::new(each);
        let sink = |status: StatusCode, piece: &[u8]| {
            if status.is_success() {
                (each.borrow_mut())(piece);
            }
        };
        let call = Call::new(Method::GET, path_and_query, None);
        self.send(Call { sink: Some((max_bytes, &sink)), ..call }).await
    }

    /// Sends JSON with `POST path_and_query` to the API.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// let body = serde_json::json!({ "title": "A bug" });
    /// let made = github.post("/repos/octocat/hello/issues", &body).await?;
    /// Ok(made.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn post(
        &self,
        path_and_query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Call::new(Method::POST, path_and_query, Some(body))).await
    }

    /// Sends JSON with `PUT path_and_query` to the API.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// let body = serde_json::json!({ "lock_reason": "resolved" });
    /// let locked = github.put("/repos/octocat/hello/issues/1/lock", &body).await?;
    /// Ok(locked.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn put(
        &self,
        path_and_query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Call::new(Method::PUT, path_and_query, Some(body))).await
    }

    /// Sends JSON with `PATCH path_and_query` to the API.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// let body = serde_json::json!({ "state": "closed" });
    /// let closed = github.patch("/repos/octocat/hello/issues/1", &body).await?;
    /// Ok(closed.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn patch(
        &self,
        path_and_query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Call::new(Method::PATCH, path_and_query, Some(body))).await
    }

    /// Sends `DELETE path_and_query` to the API.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// let unlocked = github.delete("/repos/octocat/hello/issues/1/lock").await?;
    /// Ok(unlocked.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn delete(&self, path_and_query: &str) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Call::new(Method::DELETE, path_and_query, None)).await
    }
}
