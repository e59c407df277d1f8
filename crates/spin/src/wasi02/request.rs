//! A request of the host as a request of the `http` crate.

use http::{Method, Request};

use super::{
    bindings::http::types::{IncomingRequest, Method as WasiMethod},
    executor::Executor,
    incoming::Incoming,
};
use crate::{
    head::{self, HeadError},
    request_buffer::RequestBuffer,
};

/// Converts a request.
///
/// # Errors
///
/// Returns [`HeadError`] if there is no such request.
pub(super) fn from_wasi(
    request: &IncomingRequest,
    executor: Executor,
    buffer: RequestBuffer,
) -> Result<Request<Incoming>, HeadError> {
    let head = head::into_http(
        method(request.method()),
        request.authority().as_deref(),
        request.path_with_query().as_deref(),
        request.headers().entries(),
    )?;
    let length = head::content_length(head.headers())?;
    let body = request.consume().map_err(|()| HeadError::Malformed)?;
    let body = Incoming::new(body, length, executor, buffer).ok_or(HeadError::Malformed)?;
    Ok(head.map(|()| body))
}

fn method(method: WasiMethod) -> Option<Method> {
    Some(match method {
        WasiMethod::Get => Method::GET,
        WasiMethod::Head => Method::HEAD,
        WasiMethod::Post => Method::POST,
        WasiMethod::Put => Method::PUT,
        WasiMethod::Delete => Method::DELETE,
        WasiMethod::Connect => Method::CONNECT,
        WasiMethod::Options => Method::OPTIONS,
        WasiMethod::Trace => Method::TRACE,
        WasiMethod::Patch => Method::PATCH,
        WasiMethod::Other(name) => Method::from_bytes(name.as_bytes()).ok()?,
    })
}
