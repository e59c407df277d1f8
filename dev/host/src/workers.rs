//! The lifecycle of instances: when they start, which requests they accept, and when they end.

use crate::instance::{Application, Instance};
use crate::{Limits, Reuse};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut, Trap};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    self, HandlerState, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

/// Starts an instance for each request that no running instance accepts.
pub(crate) struct Workers {
    component: ProxyPre<Instance>,
    application: Arc<Application>,
    reuse: Reuse,
    limits: Limits,
    instance_permits: Option<Arc<Semaphore>>,
    stop: watch::Receiver<()>,
}

/// The limit of [`Reuse::instances`] is reached.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the limit of concurrent instances is reached")]
pub(crate) struct InstanceLimitReached;

impl Workers {
    /// Starts instances of `component`. They end when the sender of `stop` is dropped.
    pub(crate) fn new(
        component: ProxyPre<Instance>,
        application: Arc<Application>,
        reuse: Reuse,
        limits: Limits,
        stop: watch::Receiver<()>,
    ) -> Self {
        let reuse = match component {
            // Spin starts an instance of a WASI 0.2 component for each request.
            ProxyPre::P2(_) => Reuse { requests: 1, concurrent: 1, ..reuse },
            ProxyPre::P3(_) => reuse,
        };
        let instance_permits = reuse.instances.map(|n| Arc::new(Semaphore::new(n.max(1))));
        Self { component, application, reuse, limits, instance_permits, stop }
    }
}

impl HandlerState for Workers {
    type StoreData = Instance;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(
        &self,
    ) -> wasmtime::Result<handler::Instance<Instance, Expiration, Worker>> {
        let permit = match &self.instance_permits {
            Some(permits) => {
                Some(permits.clone().try_acquire_owned().map_err(|_| InstanceLimitReached)?)
            }
            None => None,
        };
        let start = Instant::now();
        let instance = Instance::new(self.application.clone())?;
        let engine = match &self.component {
            ProxyPre::P2(component) => component.engine(),
            ProxyPre::P3(component) => component.engine(),
        };
        let mut store = Store::new(engine, instance);
        store.limiter(|instance| &mut instance.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let proxy = self.component.instantiate_async(&mut store).await?;
        self.application.figures.started(start.elapsed());
        Ok(handler::Instance {
            store,
            proxy,
            view: Instance::http,
            expiration: Expiration::new(self.reuse.idle, self.limits.time, self.stop.clone()),
            state: Worker {
                application: self.application.clone(),
                reuse: self.reuse.clone(),
                limits: self.limits.clone(),
                stop: self.stop.clone(),
                _permit: permit,
            },
        })
    }
}

/// Decides which requests an instance accepts.
pub(crate) struct Worker {
    application: Arc<Application>,
    reuse: Reuse,
    limits: Limits,
    stop: watch::Receiver<()>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl WorkerState for Worker {
    type StoreData = Instance;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.requests {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    /// Limits the time until the response begins. [`Expiration`] enforces the limit when the guest
    /// computes and this future is not polled.
    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Instance>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(tokio::time::sleep(self.limits.time))
    }

    fn drop(&self, store: Store<Instance>, result: wasmtime::Result<()>) {
        // Flush the last output of the instance before logging why it ended.
        drop(store);
        if let Err(error) = result {
            // An instance that ends because the host stops has not failed, unless it trapped.
            let stopping = self.stop.has_changed().is_err();
            if stopping && !error.is::<Trap>() {
                return;
            }
            let log = &self.application.log;
            let component = &self.application.component;
            log.host(&format!("an instance of component {component:?} failed: {error:?}"));
        }
    }
}

/// Ends an idle instance after its timeout or when the host stops, and a busy one after its limit.
pub(crate) struct Expiration {
    idle: Duration,
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
    stop: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    stopped: bool,
}

impl Expiration {
    fn new(idle: Duration, limit: Duration, mut stop: watch::Receiver<()>) -> Self {
        Self {
            idle,
            limit,
            sleep: Box::pin(tokio::time::sleep(idle)),
            // Resolves when the sender is dropped; it never sends a value.
            stop: Box::pin(async move { drop(stop.changed().await) }),
            stopped: false,
        }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let this = &mut *self;
        if !this.stopped {
            this.stopped = this.stop.as_mut().poll(cx).is_ready();
        }
        let timeout = match (status, this.stopped) {
            (WorkerStatus::Idle, true) => return Poll::Ready(()),
            (WorkerStatus::Idle, false) => this.idle,
            (WorkerStatus::Requests | WorkerStatus::PostReturn, _) => this.limit,
        };
        let deadline = tokio::time::Instant::from_std(start + timeout);
        if this.sleep.deadline() != deadline {
            this.sleep.as_mut().reset(deadline);
        }
        this.sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowed_hosts::AllowedHosts;
    use crate::chaining::Chaining;
    use crate::figures::Figures;
    use crate::key_value::Stores;
    use crate::outbound::Outbound;
    use crate::variables::ComponentVariables;
    use crate::{CapturedLog, Log};
    use std::collections::{BTreeMap, BTreeSet};
    use wasmtime::Engine;

    /// Ends an instance with `error`, while the host is running or stopping, and returns the log.
    fn logged(error: wasmtime::Error, stopping: bool) -> String {
        let log = CapturedLog::default();
        let capture = Log::Capture(log.clone());
        let none = BTreeMap::new();
        let allowed = AllowedHosts::new(&[], &none, &BTreeSet::new());
        let chaining = Chaining::default();
        let outbound = Outbound::new("example", allowed, chaining, capture.clone()).unwrap();
        let application = Arc::new(Application {
            component: "example".to_owned(),
            variables: ComponentVariables::new("example", &BTreeMap::new(), &none),
            granted_stores: BTreeSet::new(),
            stores: Stores::default(),
            files: None,
            memory: 1 << 20,
            outbound: Arc::new(outbound),
            log: capture,
            figures: Figures::default(),
        });
        let (sender, stop) = watch::channel(());
        let sender = Some(sender).filter(|_| !stopping);
        let instance = Instance::new(application.clone()).unwrap();
        let store = Store::new(&Engine::default(), instance);
        let (reuse, limits) = (Reuse::default(), Limits::default());
        let worker = Worker { application, reuse, limits, stop, _permit: None };
        WorkerState::drop(&worker, store, Err(error));
        drop(sender);
        log.text()
    }

    #[tokio::test]
    async fn an_instance_that_fails_is_logged_unless_the_host_stops() {
        let failure = || wasmtime::format_err!("worker panicked");
        assert!(logged(failure(), false).contains("worker panicked"));
        assert_eq!(logged(failure(), true), "");
    }

    #[tokio::test]
    async fn a_trap_is_logged_always() {
        for stopping in [false, true] {
            let trap = wasmtime::Error::from(Trap::UnreachableCodeReached).context("in the guest");
            assert!(logged(trap, stopping).contains("unreachable"), "stopping: {stopping}");
        }
    }
}
