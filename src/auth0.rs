//! The tenant as a service: what this server asks Auth0 on its own behalf and on its callers'.

mod management;
mod permissions;
mod token_endpoint;
mod token_vault;

pub(crate) use management::path_segment;
pub use management::{ManagementFault, ManagementMemory};
pub use permissions::{Decision, may_use};
pub use token_endpoint::{IssuedToken, TokenEndpointFault};
pub(crate) use token_endpoint::{error_code, redeem_code};
pub use token_vault::{VaultFault, connection_token};

#[cfg(test)]
mod other_issuer_tests;
