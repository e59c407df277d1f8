//! The Auth0 tenant as a service: what this server asks of it on its own behalf and on its
//! callers'.
//!
//! | Module | |
//! |---|---|
//! | `settings` | the variables |
//! | `client_credentials`, `private_key` | how the server authenticates at the tenant |
//! | `token_endpoint` | `POST /oauth/token` |
//! | `management` | the Management API: the server's token, its rate limit, and the API for tools |
//! | `permissions` | may this caller use this tool, prompt or resource? |
//! | `revocation` | access that is cut off, and what is cached and does not count any more: `POST /revoke` |
//! | `exchange` | tokens in exchange for the caller's |
//! | `connect` | the pages on which a user connects an account |

mod client_credentials;
pub mod connect;
mod exchange;
mod management;
pub mod permissions;
mod private_key;
mod revocation;
mod settings;
mod token_endpoint;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

use doorward_core::{audit::Reason, issuer::Issuer, keys::Keys, outbound::Outbound, store::Store};
use doorward_oauth::ResourceServer;

pub use client_credentials::ClientCredentials;
pub use exchange::{
    ExchangeError, ExchangeProfile, ExchangedToken, Exchanges, Freshness, LastExchange,
    Misconfiguration,
};
pub use management::{ManagementClient, ManagementError, UserPermission, UserRole};
pub use private_key::{AssertionAlgorithm, PrivateKey};
pub use revocation::{
    Access, REVOKE_PATH, REVOKE_PERMISSIONS_PATH, RevocationMemo, RevokeReason, revoke,
};
pub use settings::{ManagementAccess, TenantSettings, VARIABLES};
pub use token_endpoint::{IssuedToken, OAuthError, OAuthErrorDetail, TokenEndpointError};

/// Every reason that this crate writes into the audit log.
pub fn declared_reasons() -> impl Iterator<Item = &'static dyn Reason> {
    let decisions = permissions::AccessReason::ALL.iter().map(|it| it as &dyn Reason);
    decisions
        .chain(permissions::PermissionError::ALL.iter().map(|it| it as &dyn Reason))
        .chain(RevokeReason::ALL.iter().map(|it| it as &dyn Reason))
        .chain(connect::ConnectOutcome::ALL.iter().map(|it| it as &dyn Reason))
}

/// What an instance remembers of the tenant.
#[derive(Debug, Default)]
pub struct TenantMemory {
    pub(crate) connects: connect::FlowsInProgress,
    pub(crate) exchanged: exchange::ExchangeCache,
    pub(crate) management: management::ManagementMemory,
    pub(crate) permissions: permissions::PermissionCache,
    pub(crate) definitions: permissions::Definitions,
}

/// The tenant, as one request meets it.
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    /// What the operator decided about the tenant.
    pub settings: &'a TenantSettings,
    /// What an instance remembers.
    pub memory: &'a TenantMemory,
    /// The resource server, whose settings name the tenant and the API.
    pub resource_server: ResourceServer<'a>,
    /// The revocations that the request has read.
    pub revocations: &'a RevocationMemo,
}

impl<'a> Tenant<'a> {
    /// The tenant as an issuer.
    #[must_use]
    pub fn issuer(&self) -> &'a Issuer {
        &self.resource_server.settings.main_issuer.issuer
    }

    pub(crate) fn outbound(&self) -> Outbound<'a> {
        self.resource_server.outbound
    }

    pub(crate) fn store(&self) -> Store<'a> {
        self.resource_server.store
    }

    pub(crate) fn keys(&self) -> &'a Keys {
        self.resource_server.keys
    }

    pub(crate) fn audience(&self) -> &'a str {
        &self.resource_server.settings.resource.audience
    }

    fn host(&self) -> &'a dyn doorward_core::host::Host {
        self.resource_server.outbound.host
    }
}
