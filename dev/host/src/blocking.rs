//! Work that Spin does in place.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does what on Spin asks a database or the environment, without leaving the task, as Spin does.
///
/// The work itself would not need it. But it lets another thread take over what waits on this one, and so the head of an
/// answer is often on its way before its body exists: together with the unset TCP_NODELAY a component sees the same
/// delays here as on Spin.
pub(crate) fn in_place<R>(work: impl FnOnce() -> R) -> R {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        // There is no other thread.
        _ => work(),
    }
}
