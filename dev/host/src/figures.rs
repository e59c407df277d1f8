//! What the host measures of the instances it starts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wasmtime::ResourceLimiter;

/// So many start times are kept.
const MAX_STARTS: usize = 10_000;

/// What was measured of the instances of a host so far.
#[derive(Clone, Debug, Default)]
pub struct InstanceFigures {
    /// How long each of the first 10 000 instances took to start, without the work of its first request.
    pub starts: Vec<Duration>,
    /// The largest linear memory that any instance has had, in bytes.
    pub largest_memory: usize,
}

/// Where the figures of all instances come together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    starts: Mutex<Vec<Duration>>,
    largest_memory: AtomicUsize,
}

impl Figures {
    /// An instance took so long to start.
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

/// Sees every memory grow, and lets it.
impl ResourceLimiter for Figures {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let may_grow = maximum.is_none_or(|maximum| desired <= maximum);
        if may_grow {
            self.0.largest_memory.fetch_max(desired, Ordering::Relaxed);
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
    fn the_largest_memory_is_kept_and_a_memory_may_grow_to_its_maximum() {
        let figures = Figures::default();
        let mut instance = figures.clone();
        assert!(instance.memory_growing(0, 300, Some(300)).unwrap());
        assert!(instance.memory_growing(0, 200, None).unwrap());
        assert!(!instance.memory_growing(0, 301, Some(300)).unwrap());
        assert_eq!(figures.snapshot().largest_memory, 300);
    }
}
