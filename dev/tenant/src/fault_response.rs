//! Applies a fault to a response.

use std::io;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use crate::faults::What;
use crate::serve::CloseConnection;

/// Limit of an oversized body, in bytes.
const MAX_BODY_BYTES: usize = 256 << 20;

const PAGE: &str =
    "<!doctype html><html lang=\"en\"><title>Unavailable</title><h1>Unavailable</h1></html>";

/// The response that replaces the real one. `None` if the fault only changes the real response.
pub(crate) fn replacement(what: &What) -> Option<Response> {
    let answer = match what {
        What::Answer { status, body, headers } => {
            let mut response = (status_of(*status), body.clone()).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) =
                    (name.parse::<HeaderName>(), HeaderValue::from_str(value))
                {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        What::Html { status } => {
            let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (status_of(*status), html, PAGE).into_response()
        }
        What::Malformed => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (json, "{\"this is\": [not, JSON").into_response()
        }
        What::Redirect { location } => {
            (StatusCode::FOUND, [(header::LOCATION, location.clone())]).into_response()
        }
        What::Close => {
            let mut response = Response::default();
            response.extensions_mut().insert(CloseConnection);
            response
        }
        What::Nothing | What::Truncated | What::Oversized { .. } | What::ContentType { .. } => {
            return None;
        }
    };
    Some(answer)
}

/// Applies a fault that changes the real response.
pub(crate) async fn corrupted(what: &What, response: Response) -> Response {
    match what {
        What::Truncated => truncated(response).await,
        What::Oversized { bytes } => oversized(response, *bytes).await,
        What::ContentType { value } => {
            let mut response = response;
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(header::CONTENT_TYPE, value);
            }
            response
        }
        _ => response,
    }
}

async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let stream = stream::once(async { Ok(half) }).chain(stream::once(async {
        // Yield first: hyper would drop the first half if the error followed immediately.
        tokio::task::yield_now().await;
        Err(io::Error::other("truncated by a fault"))
    }));
    Response::from_parts(parts, Body::from_stream(stream))
}

async fn oversized(response: Response, bytes: usize) -> Response {
    let bytes = bytes.min(MAX_BODY_BYTES);
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    // Spaces after the first character do not change the JSON.
    let mut padded = Vec::with_capacity(bytes);
    padded.extend_from_slice(whole.get(..1).unwrap_or_default());
    padded.resize(bytes.saturating_sub(whole.len()).saturating_add(1), b' ');
    padded.extend_from_slice(whole.get(1..).unwrap_or_default());
    Response::from_parts(parts, Body::from(Bytes::from(padded)))
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
