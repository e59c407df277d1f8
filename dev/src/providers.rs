//! Names of Auth0 and Google that the doctor and the set-up share.

/// The connection that `calendar_summary` uses.
pub(crate) const GOOGLE: &str = "google-oauth2";

/// The scope that `calendar_summary` needs.
pub(crate) const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";

/// The grant of Auth0's Token Vault.
pub(crate) const VAULT: &str =
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token";

/// The dialect of access tokens that has everything: RFC 9068, and the permissions.
pub(crate) const DIALECT: &str = "rfc9068_profile_authz";

/// The scopes of the My Account API that the connect page needs.
pub(crate) const CONNECT_SCOPES: [&str; 2] =
    ["create:me:connected_accounts", "read:me:connected_accounts"];

/// Clients that have a client ID metadata document, and where it is. ChatGPT's other documents are
/// those of single connectors.
pub(crate) const CLIENTS: [(&str, &str); 5] = [
    ("claude", "https://claude.ai/oauth/mcp-oauth-client-metadata"),
    ("claude-code", "https://claude.ai/oauth/claude-code-client-metadata"),
    ("chatgpt", "https://chatgpt.com/oauth/client.json"),
    ("codex", "https://chatgpt.com/oauth/codex/client.json"),
    ("vscode", "https://vscode.dev/oauth/client-metadata.json"),
];

/// The log events that cut off access or end what is cached.
pub(crate) const CATEGORIES: [&str; 4] =
    ["management.success", "user.success", "auth.logout.success", "other"];
