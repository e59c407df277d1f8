//! The time that all outbound requests of one inbound request may take together. Each has its own
//! limit; several in a row would still exceed what clients wait.

use std::{cell::Cell, time::Duration};

use crate::host::{Clock, Host, HttpError, Limits};

/// The budget of one inbound request. Only the time counts in which a request of it is under way:
/// not what a tool does in between, nor waiting for the rate limit of the tenant.
#[derive(Debug)]
pub struct Budget {
    /// In milliseconds.
    left: Cell<u64>,
    running: Cell<u32>,
    /// When the first of those that run was sent, in milliseconds since the Unix epoch.
    since: Cell<u64>,
}

/// A request under way.
pub(super) struct Spending<'a> {
    budget: &'a Budget,
    host: &'a dyn Host,
}

impl Default for Budget {
    /// As long as one request alone may take: several clients give up after 5 s.
    fn default() -> Self {
        let left = Cell::new(Limits::API.total.as_secs() * 1000);
        Self { left, running: Cell::default(), since: Cell::default() }
    }
}

impl Budget {
    /// Adds time.
    pub fn extend(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.left.set(self.left.get().saturating_add(by));
    }

    /// Adds the time by which a slow request may exceed the default.
    pub fn allow(&self, total: Duration) {
        self.extend(total.saturating_sub(Limits::API.total));
    }

    /// Limits a request to what is left, and counts its time until the result is dropped.
    ///
    /// # Errors
    ///
    /// Returns `TimedOut` if nothing is left.
    pub(super) fn spend<'a>(
        &'a self,
        host: &'a dyn Host,
        limits: Limits,
    ) -> Result<(Limits, Spending<'a>), HttpError> {
        let left = Duration::from_millis(self.left.get().saturating_sub(self.running_for(host)));
        if left.is_zero() {
            return Err(HttpError::TimedOut);
        }
        if self.running.get() == 0 {
            self.since.set(host.now_millis());
        }
        self.running.set(self.running.get().saturating_add(1));
        let limits = Limits { total: limits.total.min(left), ..limits };
        Ok((limits, Spending { budget: self, host }))
    }

    /// How long requests have been under way, in milliseconds. Those at the same time count once.
    fn running_for(&self, clock: &(impl Clock + ?Sized)) -> u64 {
        match self.running.get() {
            0 => 0,
            _ => clock.now_millis().saturating_sub(self.since.get()),
        }
    }
}

impl Drop for Spending<'_> {
    fn drop(&mut self) {
        let Budget { left, running, .. } = self.budget;
        let spent = self.budget.running_for(self.host);
        running.set(running.get().saturating_sub(1));
        if running.get() == 0 {
            left.set(left.get().saturating_sub(spent));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    /// What a request may take, in milliseconds.
    fn left(budget: &Budget, host: &FakeHost) -> Option<u128> {
        budget.spend(host, Limits::API).ok().map(|(limits, _)| limits.total.as_millis())
    }

    fn pass(host: &FakeHost, millis: u64) {
        host.millis.set(host.millis.get() + millis);
    }

    #[test]
    fn requests_one_after_the_other_have_the_time_of_one() {
        let (host, budget) = (FakeHost::new(), Budget::default());
        for (millis, before) in [(1500, Some(4000)), (2499, Some(2500)), (5, Some(1)), (1, None)] {
            assert_eq!(left(&budget, &host), before);
            let spending = budget.spend(&host, Limits::API);
            pass(&host, millis);
            drop(spending);
            // A tool may take its time between them.
            pass(&host, 60_000);
        }
        budget.extend(Duration::from_secs(9));
        assert_eq!(left(&budget, &host), Some(4000), "none alone has more");
    }

    #[test]
    fn those_at_the_same_time_count_once() {
        let (host, budget) = (FakeHost::new(), Budget::default());
        let first = budget.spend(&host, Limits::API);
        pass(&host, 1000);
        let second = budget.spend(&host, Limits::API);
        assert_eq!(second.as_ref().unwrap().0.total, Duration::from_secs(3));
        pass(&host, 500);
        drop(first);
        pass(&host, 500);
        drop(second);
        assert_eq!(left(&budget, &host), Some(2000));
    }
}
