//! What a request keeps until it waits: the time, and the lines of the audit log.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io::{Write, stdout},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A request between two waits. Asking the host for the time costs a microsecond, and a call looks at the clock half a
/// dozen times; writing a line costs seven, and a call has two.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Rc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    now: Cell<Option<Duration>>,
    lines: RefCell<String>,
}

impl Turn {
    /// The time since the Unix epoch, which stands still until the request waits for something.
    pub(super) fn now(&self) -> Duration {
        self.0.now.get().unwrap_or_else(|| {
            // A clock before 1970 counts as 1970: every token is then not valid yet.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.0.now.set(Some(now));
            now
        })
    }

    /// Keeps a line of the audit log until the request waits, or ends in whatever way.
    pub(super) fn keep(&self, line: &str) {
        let mut lines = self.0.lines.borrow_mut();
        lines.push_str(line);
        lines.push('\n');
    }

    /// Says that the request waits, or is over.
    pub(super) fn ends(&self) {
        self.0.write();
    }

    /// Says that the request has waited.
    pub(super) fn begins(&self) {
        self.0.now.set(None);
    }

    /// What comes of a future. If it is not ready at once, another turn begins.
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

impl Kept {
    fn write(&self) {
        let lines = self.lines.take();
        if !lines.is_empty() {
            // A disk that is full must not end the requests of others.
            let _ = stdout().write_all(lines.as_bytes());
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.write();
    }
}

/// What comes of a future in this time. Spin sets no limit to anything that a provider takes its time for.
pub(super) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut deadline = None;
    poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        // Most things are there at once, and then there is no timer to set.
        let deadline = deadline.get_or_insert_with(|| Box::pin(spin_sdk::time::sleep(time)));
        deadline.as_mut().poll(context).map(|()| None)
    })
    .await
}
