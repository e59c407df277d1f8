//! Outbound requests.

use std::time::Duration;

use bytes::Bytes;
use doorward_core::host::{BodySink, HttpError, Limits};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};

use super::{
    bindings::http::{
        outgoing_handler,
        types::{ErrorCode, Fields, Method as WasiMethod, OutgoingRequest, RequestOptions, Scheme},
    },
    executor::Executor,
    incoming::Incoming,
    outgoing,
};
use crate::{collect::collect, head::header_list, request_buffer::RequestBuffer};

/// Sends a request and reads its response to the end. The caller limits the time for all of it.
pub(super) async fn exchange(
    request: Request<Bytes>,
    limits: Limits,
    sink: Option<BodySink<'_>>,
    executor: Executor,
    buffer: RequestBuffer,
) -> Result<Response<Bytes>, HttpError> {
    let (outgoing, contents) = into_wasi(request).ok_or(HttpError::Unreachable)?;
    let body = outgoing.body().map_err(|()| HttpError::Unreachable)?;
    let pending = outgoing_handler::handle(outgoing, Some(options(limits)))
        .map_err(|code| http_error(&code))?;
    if !contents.is_empty() {
        let stream = body.write().map_err(|()| HttpError::Unreachable)?;
        // Ignored: if the server stopped reading, its response says why.
        let _ = outgoing::write(&stream, &contents, &executor).await;
    }
    outgoing::finish(body);
    executor.ready(pending.subscribe()).await;
    let incoming = match pending.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return Err(http_error(&code)),
        Some(Err(())) | None => return Err(HttpError::Unreachable),
    };
    let mut response = Response::new(());
    *response.status_mut() = incoming.status().try_into().map_err(|_| HttpError::Broken)?;
    *response.headers_mut() = headers(incoming.headers().entries()).ok_or(HttpError::Broken)?;
    let body = incoming.consume().map_err(|()| HttpError::Broken)?;
    let body = Incoming::new(body, None, executor, buffer).ok_or(HttpError::Broken)?;
    let collected = collect(response.map(|()| body), limits.body, sink).await;
    collected.map_err(|error| error.map_or(HttpError::TooLarge, |_| HttpError::Broken))
}

fn headers(entries: Vec<(String, Vec<u8>)>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(entries.len().min(64));
    for (name, value) in entries {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?;
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}

/// The head of a request and the bytes of its body; `None` if the host cannot represent it.
fn into_wasi(request: Request<Bytes>) -> Option<(OutgoingRequest, Bytes)> {
    let (mut parts, body) = request.into_parts();
    if !body.is_empty() {
        // Otherwise the body would be sent in chunks, which not every server accepts.
        parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    let outgoing = OutgoingRequest::new(Fields::from_list(&header_list(&parts.headers)).ok()?);
    outgoing.set_method(&method(&parts.method)).ok()?;
    let scheme = match parts.uri.scheme_str() {
        Some("http") => Scheme::Http,
        _ => Scheme::Https,
    };
    outgoing.set_scheme(Some(&scheme)).ok()?;
    outgoing.set_authority(parts.uri.authority().map(|authority| authority.as_str())).ok()?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    outgoing.set_path_with_query(Some(path)).ok()?;
    Some((outgoing, body))
}

fn method(method: &Method) -> WasiMethod {
    match method.as_str() {
        "GET" => WasiMethod::Get,
        "POST" => WasiMethod::Post,
        other => WasiMethod::Other(other.to_owned()),
    }
}

/// A host that does not know an option keeps to its own limits; the total timeout holds anyway.
fn options(limits: Limits) -> RequestOptions {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).ok();
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(nanoseconds(limits.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(limits.total));
    let _ = options.set_between_bytes_timeout(nanoseconds(limits.total));
    options
}

fn http_error(code: &ErrorCode) -> HttpError {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            HttpError::HostNotAllowed
        }
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpError::TimedOut,
        _ => HttpError::Unreachable,
    }
}
