//! Names of the tenant's endpoints, used to count calls, inject faults and set rate limits.

use axum::http::Method;
use serde::{Deserialize, Serialize};

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// An endpoint of the tenant. It serializes to its name in the control interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Endpoint { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl Endpoint {
            /// All endpoints.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the control interface.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

endpoints! {
    /// Discovery, at both well-known paths.
    Discovery = "discovery",
    /// The JSON Web Key Set.
    Jwks = "jwks",
    /// `/authorize`.
    Authorize = "authorize",
    /// The sign-in and consent pages.
    Pages = "pages",
    /// The token endpoint: `authorization_code`.
    TokenCode = "token.authorization_code",
    /// The token endpoint: `refresh_token`.
    TokenRefresh = "token.refresh_token",
    /// The token endpoint: `client_credentials`.
    TokenClientCredentials = "token.client_credentials",
    /// The token endpoint: `password`.
    TokenPassword = "token.password",
    /// The token endpoint: Token Vault exchange.
    TokenVault = "token.vault",
    /// The token endpoint: on-behalf-of exchange.
    TokenOnBehalfOf = "token.on_behalf_of",
    /// The token endpoint: custom token exchange.
    TokenExchange = "token.exchange",
    /// The token endpoint: an ID-JAG of an enterprise identity provider.
    TokenJwtBearer = "token.jwt_bearer",
    /// The token endpoint: any other grant.
    TokenOther = "token.other",
    /// Introspection of opaque tokens.
    Introspect = "introspect",
    /// Dynamic Client Registration.
    Register = "register",
    /// `/userinfo`.
    Userinfo = "userinfo",
    /// Management API: reading an API.
    ManagementResourceServers = "management.resource_servers",
    /// Management API: reading a user.
    ManagementUser = "management.user",
    /// Management API: changing a user.
    ManagementUserUpdate = "management.user_update",
    /// Management API: a user's permissions.
    ManagementUserPermissions = "management.user_permissions",
    /// Management API: a user's roles.
    ManagementUserRoles = "management.user_roles",
    /// Management API: a user's effective permissions.
    ManagementUserEffectivePermissions = "management.user_effective_permissions",
    /// Management API: a user's connected accounts.
    ManagementUserConnectedAccounts = "management.user_connected_accounts",
    /// Management API: the roles of an organization's member, assigned or effective.
    ManagementMemberRoles = "management.member_roles",
    /// Management API: a role's permissions.
    ManagementRolePermissions = "management.role_permissions",
    /// Management API: anything else.
    ManagementOther = "management.other",
    /// My Account API: starting to connect an account.
    MyAccountConnect = "my_account.connect",
    /// My Account API: completing the connection of an account.
    MyAccountComplete = "my_account.complete",
    /// My Account API: connected accounts and available connections.
    MyAccountAccounts = "my_account.accounts",
    /// Google Calendar: `events.list`.
    GoogleEvents = "google.events",
    /// Google: anything else.
    GoogleOther = "google.other",
    /// Anything else.
    Other = "other",
}

/// A group of endpoints that share a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Discovery and keys.
    Keys,
    /// The token endpoint.
    Token,
    /// Dynamic Client Registration.
    Register,
    /// The Management API.
    Management,
    /// The My Account API.
    MyAccount,
    /// Google.
    Google,
    /// The pages and everything else.
    Other,
}

impl Endpoint {
    /// The group whose rate limit applies.
    #[must_use]
    pub fn group(self) -> Group {
        match self.name().split('.').next() {
            Some("discovery" | "jwks") => Group::Keys,
            Some("token") => Group::Token,
            Some("register") => Group::Register,
            Some("management") => Group::Management,
            Some("my_account") => Group::MyAccount,
            Some("google") => Group::Google,
            _ => Group::Other,
        }
    }

    /// The endpoint with this name in the control interface.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// Determines the endpoint of a request. `body_parameter` looks up a parameter of the body,
    /// which tells the grants of the token endpoint apart.
    pub(crate) fn classify(
        method: &Method,
        path: &str,
        body_parameter: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let path = path.trim_end_matches('/');
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            [".well-known", "openid-configuration" | "oauth-authorization-server"] => {
                Self::Discovery
            }
            [".well-known", "jwks.json"] => Self::Jwks,
            ["authorize", ..] => Self::Authorize,
            ["u", ..] => Self::Pages,
            ["oauth", "token"] => Self::classify_grant(body_parameter),
            ["oauth", "introspect"] => Self::Introspect,
            ["oidc", "register"] => Self::Register,
            ["userinfo"] => Self::Userinfo,
            ["api", "v2", rest @ ..] => Self::classify_management(method, rest),
            ["me", "v1", "connected-accounts", "connect"] => Self::MyAccountConnect,
            ["me", "v1", "connected-accounts", "complete"] => Self::MyAccountComplete,
            ["me", ..] => Self::MyAccountAccounts,
            ["calendar", "v3", "calendars", _, "events"] => Self::GoogleEvents,
            ["calendar" | "gmail", ..] => Self::GoogleOther,
            _ => Self::Other,
        }
    }

    fn classify_grant(parameter: impl Fn(&str) -> Option<String>) -> Self {
        use crate::token::grant;
        match parameter("grant_type").as_deref() {
            Some(grant::CODE) => Self::TokenCode,
            Some(grant::REFRESH) => Self::TokenRefresh,
            Some(grant::CLIENT_CREDENTIALS) => Self::TokenClientCredentials,
            Some(grant::PASSWORD) => Self::TokenPassword,
            Some(grant::VAULT) => Self::TokenVault,
            Some(grant::JWT_BEARER) => Self::TokenJwtBearer,
            Some(grant::EXCHANGE)
                if parameter("subject_token_type").as_deref() == Some(grant::ACCESS_TOKEN) =>
            {
                Self::TokenOnBehalfOf
            }
            Some(grant::EXCHANGE) => Self::TokenExchange,
            _ => Self::TokenOther,
        }
    }

    fn classify_management(method: &Method, rest: &[&str]) -> Self {
        match rest {
            ["resource-servers", ..] => Self::ManagementResourceServers,
            ["users", _] if method == Method::PATCH => Self::ManagementUserUpdate,
            ["users", _] => Self::ManagementUser,
            ["users", _, "permissions"] => Self::ManagementUserPermissions,
            ["users", _, "roles"] => Self::ManagementUserRoles,
            ["users", _, "effective-permissions"] => Self::ManagementUserEffectivePermissions,
            ["users", _, "connected-accounts"] => Self::ManagementUserConnectedAccounts,
            ["organizations", _, "members", _, "roles" | "effective-roles"] => {
                Self::ManagementMemberRoles
            }
            ["roles", _, "permissions"] => Self::ManagementRolePermissions,
            _ => Self::ManagementOther,
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_with_an_encoded_slash_is_one_segment() {
        let path = "/api/v2/users/auth0%7Ca%2Fb/permissions";
        let endpoint = Endpoint::classify(&Method::GET, path, |_| None);
        assert_eq!(endpoint, Endpoint::ManagementUserPermissions);
    }

    #[test]
    fn every_name_parses_to_its_endpoint() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::from_name(endpoint.name()), Some(*endpoint));
        }
        assert_eq!(Endpoint::from_name("jwks.json"), None);
    }
}
