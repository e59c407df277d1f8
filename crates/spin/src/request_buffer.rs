//! Saves host calls between two waits of a request: the time is read once, and lines of the audit
//! log are written together.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io::{Write, stdout},
    pin::pin,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What a request has read and not yet written since it last waited. Reading the host's clock costs
/// a microsecond, and a call needs the time six times; writing a line costs seven, and a call has
/// three.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestBuffer(Rc<State>);

#[derive(Debug, Default)]
struct State {
    now: Cell<Option<Duration>>,
    audit_lines: RefCell<String>,
}

impl RequestBuffer {
    /// The time since the Unix epoch. It stands still until the request waits for something.
    pub(crate) fn now(&self) -> Duration {
        self.0.now.get().unwrap_or_else(|| {
            // A clock before 1970 counts as 1970, when no token is valid yet.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.0.now.set(Some(now));
            now
        })
    }

    /// Keeps a line of the audit log until the request waits or ends.
    pub(crate) fn push_audit_line(&self, line: &str) {
        let mut lines = self.0.audit_lines.borrow_mut();
        lines.push_str(line);
        lines.push('\n');
    }

    /// Writes the lines of the audit log.
    pub(crate) fn flush(&self) {
        self.0.flush();
    }

    /// Forgets the time, because the request has waited.
    pub(crate) fn clear_time(&self) {
        self.0.now.set(None);
    }

    /// Runs a future. If it is not ready at once, the lines are written, and the time is read anew
    /// afterwards.
    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut is_waiting = false;
        poll_fn(|context| {
            if is_waiting {
                self.clear_time();
            }
            let polled = future.as_mut().poll(context);
            is_waiting = polled.is_pending();
            if is_waiting {
                self.flush();
            }
            polled
        })
        .await
    }
}

impl State {
    fn flush(&self) {
        let lines = self.audit_lines.take();
        if !lines.is_empty() {
            // A full disk must not end the requests of others.
            let _ = stdout().write_all(lines.as_bytes());
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.flush();
    }
}
