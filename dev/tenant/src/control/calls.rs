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
    /// Adds a fault to an endpoint, after the faults that it already has.
    pub fn inject(&self, endpoint: Endpoint, fault: Fault) {
        lock(&self.0.faults).add(endpoint, fault);
    }

    /// Adds a fault to every endpoint of a group. `times` counts separately for each endpoint.
    pub fn inject_all(&self, group: Group, fault: &Fault) {
        for endpoint in Endpoint::ALL.iter().filter(|one| one.group() == group) {
            self.inject(*endpoint, fault.clone());
        }
    }

    /// Clears the faults of an endpoint, or all faults.
    pub fn clear_faults(&self, endpoint: Option<Endpoint>) {
        lock(&self.0.faults).clear(endpoint);
    }

    /// The active faults.
    #[must_use]
    pub fn faults(&self) -> BTreeMap<Endpoint, Vec<Fault>> {
        lock(&self.0.faults)
            .list()
            .iter()
            .map(|(endpoint, faults)| (*endpoint, faults.iter().cloned().collect()))
            .collect()
    }

    /// Sets the rate limit of a group, with a full bucket. `None` removes the limit.
    pub fn set_rate_limit(&self, group: Group, limit: Option<RateLimit>) {
        lock(&self.0.limits).set(group, limit);
    }

    /// Number of calls of an endpoint since the start or the last reset.
    #[must_use]
    pub fn calls(&self, endpoint: Endpoint) -> u64 {
        self.all_calls().get(&endpoint).map_or(0, |calls| calls.count)
    }

    /// Number of calls of a group since the start or the last reset.
    #[must_use]
    pub fn group_calls(&self, group: Group) -> u64 {
        let all = self.all_calls();
        all.iter()
            .filter(|(endpoint, _)| endpoint.group() == group)
            .map(|(_, calls)| calls.count)
            .sum()
    }

    /// The call counters of every endpoint that was called.
    #[must_use]
    pub fn all_calls(&self) -> BTreeMap<Endpoint, Calls> {
        lock(&self.0.calls).all()
    }

    /// The recorded requests to an endpoint, or all, oldest first. Only the last 512 requests are
    /// kept.
    #[must_use]
    pub fn received(&self, endpoint: Option<Endpoint>) -> Vec<Received> {
        let calls = lock(&self.0.calls);
        let matches = |one: &&Received| endpoint.is_none_or(|endpoint| one.endpoint == endpoint);
        calls.received().filter(matches).cloned().collect()
    }

    /// The last request to an endpoint.
    #[must_use]
    pub fn last(&self, endpoint: Endpoint) -> Option<Received> {
        let calls = lock(&self.0.calls);
        calls.received().rev().find(|one| one.endpoint == endpoint).cloned()
    }

    /// Resets all counters and drops the recorded requests.
    pub fn reset_calls(&self) {
        lock(&self.0.calls).reset();
    }
}
