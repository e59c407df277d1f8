//! The tenant as a service: what this server asks Auth0 on its own behalf and on its callers'.

mod client;
mod exchange_fault;
mod exchanged_tokens;
mod management;
mod permissions;
mod private_key;
mod token_endpoint;

pub(crate) use client::Obtained;
pub use client::{Auth0, ExchangeProfile};
pub use exchange_fault::{ExchangeFault, Mistake};
pub use exchanged_tokens::ExchangedTokens;
pub(crate) use management::path_segment;
pub use management::{
    ManagementClient, ManagementFault, ManagementMemory, UserPermission, UserRole,
};
pub use permissions::{
    Decision, PermissionFault, PermissionSource, RequiredScopes, Requirement, Rules, ToolPolicy,
    Undecided,
};
pub(crate) use permissions::{Inquiry, Knowledge, PermissionMemory, revoke};
pub use private_key::{AssertionAlgorithm, PrivateKey};
pub use token_endpoint::{IssuedToken, Refusal, RefusalDetail, TokenEndpointFault};
pub(crate) use token_endpoint::{error_code, redeem_code};

#[cfg(test)]
mod other_issuer_tests;
