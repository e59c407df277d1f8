//! Blocking calls, made the way Spin makes them.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work` with `block_in_place`, as Spin does for its database and environment lookups.
///
/// The work itself does not block here. But `block_in_place` hands the other tasks of this thread
/// to another one, so the head of a response is often sent before its body exists. Together with
/// TCP_NODELAY being unset, this gives a component the same delays here as on Spin.
pub(crate) fn in_place<R>(work: impl FnOnce() -> R) -> R {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        // `block_in_place` panics on a single-threaded runtime.
        _ => work(),
    }
}
