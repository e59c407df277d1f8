//! One running call: what it asks of other services, and how it ends, for the audit log.

use std::{cell::Cell, rc::Rc, time::Duration};

use bytes::Bytes;
use doorward_core::{
    access::{Item, ItemKind},
    audit::CallMeasures,
    host::{
        BodySink, Clock, Host, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture,
        Random, VariableError, Variables,
    },
    reasons,
};
use doorward_mcp::{CallOutcome, RoundTrip};
use http::{Request, Response, StatusCode};

use crate::{context::Context, notes::CallNotes, request::CallerRequest};

reasons! {
    /// How a call of a tool ended.
    pub enum CallEnd {
        /// The tool has a result
        Succeeded = "tool_succeeded" (Succeeded),
        /// The tool asked the user or the client something
        InputRequired = "tool_input_required" (Succeeded),
        /// The tool reported an error
        Failed = "tool_failed" (Failed),
        /// The tool reported an error, and another service did not respond in time
        TimedOut = "tool_timed_out" (Failed),
        /// The arguments are wrong
        ArgumentsInvalid = "tool_arguments_invalid",
        /// The client does not declare a capability that the tool needs
        CapabilityMissing = "tool_capability_missing",
        /// The client went away before the tool had a result
        Canceled = "tool_canceled" (Canceled),
    }
}

/// A call from its beginning until it is dropped, which writes its end into the audit log: of a
/// prompt or a resource only if another server is at fault.
pub(crate) struct RunningCall {
    request: CallerRequest,
    kind: ItemKind,
    name: String,
    counting_host: Rc<CountingHost>,
    notes: Rc<CallNotes>,
    started_at: u64,
    end: CallEnd,
}

/// The host as one call sees it, which counts what the call asks of other services.
struct CountingHost {
    host: Rc<dyn Host>,
    calls: Cell<u32>,
    millis: Cell<u64>,
    last: Cell<Option<Result<StatusCode, HttpError>>>,
}

impl RunningCall {
    /// Begins a call of this item.
    pub(crate) fn begin(request: &CallerRequest, item: Item<'_>) -> Self {
        let host = Rc::clone(&request.environment.host);
        let started_at = host.now_millis();
        let counting_host =
            CountingHost { host, calls: Cell::new(0), millis: Cell::new(0), last: Cell::new(None) };
        Self {
            request: request.clone(),
            kind: item.kind,
            name: item.name.to_owned(),
            counting_host: Rc::new(counting_host),
            notes: Rc::default(),
            started_at,
            end: CallEnd::Canceled,
        }
    }

    /// The context of the call.
    pub(crate) fn context(&self, round_trip: Rc<RoundTrip>) -> Context {
        let mut request = self.request.clone();
        request.environment.host = Rc::clone(&self.counting_host) as Rc<dyn Host>;
        Context::new(request, round_trip, Rc::clone(&self.notes))
    }

    /// How the call ended, with what is known of other services.
    pub(crate) fn end_of(&self, call_outcome: CallOutcome) -> CallEnd {
        match call_outcome {
            CallOutcome::Succeeded => CallEnd::Succeeded,
            CallOutcome::InputRequired => CallEnd::InputRequired,
            CallOutcome::InvalidArguments => CallEnd::ArgumentsInvalid,
            CallOutcome::MissingCapability => CallEnd::CapabilityMissing,
            CallOutcome::Failed
                if self.counting_host.last.get() == Some(Err(HttpError::TimedOut)) =>
            {
                CallEnd::TimedOut
            }
            CallOutcome::Failed => CallEnd::Failed,
        }
    }

    /// Ends the call.
    pub(crate) fn end(mut self, end: CallEnd) {
        self.end = end;
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        let item = Item { kind: self.kind, name: &self.name };
        let last = self.counting_host.last.get();
        let now = self.counting_host.host.now_millis();
        let measures = CallMeasures {
            duration_ms: now.saturating_sub(self.started_at),
            upstream_calls: self.counting_host.calls.get(),
            upstream_ms: self.counting_host.millis.get(),
            upstream_result: last.as_ref().map(|last| match last {
                Ok(status) => status.as_str(),
                Err(error) => error.code(),
            }),
            exchange: self.notes.exchange.code(),
        };
        let has_failed = matches!(self.end, CallEnd::Failed | CallEnd::TimedOut);
        match self.notes.fault.get().filter(|_| has_failed) {
            Some(fault) => self.request.log_end(&fault, item, measures),
            None if self.kind != ItemKind::Tool => {}
            None => self.request.log_end(&self.end, item, measures),
        }
    }
}

impl CountingHost {
    /// Measures a request.
    fn measured<'a>(
        &'a self,
        sent: PortFuture<'a, Result<Response<Bytes>, HttpError>>,
    ) -> PortFuture<'a, Result<Response<Bytes>, HttpError>> {
        self.calls.set(self.calls.get().saturating_add(1));
        Box::pin(async move {
            let started_at = self.host.now_millis();
            let outcome = sent.await;
            let millis = self.host.now_millis().saturating_sub(started_at);
            self.millis.set(self.millis.get().saturating_add(millis));
            self.last.set(Some(outcome.as_ref().map(Response::status).map_err(|error| *error)));
            outcome
        })
    }
}

impl Http for CountingHost {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>> {
        self.measured(self.host.send(request, limits))
    }

    fn send_to<'a>(
        &'a self,
        request: Request<Bytes>,
        limits: Limits,
        sink: BodySink<'a>,
    ) -> PortFuture<'a, Result<Response<Bytes>, HttpError>> {
        self.measured(self.host.send_to(request, limits, sink))
    }
}

impl KeyValue for CountingHost {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        self.host.get(key)
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.host.set(key, value)
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.host.delete(key)
    }
}

impl Variables for CountingHost {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        self.host.variable(name)
    }
}

impl Clock for CountingHost {
    fn now(&self) -> u64 {
        self.host.now()
    }

    fn now_millis(&self) -> u64 {
        self.host.now_millis()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()> {
        self.host.sleep(duration)
    }
}

impl Random for CountingHost {
    fn fill(&self, bytes: &mut [u8]) {
        self.host.fill(bytes);
    }
}

impl Log for CountingHost {
    fn write_line(&self, line: &str) {
        self.host.write_line(line);
    }

    fn audit(&self, line: &str) {
        self.host.audit(line);
    }
}

#[cfg(test)]
mod tests;
