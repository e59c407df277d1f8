//! What the operator says about permissions.

use super::ToolPolicy;
use crate::config::Secret;

/// What the operator says about permissions.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where decisions come from.
    pub source: PermissionSource,
    /// For how long an answer of the tenant is remembered, in seconds; 0 means that every call asks.
    pub cache_seconds: u64,
    /// Whether `tools/list` leaves out what the caller may not use.
    pub list_filtering: bool,
    /// Which tools there are for whom.
    pub policy: ToolPolicy,
    /// Whether a user's permissions are read from `effective-permissions`, which knows one API and is asked about
    /// one only.
    pub effective_permissions: bool,
    /// Who knows this may have remembered permissions forgotten at once; nobody, if there is none.
    pub revocation_secret: Option<Secret>,
}

/// Where decisions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionSource {
    /// The tenant and the token must agree.
    Both,
    /// The tenant, asked live over the Management API.
    Management,
    /// The token alone.
    Token,
}

impl Rules {
    /// For how long an answer is good that allows something, in milliseconds.
    pub(super) fn lifetime(&self) -> u64 {
        self.cache_seconds.saturating_mul(1000)
    }

    /// For how long an answer is good that refuses something: half as long, because somebody waits for it to change.
    pub(super) fn lifetime_of_a_no(&self) -> u64 {
        self.lifetime() / 2
    }
}
