//! Spin's WASI 0.3 behind the ports, and the way of an answer out of the component.

mod request;
mod response;
mod turn;

use std::{io::Write, rc::Rc, time::Duration};

use bytes::Bytes;
use doorward_core::{
    host::{
        Clock, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture, Random,
        VariableError, Variables, within,
    },
    origin::is_secure,
    web::{AllowOrigin, Answer},
};
use doorward_server::Server;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use spin_sdk::{
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

use self::turn::Turn;

/// How long a provider of variables may take.
const VARIABLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Spin, as one request sees it.
#[derive(Clone, Debug, Default)]
struct Spin {
    turn: Turn,
}

/// Serves one request of the exported handler.
///
/// # Errors
///
/// Returns an error if the host cannot represent the answer.
pub async fn serve(server: Rc<Server>, request: WasiRequest) -> Result<WasiResponse, ErrorCode> {
    let turn = Turn::default();
    let spin = Spin { turn: turn.clone() };
    let response = match request::from_wasi(request, turn.clone()) {
        Some(request) => server.serve(Rc::new(spin), request).await,
        // Rust's types cannot hold it: its length has two values, for instance.
        None => Answer::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request's URL or headers cannot be understood.",
        )
        .leave(&AllowOrigin::None),
    };
    turn.ends();
    let response = response::into_wasi(response)?;
    // A task of its own writes the body. If it runs before the response is returned, head and body
    // reach the socket together; otherwise a client on a kept-alive connection waits 40 ms for the
    // second packet. Once is not enough: on a busy machine, one answer in 200 was late then.
    for _ in 0..3 {
        yield_async().await;
    }
    Ok(response)
}

impl Http for Spin {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>> {
        Box::pin(async move {
            if !is_secure(request.uri()) {
                return Err(HttpError::HostNotAllowed);
            }
            self.turn
                .passing(within(self, limits.total, exchange(request, limits)))
                .await
                .unwrap_or(Err(HttpError::TimedOut))
        })
    }
}

async fn exchange(request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, HttpError> {
    let length = request.body().len();
    let mut request = request.map(Full::new);
    if length > 0 {
        // Otherwise the body would be sent in chunks, which not every server accepts.
        request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    request.extensions_mut().insert(options(limits));
    let response = spin_sdk::http::send(request).await.map_err(|code| http_error(&code))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, limits.body).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            HttpError::TooLarge
        } else {
            match error.downcast_ref().map_or(HttpError::Unreachable, http_error) {
                HttpError::Unreachable => HttpError::Broken,
                error => error,
            }
        }
    })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
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

impl KeyValue for Spin {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(self.turn.passing(async move {
            let store = Store::open_default().await.map_err(store_error)?;
            store.get(key).await.map_err(store_error)
        }))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        Box::pin(self.turn.passing(async move {
            let store = Store::open_default().await.map_err(store_error)?;
            store.set(key, value).await.map_err(store_error)
        }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        Box::pin(self.turn.passing(async move {
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
            let value =
                self.turn.passing(within(self, VARIABLE_TIMEOUT, variables::get(name))).await;
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
        self.turn.now().as_secs()
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.turn.now().as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()> {
        let turn = self.turn.clone();
        Box::pin(async move { turn.passing(spin_sdk::time::sleep(duration)).await })
    }
}

impl Random for Spin {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(get_random_u64().to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

impl Log for Spin {
    fn log(&self, line: &str) {
        // One call is one line of printable text. A log that cannot be written to is not a reason
        // to trap.
        let line: String = line.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
        let _ = std::io::stderr().write_all(format!("doorward: {line}\n").as_bytes());
    }

    fn audit(&self, line: &str) {
        self.turn.hold(line);
    }
}

/// Whether a character cannot steer a terminal or a log viewer: no control (C0, C1), no line or
/// paragraph separator, no mark that turns the direction of text.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}
