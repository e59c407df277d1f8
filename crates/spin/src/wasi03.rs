//! The ports on Spin's WASI 0.3, and the handler that the component exports.

mod request;
mod response;

use std::{rc::Rc, time::Duration};

use bytes::Bytes;
use doorward_core::{
    host::{
        BodySink, Clock, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture, Random,
        VariableError, Variables, within,
    },
    origin::is_secure,
};
use doorward_server::Server;
use http::{Request, Response, header};
use http_body_util::Full;
use spin_sdk::{
    http::IntoRequest,
    key_value::{self, Store},
    variables,
    wasip3::{
        http::types::{
            ErrorCode, Request as WasiRequest, RequestOptions, Response as WasiResponse,
        },
        http_compat::RequestOptionsExtension,
        random::random::get_random_u64,
        wit_bindgen::yield_async,
    },
};

use crate::{collect::collect, log, random, request_buffer::RequestBuffer};

/// How long a provider of variables may take.
const VARIABLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Spin, as one request sees it.
#[derive(Clone, Debug, Default)]
struct Spin {
    buffer: RequestBuffer,
}

/// Serves one request of the exported handler.
///
/// # Errors
///
/// Returns an error if the host cannot represent the answer.
pub async fn serve(server: Rc<Server>, request: WasiRequest) -> Result<WasiResponse, ErrorCode> {
    let buffer = RequestBuffer::default();
    let spin = Spin { buffer: buffer.clone() };
    let response = match request::from_wasi(request, buffer.clone()) {
        Ok(request) => server.serve(Rc::new(spin.clone()), request).await,
        Err(error) => error.into(),
    };
    buffer.flush();
    let response = response::into_wasi(response, async move {
        if server.has_to_tidy_up(&spin) {
            server.tidy_up(&spin).await;
        }
    })?;
    begin_body().await;
    Ok(response)
}

/// Runs the task that writes the body of a message before the message is sent. Then head and body
/// reach the socket together; otherwise the other side of a kept-alive connection waits 40 ms for
/// the second packet. Once is not enough: on a busy machine, one answer in 200 was late then
/// (measured in November 2026 on Spin 4.1).
async fn begin_body() {
    for _ in 0..3 {
        yield_async().await;
    }
}

impl Http for Spin {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>> {
        self.exchange(request, limits, None)
    }

    fn send_to<'a>(
        &'a self,
        request: Request<Bytes>,
        limits: Limits,
        sink: BodySink<'a>,
    ) -> PortFuture<'a, Result<Response<Bytes>, HttpError>> {
        self.exchange(request, limits, Some(sink))
    }
}

impl Spin {
    fn exchange<'a>(
        &'a self,
        request: Request<Bytes>,
        limits: Limits,
        sink: Option<BodySink<'a>>,
    ) -> PortFuture<'a, Result<Response<Bytes>, HttpError>> {
        Box::pin(async move {
            if !is_secure(request.uri()) {
                return Err(HttpError::HostNotAllowed);
            }
            self.buffer
                .run(within(self, limits.total, exchange(request, limits, sink)))
                .await
                .unwrap_or(Err(HttpError::TimedOut))
        })
    }
}

async fn exchange(
    request: Request<Bytes>,
    limits: Limits,
    sink: Option<BodySink<'_>>,
) -> Result<Response<Bytes>, HttpError> {
    let length = request.body().len();
    let mut request = request.map(Full::new);
    if length > 0 {
        // Otherwise the body would be sent in chunks, which not every server accepts.
        request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    request.extensions_mut().insert(options(limits));
    let request = request.into_request().map_err(|code| http_error(&code))?;
    if length > 0 {
        begin_body().await;
    }
    let response = spin_sdk::http::send(request).await.map_err(|code| http_error(&code))?;
    collect(response, limits.body, sink).await.map_err(|error| match error {
        None => HttpError::TooLarge,
        Some(code) => match http_error(&code) {
            HttpError::Unreachable => HttpError::Broken,
            error => error,
        },
    })
}

/// A host that does not know an option keeps to its own limits; the total timeout holds anyway.
fn options(limits: Limits) -> RequestOptionsExtension {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).ok();
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(nanoseconds(limits.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(limits.total));
    let _ = options.set_between_bytes_timeout(nanoseconds(limits.total));
    RequestOptionsExtension(options)
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

/// Opens the store for each operation: a host may cache what is read through an open store, and the
/// instance would miss what others write. To open it once a request saved nothing on Spin 4.1.
impl KeyValue for Spin {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(self.buffer.run(async move {
            let store = Store::open_default().await.map_err(store_error)?;
            store.get(key).await.map_err(store_error)
        }))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        Box::pin(self.buffer.run(async move {
            let store = Store::open_default().await.map_err(store_error)?;
            store.set(key, value).await.map_err(store_error)
        }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        Box::pin(self.buffer.run(async move {
            let store = Store::open_default().await.map_err(store_error)?;
            store.delete(key).await.map_err(store_error)
        }))
    }
}

fn store_error(error: key_value::Error) -> KeyValueError {
    KeyValueError::Failed(error.to_string())
}

impl Variables for Spin {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        Box::pin(async move {
            let value = self.buffer.run(within(self, VARIABLE_TIMEOUT, variables::get(name))).await;
            value.ok_or(VariableError::Provider)?.map_err(|error| match error {
                variables::Error::Undefined(_) | variables::Error::InvalidName(_) => {
                    VariableError::Undefined
                }
                _ => VariableError::Provider,
            })
        })
    }
}

impl Clock for Spin {
    fn now(&self) -> u64 {
        self.buffer.now().as_secs()
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.buffer.now().as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()> {
        let buffer = self.buffer.clone();
        Box::pin(async move { buffer.run(spin_sdk::time::sleep(duration)).await })
    }
}

impl Random for Spin {
    fn fill(&self, bytes: &mut [u8]) {
        random::fill(bytes, get_random_u64);
    }
}

impl Log for Spin {
    fn write_line(&self, line: &str) {
        log::write(line);
    }

    fn audit(&self, line: &str) {
        self.buffer.push_audit_line(line);
    }
}
