//! CORS: allows every origin for discovery, registration, tokens and userinfo, so that clients can
//! run in a browser.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::endpoint::{Endpoint, Group};

/// Answers preflight requests and adds CORS headers to the responses of the open endpoints.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    let endpoint = Endpoint::classify(request.method(), request.uri().path(), |_| None);
    let open = matches!(endpoint.group(), Group::Keys | Group::Token | Group::Register)
        || endpoint == Endpoint::Userinfo;
    if !open {
        return next.run(request).await;
    }
    let any = (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if request.method() == Method::OPTIONS {
        let preflight = [
            any,
            (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS")),
            // `*` does not cover `Authorization`, so the headers are listed.
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(
                    "Authorization, DPoP, Content-Type, Accept, Auth0-Client, MCP-Protocol-Version",
                ),
            ),
            (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
        ];
        return (StatusCode::NO_CONTENT, preflight).into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(any.0, any.1);
    let exposed = HeaderValue::from_static("DPoP-Nonce");
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}
