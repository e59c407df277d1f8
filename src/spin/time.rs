//! The time of day, asked of the host only after some of it has passed.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The time since the Unix epoch, as one request sees it: it stands still until the request waits for something. Asking
/// the host costs a microsecond, and a call looks at the clock half a dozen times.
#[derive(Clone, Debug, Default)]
pub(super) struct Time(Rc<Cell<Option<Duration>>>);

impl Time {
    pub(super) fn now(&self) -> Duration {
        self.0.get().unwrap_or_else(|| {
            // A clock before 1970 counts as 1970: every token is then not valid yet.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.0.set(Some(now));
            now
        })
    }

    /// Says that the request has waited.
    pub(super) fn passes(&self) {
        self.0.set(None);
    }

    /// What comes of a future. If it is not ready at once, time passes.
    pub(super) async fn passing<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut is_waiting = false;
        poll_fn(|context| {
            if is_waiting {
                self.passes();
            }
            let polled = future.as_mut().poll(context);
            is_waiting = polled.is_pending();
            polled
        })
        .await
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
