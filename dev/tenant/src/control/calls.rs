//! Faults, limits and counters.

use std::collections::BTreeMap;

use super::Control;
use crate::calls::{Calls, Received};
use crate::endpoint::{Endpoint, Group};
use crate::faults::Fault;
use crate::limits::RateLimit;
use crate::state::lock;

/// Faults, limits and counters.
impl Control {
    /// Lets calls of an endpoint go wrong, after the faults that it has already.
    pub fn inject(&self, endpoint: Endpoint, fault: Fault) {
        lock(&self.0.faults).add(endpoint, fault);
    }

    /// Lets calls of all endpoints of a group go wrong; `times` counts for each of them.
    pub fn inject_all(&self, group: Group, fault: &Fault) {
        for endpoint in Endpoint::ALL.iter().filter(|one| one.group() == group) {
            self.inject(*endpoint, fault.clone());
        }
    }

    /// Ends the faults of an endpoint, or all.
    pub fn clear_faults(&self, endpoint: Option<Endpoint>) {
        lock(&self.0.faults).clear(endpoint);
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> BTreeMap<Endpoint, Vec<Fault>> {
        lock(&self.0.faults)
            .list()
            .iter()
            .map(|(endpoint, faults)| (*endpoint, faults.iter().cloned().collect()))
            .collect()
    }

    /// Sets the rate limit of a group, full at first; none lifts it.
    pub fn set_rate_limit(&self, group: Group, limit: Option<RateLimit>) {
        lock(&self.0.limits).set(group, limit);
    }

    /// How often an endpoint was called since the start or the last reset.
    #[must_use]
    pub fn calls(&self, endpoint: Endpoint) -> u64 {
        self.all_calls().get(&endpoint).map_or(0, |calls| calls.count)
    }

    /// How often the endpoints of a group were called.
    #[must_use]
    pub fn group_calls(&self, group: Group) -> u64 {
        let all = self.all_calls();
        all.iter()
            .filter(|(endpoint, _)| endpoint.group() == group)
            .map(|(_, calls)| calls.count)
            .sum()
    }

    /// How often everything was called, and how much of it at once.
    #[must_use]
    pub fn all_calls(&self) -> BTreeMap<Endpoint, Calls> {
        lock(&self.0.calls).all()
    }

    /// The requests to an endpoint, or all, oldest first; of long runs only the last.
    #[must_use]
    pub fn received(&self, endpoint: Option<Endpoint>) -> Vec<Received> {
        let calls = lock(&self.0.calls);
        let wanted = |one: &&Received| endpoint.is_none_or(|endpoint| one.endpoint == endpoint);
        calls.received().filter(wanted).cloned().collect()
    }

    /// The last request to an endpoint.
    #[must_use]
    pub fn last(&self, endpoint: Endpoint) -> Option<Received> {
        let calls = lock(&self.0.calls);
        calls.received().rev().find(|one| one.endpoint == endpoint).cloned()
    }

    /// Sets all counters to zero and forgets the requests.
    pub fn reset_calls(&self) {
        lock(&self.0.calls).reset();
    }
}
