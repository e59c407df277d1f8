//! Measurements of the instances that the host starts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wasmtime::ResourceLimiter;

/// Limit of recorded start times.
const MAX_STARTS: usize = 10_000;

/// Measurements of a host's instances so far.
#[derive(Clone, Debug, Default)]
pub struct InstanceFigures {
    /// The start times of the first 10 000 instances, without the work of their first request.
    pub starts: Vec<Duration>,
    /// The largest linear memory of any instance, in bytes.
    pub largest_memory: usize,
}

/// Counters that all instances share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    starts: Mutex<Vec<Duration>>,
    largest_memory: AtomicUsize,
}

impl Figures {
    /// Records how long an instance took to start.
    pub(crate) fn started(&self, time: Duration) {
        let mut starts = self.0.starts.lock().unwrap_or_else(PoisonError::into_inner);
        if starts.len() < MAX_STARTS {
            starts.push(time);
        }
    }

    pub(crate) fn snapshot(&self) -> InstanceFigures {
        InstanceFigures {
            starts: self.0.starts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            largest_memory: self.0.largest_memory.load(Ordering::Relaxed),
        }
    }
}

/// Limits the memories of one instance, and records how they grow.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    figures: Figures,
    /// What all memories of the instance may still grow by, in bytes.
    rest: usize,
}

impl MemoryLimiter {
    /// Allows the memories of an instance `limit` bytes in total.
    pub(crate) fn new(figures: Figures, limit: usize) -> Self {
        Self { figures, rest: limit }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let may_grow = maximum.is_none_or(|maximum| desired <= maximum) && growth <= self.rest;
        if may_grow {
            self.rest -= growth;
            self.figures.0.largest_memory.fetch_max(desired, Ordering::Relaxed);
        }
        Ok(may_grow)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_memory_is_recorded_and_a_memory_may_grow_to_its_maximum() {
        let figures = Figures::default();
        let mut instance = MemoryLimiter::new(figures.clone(), 1_000);
        assert!(instance.memory_growing(0, 300, Some(300)).unwrap());
        assert!(instance.memory_growing(0, 200, None).unwrap());
        assert!(!instance.memory_growing(0, 301, Some(300)).unwrap());
        assert_eq!(figures.snapshot().largest_memory, 300);
    }
    #[test]
    fn all_memories_of_an_instance_share_its_limit() {
        let mut instance = MemoryLimiter::new(Figures::default(), 1_000);
        assert!(instance.memory_growing(0, 600, None).unwrap());
        assert!(!instance.memory_growing(0, 401, None).unwrap());
        assert!(instance.memory_growing(0, 400, None).unwrap());
        assert!(!instance.memory_growing(600, 601, None).unwrap());
    }
}
