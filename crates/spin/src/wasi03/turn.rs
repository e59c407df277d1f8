//! What a request holds until it waits: the time, and its lines of the audit log.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io::{Write, stdout},
    pin::pin,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A request between two waits. Reading the host's clock costs a microsecond, and a call needs the
/// time six times; writing a line costs seven, and a call has two.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Rc<State>);

#[derive(Debug, Default)]
struct State {
    now: Cell<Option<Duration>>,
    lines: RefCell<String>,
}

impl Turn {
    /// The time since the Unix epoch. It stands still until the request waits for something.
    pub(super) fn now(&self) -> Duration {
        self.0.now.get().unwrap_or_else(|| {
            // A clock before 1970 counts as 1970, when no token is valid yet.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.0.now.set(Some(now));
            now
        })
    }

    /// Holds a line of the audit log until the request waits or ends.
    pub(super) fn hold(&self, line: &str) {
        let mut lines = self.0.lines.borrow_mut();
        lines.push_str(line);
        lines.push('\n');
    }

    /// Notes that the request waits, or is over.
    pub(super) fn ends(&self) {
        self.0.write();
    }

    /// Notes that the request has waited.
    pub(super) fn begins(&self) {
        self.0.now.set(None);
    }

    /// Runs a future. If it is not ready at once, another turn begins.
    pub(super) async fn passing<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut is_waiting = false;
        poll_fn(|context| {
            if is_waiting {
                self.begins();
            }
            let polled = future.as_mut().poll(context);
            is_waiting = polled.is_pending();
            if is_waiting {
                self.ends();
            }
            polled
        })
        .await
    }
}

impl State {
    fn write(&self) {
        let lines = self.lines.take();
        if !lines.is_empty() {
            // A full disk must not end the requests of others.
            let _ = stdout().write_all(lines.as_bytes());
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.write();
    }
}
