//! Auth0 as a tool uses it: exchanges of the caller's token, which is inside already and is never shown, and the
//! Management API.

use super::{
    ManagementClient, ManagementMemory,
    exchange_fault::ExchangeFault,
    exchanged_tokens::{ExchangedTokens, Slot},
    token_endpoint::{IssuedToken, request_token},
};
use crate::{
    config::{Config, Secret},
    host::Host,
    oauth::Caller,
};

/// Token Vault's grant, and what it gives.
const VAULT_GRANT: &str =
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token";
const VAULT_TOKEN_TYPE: &str =
    "http://auth0.com/oauth/token-type/federated-connection-access-token";

/// RFC 8693, sections 2.1 and 3.
const EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The tenant, on behalf of one caller.
pub struct Auth0<'a> {
    host: &'a dyn Host,
    config: &'a Config,
    caller: &'a Caller,
    tokens: &'a ExchangedTokens,
    management: &'a ManagementMemory,
}

/// A custom token exchange: a profile of the tenant, whose Action says whose token the subject token is (RFC 8693). The
/// subject token is the caller's, unless another is given.
#[derive(Clone, Debug)]
pub struct ExchangeProfile<'a> {
    subject_token_type: &'a str,
    subject_token: Option<&'a Secret>,
    audience: Option<&'a str>,
    scopes: &'a [&'a str],
    organization: Option<&'a str>,
    actor: Option<(&'a Secret, &'a str)>,
}

/// A token, and whether it comes out of the memory.
pub(crate) struct Obtained {
    pub(crate) token: IssuedToken,
    pub(crate) is_remembered: bool,
}

/// One exchange: what is sent, but for the client and the subject token.
struct Exchange<'a> {
    /// What it is, for the log.
    name: String,
    is_connection: bool,
    grant: Vec<(&'a str, &'a str)>,
    subject_token: Option<&'a Secret>,
    /// What has to be granted.
    scopes: &'a [&'a str],
}

impl<'a> Auth0<'a> {
    pub(crate) fn new(
        host: &'a dyn Host,
        config: &'a Config,
        caller: &'a Caller,
        tokens: &'a ExchangedTokens,
        management: &'a ManagementMemory,
    ) -> Self {
        Self { host, config, caller, tokens, management }
    }

    /// The Management API, with the server's own token: about the caller, unless somebody else is named.
    #[must_use]
    pub fn management(&self) -> ManagementClient<'a> {
        ManagementClient::new(self.host, self.config, self.management, self.caller)
    }

    /// A token of the third party behind `connection`, such as `google-oauth2`, for the account that the caller connected
    /// (Token Vault). All of `scopes` have to be granted to it. `login_hint` chooses among several accounts.
    ///
    /// A tool that only wants to use the third party's API does without the token: see
    /// [`Context::connection`](crate::context::Context::connection).
    ///
    /// # Errors
    ///
    /// See [`ExchangeFault`]; all but the caller's own affairs are logged.
    pub async fn connection_token(
        &self,
        connection: &str,
        scopes: &[&str],
        login_hint: Option<&str>,
    ) -> Result<IssuedToken, ExchangeFault> {
        let obtained = self.obtain_connection_token(connection, scopes, login_hint, false).await;
        obtained.map(|obtained| obtained.token)
    }

    /// The same, but `anew`, whatever is remembered: for when the third party refused the last one.
    pub(crate) async fn obtain_connection_token(
        &self,
        connection: &str,
        scopes: &[&str],
        login_hint: Option<&str>,
        anew: bool,
    ) -> Result<Obtained, ExchangeFault> {
        let (name, scope) = (format!("token vault: connection {connection}"), scopes.join(" "));
        let grant = vault_grant(connection, &scope, login_hint);
        let exchange = Exchange { name, is_connection: true, grant, subject_token: None, scopes };
        self.obtain(&exchange, anew).await
    }

    /// Forgets what [`connection_token`](Self::connection_token) gave for the same arguments: for when the third party
    /// wants more than was granted, so that the next call finds what the user allows meanwhile.
    pub async fn forget_connection_token(
        &self,
        connection: &str,
        scopes: &[&str],
        login_hint: Option<&str>,
    ) {
        let scope = scopes.join(" ");
        let mut grant = vault_grant(connection, &scope, login_hint);
        grant.push(("subject_token", self.caller.token().expose()));
        self.tokens.forget(self.host, &Slot::new(self.config, self.caller, &grant)).await;
    }

    /// A token for another API of the tenant, with which this server acts for the caller (on-behalf-of). All of `scopes`
    /// have to be granted; without any the tenant chooses.
    ///
    /// # Errors
    ///
    /// See [`ExchangeFault`].
    pub async fn on_behalf_of(
        &self,
        audience: &str,
        scopes: &[&str],
    ) -> Result<IssuedToken, ExchangeFault> {
        let scope = scopes.join(" ");
        let mut grant = vec![
            ("grant_type", EXCHANGE_GRANT),
            ("subject_token_type", ACCESS_TOKEN_TYPE),
            ("requested_token_type", ACCESS_TOKEN_TYPE),
            ("audience", audience),
        ];
        grant.extend((!scopes.is_empty()).then_some(("scope", scope.as_str())));
        let name = format!("on behalf of: audience {audience}");
        let exchange = Exchange { name, is_connection: false, grant, subject_token: None, scopes };
        self.obtain(&exchange, false).await.map(|obtained| obtained.token)
    }

    /// A token by one of the tenant's token exchange profiles.
    ///
    /// # Errors
    ///
    /// See [`ExchangeFault`].
    pub async fn exchange(
        &self,
        profile: &ExchangeProfile<'_>,
    ) -> Result<IssuedToken, ExchangeFault> {
        let scope = profile.scopes.join(" ");
        let mut grant = vec![
            ("grant_type", EXCHANGE_GRANT),
            ("subject_token_type", profile.subject_token_type),
        ];
        grant.extend(profile.audience.map(|audience| ("audience", audience)));
        grant.extend((!scope.is_empty()).then_some(("scope", scope.as_str())));
        grant.extend(profile.organization.map(|organization| ("organization", organization)));
        if let Some((token, kind)) = profile.actor {
            grant.extend([("actor_token", token.expose()), ("actor_token_type", kind)]);
        }
        let exchange = Exchange {
            name: format!("token exchange: {}", profile.subject_token_type),
            is_connection: false,
            grant,
            subject_token: profile.subject_token,
            scopes: profile.scopes,
        };
        self.obtain(&exchange, false).await.map(|obtained| obtained.token)
    }

    async fn obtain(&self, exchange: &Exchange<'_>, anew: bool) -> Result<Obtained, ExchangeFault> {
        // Another issuer's token is none of the tenant's business, and never leaves this server.
        if !self.caller.is_tenant_user() {
            return Err(ExchangeFault::NotATenantUser);
        }
        let own = self.caller.token().expose();
        let subject_token = exchange.subject_token.map_or(own, Secret::expose);
        let mut grant = exchange.grant.clone();
        grant.push(("subject_token", subject_token));
        let slot = Slot::new(self.config, self.caller, &grant);
        if anew {
            self.tokens.forget(self.host, &slot).await;
        } else if let Some(token) = self.tokens.find(self.host, &slot).await {
            return Ok(Obtained { token, is_remembered: true });
        }
        let Config { issuer, client, .. } = self.config;
        let token = request_token(self.host, issuer, client, &grant).await.map_err(|fault| {
            let meaning = ExchangeFault::of(&fault, exchange.is_connection);
            self.host.log(&format!("{}: {fault}: {meaning}", exchange.name));
            meaning
        })?;
        let missing = missing(&token, exchange.scopes);
        if !missing.is_empty() {
            let fault = ExchangeFault::ScopeMissing(missing);
            self.host.log(&format!("{}: {fault}", exchange.name));
            return Err(fault);
        }
        self.tokens.remember(self.host, &slot, &token).await;
        Ok(Obtained { token, is_remembered: false })
    }
}

fn vault_grant<'a>(
    connection: &'a str,
    scope: &'a str,
    login_hint: Option<&'a str>,
) -> Vec<(&'a str, &'a str)> {
    let mut grant = vec![
        ("grant_type", VAULT_GRANT),
        ("subject_token_type", ACCESS_TOKEN_TYPE),
        ("requested_token_type", VAULT_TOKEN_TYPE),
        ("connection", connection),
    ];
    grant.extend(login_hint.map(|hint| ("login_hint", hint)));
    grant.extend((!scope.is_empty()).then_some(("scope", scope)));
    grant
}

/// What has to be granted and is not. Who does not say what is granted grants what was asked for.
fn missing(token: &IssuedToken, scopes: &[&str]) -> Vec<String> {
    let Some(granted) = &token.scopes else {
        return Vec::new();
    };
    let missing = scopes.iter().filter(|scope| !granted.iter().any(|granted| granted == *scope));
    missing.map(|scope| (*scope).to_owned()).collect()
}

impl<'a> ExchangeProfile<'a> {
    /// The profile with this `subject_token_type`, a URI of the operator's own.
    #[must_use]
    pub fn new(subject_token_type: &'a str) -> Self {
        Self {
            subject_token_type,
            subject_token: None,
            audience: None,
            scopes: &[],
            organization: None,
            actor: None,
        }
    }

    /// Exchanges this token, and not the caller's.
    #[must_use]
    pub fn subject_token(mut self, token: &'a Secret) -> Self {
        self.subject_token = Some(token);
        self
    }

    /// Asks for a token for this API.
    #[must_use]
    pub fn audience(mut self, audience: &'a str) -> Self {
        self.audience = Some(audience);
        self
    }

    /// Asks for these scopes. All of them have to be granted.
    #[must_use]
    pub fn scopes(mut self, scopes: &'a [&'a str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Asks for a token of the user as a member of this organization, by id or name.
    #[must_use]
    pub fn organization(mut self, organization: &'a str) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Says who acts for the user, by a token of theirs and its type.
    #[must_use]
    pub fn actor(mut self, token: &'a Secret, token_type: &'a str) -> Self {
        self.actor = Some((token, token_type));
        self
    }
}

#[cfg(test)]
mod tests;
