//! The middleware in front of every handler: records the request, applies rate limits and injects
//! faults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::calls::Received;
use crate::endpoint::{Endpoint, Group};
use crate::limits::RateLimitStatus;
use crate::oauth::Params;
use crate::state::{App, Shared, lock};
use crate::{fault_response, google, management, my_account, oauth};

/// Limit of a request body, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Records a request, applies faults and rate limits to it, and calls its handler.
pub(crate) async fn intake(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/_control") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let endpoint = Endpoint::classify(&parts.method, parts.uri.path(), |name| {
        Params::read(&parts.headers, &body).ok()?.get(name).map(str::to_owned)
    });
    let _in_flight = InFlight::begin(&app, Received::new(endpoint, &parts, &body));
    let fault = lock(&app.faults).take(endpoint);
    if let Some(delay) = fault.as_ref().map(|fault| fault.delay_ms).filter(|delay| *delay > 0) {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let limit_status = lock(&app.limits).take(endpoint.group(), Instant::now());
    let mut response =
        match fault.as_ref().and_then(|fault| fault_response::replacement(&fault.what)) {
            Some(response) => response,
            None if !limit_status.allowed => too_many_requests(endpoint.group()),
            None => next.run(Request::from_parts(parts, Body::from(body))).await,
        };
    if let Some(fault) = &fault {
        response = fault_response::corrupted(&fault.what, response).await;
    }
    if matches!(endpoint.group(), Group::Management | Group::Token | Group::MyAccount) {
        add_rate_limit_headers(response.headers_mut(), limit_status);
    }
    response
}

/// Counts a call as in flight until dropped, which also happens when the client disconnects.
struct InFlight(Arc<Shared>, Endpoint);

impl InFlight {
    fn begin(app: &App, received: Received) -> Self {
        let endpoint = received.endpoint;
        lock(&app.calls).begin(received);
        Self(app.clone(), endpoint)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.0.calls).end(self.1);
    }
}

fn too_many_requests(group: Group) -> Response {
    match group {
        Group::Management => management::Error::TooManyRequests.into_response(),
        Group::MyAccount => my_account::Error::too_many_requests().into_response(),
        Group::Google => google::Error::new(403, "rateLimitExceeded").into_response(),
        _ => {
            oauth::Error::new(429, "access_denied", "Global limit has been reached").into_response()
        }
    }
}

/// Adds the `x-ratelimit-*` headers that the response does not have yet: a fault may set its own.
fn add_rate_limit_headers(headers: &mut HeaderMap, status: RateLimitStatus) {
    let mut add = |name: &'static str, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    add("x-ratelimit-limit", status.limit.into());
    add("x-ratelimit-remaining", status.remaining.into());
    add("x-ratelimit-reset", status.reset.into());
}
