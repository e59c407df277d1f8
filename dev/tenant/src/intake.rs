//! What happens to every request before its handler: it is read, counted, limited, and perhaps spoilt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::calls::Received;
use crate::endpoint::{Endpoint, Group};
use crate::limits::Standing;
use crate::oauth::Params;
use crate::state::{App, Shared, lock};
use crate::{google, management, my_account, oauth, spoil};

/// No request has reason to be larger.
const LARGEST_BODY: usize = 1 << 20;

/// The middleware.
pub(crate) async fn intake(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/_control") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
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
    let standing = lock(&app.limits).take(endpoint.group(), Instant::now());
    let mut response = match fault.as_ref().and_then(|fault| spoil::instead(&fault.what)) {
        Some(response) => response,
        None if !standing.allowed => too_many(endpoint.group()),
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    if let Some(fault) = &fault {
        response = spoil::spoil(&fault.what, response).await;
    }
    if matches!(endpoint.group(), Group::Management | Group::Token | Group::MyAccount) {
        tell(response.headers_mut(), standing);
    }
    response
}

/// Counts a call as in flight until it is dropped, also when the client goes away.
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

fn too_many(group: Group) -> Response {
    match group {
        Group::Management => management::Error::TooManyRequests.into_response(),
        Group::MyAccount => my_account::Error::too_many().into_response(),
        Group::Google => google::Error::new(403, "rateLimitExceeded").into_response(),
        _ => {
            oauth::Error::new(429, "access_denied", "Global limit has been reached").into_response()
        }
    }
}

/// Adds the `x-ratelimit-*` headers, unless a fault brought its own.
fn tell(headers: &mut HeaderMap, standing: Standing) {
    let mut add = |name: &'static str, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    add("x-ratelimit-limit", standing.limit.into());
    add("x-ratelimit-remaining", standing.remaining.into());
    add("x-ratelimit-reset", standing.reset.into());
}
