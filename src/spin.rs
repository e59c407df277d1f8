//! The ports on Spin, and the way of an answer out of the component.

mod request;
mod response;
mod turn;

use std::{io::Write, rc::Rc, time::Duration};

use ::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
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

use crate::{
    host::{
        Clock, Http, HttpFailure, KeyValue, KeyValueFailure, Limits, Log, PortFuture, Random,
        VariableFailure, Variables,
    },
    http::{Answer, Origin},
    outbound::is_secure,
    server::Server,
};

use self::turn::{Turn, within};

/// How long the key-value store may take.
const KEY_VALUE_TIME: Duration = Duration::from_secs(2);

/// How long a provider of variables may take.
const VARIABLE_TIME: Duration = Duration::from_secs(5);

/// The host, when it is Spin, as one request sees it.
#[derive(Clone, Debug, Default)]
pub struct Spin {
    turn: Turn,
}

/// Serves one request of the exported handler.
///
/// # Errors
///
/// An answer that the host cannot represent.
pub async fn serve(server: Rc<Server>, request: WasiRequest) -> Result<WasiResponse, ErrorCode> {
    let turn = Turn::default();
    let spin = Spin { turn: turn.clone() };
    let response = match request::from_wasi(request, turn.clone()) {
        Some(request) => server.serve(Rc::new(spin), request).await,
        // What Rust's types cannot hold, such as a length beyond all measure.
        None => Answer::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request's URL or headers cannot be understood.",
        )
        .leave(&Origin::Absent),
    };
    turn.ends();
    let response = response::into_wasi(response)?;
    // The body is written by a task of its own. Letting it run before the response is returned makes head and body
    // reach the socket together; otherwise a client on a kept-alive connection waits 40 ms for the second packet. Once
    // is not enough: on a busy machine one answer in 200 is late then.
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
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        Box::pin(async move {
            if !is_secure(request.uri()) {
                return Err(HttpFailure::HostNotAllowed);
            }
            self.turn
                .passing(within(limits.total, exchange(request, limits)))
                .await
                .unwrap_or(Err(HttpFailure::TimedOut))
        })
    }
}

async fn exchange(request: Request<Bytes>, limits: Limits) -> Result<Response<Bytes>, HttpFailure> {
    let length = request.body().len();
    let mut request = request.map(Full::new);
    if length > 0 {
        // Otherwise the body would be sent in chunks, which not every server takes.
        request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    request.extensions_mut().insert(options(limits));
    let response = spin_sdk::http::send(request).await.map_err(|code| failure(&code))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, limits.body).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            HttpFailure::TooLarge
        } else {
            match error.downcast_ref().map_or(HttpFailure::Unreachable, failure) {
                HttpFailure::Unreachable => HttpFailure::Broken,
                failure => failure,
            }
        }
    })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// A host that does not know an option goes by its own limits; the deadline above holds anyway.
fn options(limits: Limits) -> RequestOptionsExtension {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).ok();
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(nanoseconds(limits.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(limits.total));
    let _ = options.set_between_bytes_timeout(nanoseconds(limits.total));
    RequestOptionsExtension(options)
}

fn failure(code: &ErrorCode) -> HttpFailure {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            HttpFailure::HostNotAllowed
        }
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpFailure::TimedOut,
        _ => HttpFailure::Unreachable,
    }
}

impl KeyValue for Spin {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueFailure>> {
        self.in_time(Box::pin(async move {
            let store = Store::open_default().await.map_err(store_failure)?;
            store.get(key).await.map_err(store_failure)
        }))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        self.in_time(Box::pin(async move {
            let store = Store::open_default().await.map_err(store_failure)?;
            store.set(key, value).await.map_err(store_failure)
        }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        self.in_time(Box::pin(async move {
            let store = Store::open_default().await.map_err(store_failure)?;
            store.delete(key).await.map_err(store_failure)
        }))
    }
}

impl Spin {
    /// A store that takes longer than asking whoever it saves asking is no use.
    fn in_time<'a, T: 'a>(
        &'a self,
        future: PortFuture<'a, Result<T, KeyValueFailure>>,
    ) -> PortFuture<'a, Result<T, KeyValueFailure>> {
        Box::pin(async move {
            let failure = || Err(KeyValueFailure("no answer in time".to_owned()));
            self.turn.passing(within(KEY_VALUE_TIME, future)).await.unwrap_or_else(failure)
        })
    }
}

fn store_failure(error: key_value::Error) -> KeyValueFailure {
    KeyValueFailure(error.to_string())
}

impl Variables for Spin {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableFailure>> {
        Box::pin(async move {
            let value = self.turn.passing(within(VARIABLE_TIME, variables::get(name))).await;
            value.ok_or(VariableFailure::Provider)?.map_err(|error| match error {
                variables::Error::Undefined(_) | variables::Error::InvalidName(_) => {
                    VariableFailure::Undefined
                }
                _ => VariableFailure::Provider,
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
        // One call, one line, whatever is in it. And a log that cannot be written to is no reason to trap.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = std::io::stderr().write_all(format!("doorward: {line}\n").as_bytes());
    }

    fn audit(&self, line: &str) {
        self.turn.keep(line);
    }
}
