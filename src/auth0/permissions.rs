//! May this caller use this tool?
//!
//! 1. What is asked for is a `Requirement`: a tool's name, whether it only reads, and the scopes that its code declares.
//! 2. `Rules` are the operator's: where the decision comes from, for how long an answer is remembered, and a policy.
//! 3. What the tenant says is [`knowledge`](self): the permissions that the API defines, and those that the user holds.
//! 4. [`decide`](decision::decide) makes a [`Decision`] of the three and of the caller. It asks nobody and waits for
//!    nothing, and there is no other way to a decision: `tools/call`, `tools/list` and every entry of a batch take it.

mod decision;
mod fault;
mod inquiry;
mod knowledge;
mod memory;
mod policy;
mod question;
mod revocation;
mod rules;
mod scopes;
mod stored;

#[cfg(test)]
mod testing;

#[cfg(test)]
mod reach_tests;

pub use decision::{Decision, Requirement};
pub use fault::{PermissionFault, Undecided};
pub(crate) use inquiry::Inquiry;
pub(crate) use knowledge::Knowledge;
pub(crate) use memory::PermissionMemory;
pub use policy::ToolPolicy;
pub(crate) use revocation::revoke;
pub use rules::{PermissionSource, Rules};
pub use scopes::RequiredScopes;
