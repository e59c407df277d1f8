//! WASI 0.2 and Spin's interfaces of that time behind the ports. The host starts an instance for
//! each request, so nothing here is shared between requests.

pub mod bindings;
mod executor;
mod incoming;
mod outbound;
mod outgoing;
mod request;
mod response;

use std::{cell::OnceCell, rc::Rc, time::Duration};

use bytes::Bytes;
use doorward_core::{
    host::{
        BodySink, Clock, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture, Random,
        VariableError, Variables, within,
    },
    origin::is_secure,
};
use doorward_server::Server;
use http::{Request, Response};

use self::{
    bindings::{
        clocks::monotonic_clock,
        fermyon::spin::{
            key_value::{self, Store},
            variables,
        },
        http::types::{IncomingRequest, ResponseOutparam},
        random::random::get_random_u64,
    },
    executor::Executor,
};
use crate::{log, random, request_buffer::RequestBuffer};

/// Spin, as one request sees it.
#[derive(Debug, Default)]
struct Spin {
    executor: Executor,
    buffer: RequestBuffer,
    store: OnceCell<Store>,
}

/// Serves one request of the exported handler.
pub fn serve(server: Rc<Server>, request: IncomingRequest, outparam: ResponseOutparam) {
    let spin = Rc::new(Spin::default());
    let (executor, buffer) = (spin.executor.clone(), spin.buffer.clone());
    // It ends without a response only if it waits for ever, and the host reports that.
    let _ = executor.block_on(async {
        let response = match request::from_wasi(&request, executor.clone(), buffer.clone()) {
            Ok(request) => server.serve(Rc::clone(&spin) as Rc<_>, request).await,
            Err(error) => error.into(),
        };
        buffer.flush();
        response::send(response, outparam, &executor).await;
        server.tidy_up(&*spin).await;
    });
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
            let (executor, buffer) = (self.executor.clone(), self.buffer.clone());
            let exchange = outbound::exchange(request, limits, sink, executor, buffer);
            self.buffer
                .run(within(self, limits.total, exchange))
                .await
                .unwrap_or(Err(HttpError::TimedOut))
        })
    }

    /// Runs an operation of the store, which blocks the instance: time passes.
    fn with_store<T>(
        &self,
        operation: impl FnOnce(&Store) -> Result<T, key_value::Error>,
    ) -> Result<T, KeyValueError> {
        let result = match self.store.get() {
            Some(store) => operation(store),
            None => {
                Store::open("default").and_then(|store| operation(self.store.get_or_init(|| store)))
            }
        };
        self.buffer.clear_time();
        result.map_err(|error| KeyValueError::Failed(store_error(error)))
    }
}

fn store_error(error: key_value::Error) -> String {
    match error {
        key_value::Error::StoreTableFull => "too many stores are open".to_owned(),
        key_value::Error::NoSuchStore => "there is no such store".to_owned(),
        key_value::Error::AccessDenied => {
            "the manifest does not give the component this store".to_owned()
        }
        key_value::Error::Other(text) => text,
    }
}

impl KeyValue for Spin {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(async move { self.with_store(|store| store.get(key)) })
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move { self.with_store(|store| store.set(key, value)) })
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move { self.with_store(|store| store.delete(key)) })
    }
}

impl Variables for Spin {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        Box::pin(async move {
            let value = variables::get(name);
            // It blocks the instance: time passes.
            self.buffer.clear_time();
            value.map_err(|error| match error {
                variables::Error::Undefined(_) | variables::Error::InvalidName(_) => {
                    VariableError::Undefined
                }
                variables::Error::Provider(_) | variables::Error::Other(_) => {
                    VariableError::Provider
                }
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
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let (executor, buffer) = (self.executor.clone(), self.buffer.clone());
        Box::pin(async move {
            let elapsed = executor.ready(monotonic_clock::subscribe_duration(nanoseconds));
            buffer.run(elapsed).await;
        })
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
