//! What a call leaves for the line about its end in the audit log.

use std::cell::Cell;

use doorward_auth0::LastExchange;
use doorward_upstream::UpstreamError;

/// What a call leaves.
#[derive(Default)]
pub(crate) struct CallNotes {
    /// What came of its last exchange.
    pub(crate) exchange: LastExchange,
    /// Why another MCP server gave no result.
    pub(crate) fault: Cell<Option<UpstreamError>>,
}
