//! May this caller use this tool?
//!
//! 1. A [`Requirement`] says what is asked for: a tool's name, whether it only reads, and the
//! scopes that its code declares. 2. [`Settings`] are the operator's: where the decision comes
//! from, how long an answer is cached, and a policy. 3. `lookup` asks the tenant, through the
//! cache, which permissions the API defines and which of them the user holds: each is a `question`.
//! 4. `decide` makes a [`Decision`] of all this. It is pure, and there is no other way to one:
//! `tools/call`, `tools/list` and every entry of a batch take it.

mod decide;
mod error;
mod lookup;
mod policy;
mod question;
mod revoke;

use doorward_core::Secret;

pub use self::{
    decide::{Decision, Requirement},
    error::{PermissionError, Undecided},
    lookup::{PermissionCache, PermissionMemo},
    policy::{PolicyError, ToolPolicy},
    question::Permissions,
    revoke::{REVOKE_PATH, Revocation, RevokeReason, revoke},
};

/// What the operator decides about permissions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where decisions come from.
    pub source: PermissionSource,
    /// How long the tenant's answers are cached, in seconds; 0: every call asks.
    pub cache_seconds: u64,
    /// Whether `tools/list` leaves out what the caller may not use.
    pub list_filtering: bool,
    /// Which tools exist for whom.
    pub policy: ToolPolicy,
    /// Whether users' permissions are read from `effective-permissions`, which filters by API.
    pub effective_permissions: bool,
    /// Secret for `POST /permissions/revoke`; `None` disables it.
    pub revocation_secret: Option<Secret>,
}

/// Where decisions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionSource {
    /// The tenant and the token must agree.
    Both,
    /// The tenant, asked live through the Management API.
    Management,
    /// The token alone.
    Token,
}

impl Settings {
    /// How long an answer that allows something is cached, in milliseconds.
    fn ttl(&self) -> u64 {
        self.cache_seconds.saturating_mul(1000)
    }

    /// How long an answer that refuses something is cached: half as long, because somebody waits
    /// for it to change.
    fn negative_ttl(&self) -> u64 {
        self.ttl() / 2
    }
}

#[cfg(test)]
mod reach_tests;
