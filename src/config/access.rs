//! The variables about who may use which tool, and about the API that knows.

use super::{ClientCredentials, Issuer, parse, reader::Reader};
use crate::auth0::Rules;

/// How the Management API is reached.
#[derive(Clone, Debug)]
pub struct ManagementAccess {
    /// The tenant under its own name, which another domain may stand before.
    pub tenant: Issuer,
    /// The API's identifier, with its trailing slash.
    pub audience: String,
    /// The client that is authorized for it.
    pub client: ClientCredentials,
}

/// What is said about the Management API; what is not said is as for everything else.
pub(super) struct Management {
    tenant: Option<Issuer>,
    audience: Option<String>,
    client: Option<ClientCredentials>,
}

pub(super) fn rules(reader: &mut Reader) -> Option<Rules> {
    let source = reader.optional("permission_source", "both", parse::permission_source);
    let seconds = reader.optional("permission_cache_seconds", "10", parse::cache_seconds);
    let list_filtering = reader.optional("list_filtering", "true", parse::flag);
    let policy = reader.optional("tool_policy", "", parse::tool_policy);
    let effective = reader.optional("effective_permissions", "false", parse::flag);
    let secret = reader.optional("revocation_secret", "", parse::long_secret);
    Some(Rules {
        source: source?,
        cache_seconds: seconds?,
        list_filtering: list_filtering?,
        policy: policy?,
        effective_permissions: effective?,
        revocation_secret: secret?,
    })
}

pub(super) fn management(reader: &mut Reader) -> Option<Management> {
    let tenant = reader.optional("management_url", "", parse::tenant_url);
    let audience = reader.optional("management_audience", "", parse::audience);
    let client = reader.client("management_client_id", "management_client_secret");
    Some(Management { tenant: tenant?, audience: audience?, client: client? })
}

impl Management {
    /// What is said, or else the tenant and the client that everything goes by.
    pub(super) fn or_of(self, issuer: &Issuer, client: &ClientCredentials) -> ManagementAccess {
        let tenant = self.tenant.unwrap_or_else(|| issuer.clone());
        let audience = self.audience.unwrap_or_else(|| tenant.url("api/v2/"));
        ManagementAccess { tenant, audience, client: self.client.unwrap_or_else(|| client.clone()) }
    }
}
