//! What other servers are told after a call: that it was given up, and that its session is over.
//! Nobody waits for that: it is sent after the answer, or once the caller has gone.

use std::{cell::RefCell, fmt, mem, rc::Rc};

use doorward_core::{
    host::Host,
    outbound::{Budget, Outbound},
};
use doorward_upstream::{Client, Running, Upstream};
use http::{HeaderName, HeaderValue};

/// The most servers that an instance has to tell something; more are not told.
const MAX_WAITING: usize = 64;

/// The servers that are to be told something.
#[derive(Default)]
pub(crate) struct Cleanups(RefCell<Vec<Cleanup>>);

struct Cleanup {
    upstream: Rc<Upstream>,
    credential: Option<(HeaderName, HeaderValue)>,
    running: Running,
}

/// The time in which a client of one server is used. It ends in whatever way the call does, also if
/// that is dropped because the caller has gone.
pub(crate) struct CleanupGuard<'a> {
    cleanups: &'a Cleanups,
    cleanup: Cleanup,
}

impl Cleanups {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Tells all of them, within the time that one request may take by default.
    pub(crate) async fn send(&self, host: &dyn Host) {
        let budget = Budget::default();
        let outbound = Outbound { host, trace: None, budget: &budget };
        for cleanup in self.0.take() {
            cleanup.client(outbound).clean_up().await;
        }
    }
}

impl Cleanup {
    fn client<'a>(&'a self, outbound: Outbound<'a>) -> Client<'a> {
        let Self { upstream, credential, running } = self;
        Client { outbound, upstream, credential: credential.clone(), running }
    }
}

impl<'a> CleanupGuard<'a> {
    pub(crate) fn new(
        cleanups: &'a Cleanups,
        upstream: &Rc<Upstream>,
        credential: Option<(HeaderName, HeaderValue)>,
    ) -> Self {
        let (upstream, running) = (Rc::clone(upstream), Running::default());
        Self { cleanups, cleanup: Cleanup { upstream, credential, running } }
    }

    pub(crate) fn client<'b>(&'b self, outbound: Outbound<'b>) -> Client<'b> {
        self.cleanup.client(outbound)
    }
}

impl Drop for CleanupGuard<'_> {
    fn drop(&mut self) {
        let Cleanup { upstream, credential, running } = &mut self.cleanup;
        let mut waiting = self.cleanups.0.borrow_mut();
        if running.is_unfinished(upstream) && waiting.len() < MAX_WAITING {
            let (upstream, running) = (Rc::clone(upstream), mem::take(running));
            waiting.push(Cleanup { upstream, credential: credential.take(), running });
        }
    }
}

/// Without the credentials.
impl fmt::Debug for Cleanups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cleanups").field(&self.0.borrow().len()).finish()
    }
}
