//! Exchanges of the caller's token, which tools never see: Token Vault, on-behalf-of, and token
//! exchange profiles (RFC 8693).

mod cache;
mod error;

use std::cell::Cell;

use doorward_core::{Secret, host::PortFuture};
use doorward_oauth::{Caller, subject_token};

use self::cache::ExchangeLookup;
use crate::{IssuedToken, ManagementClient, Tenant};

pub(crate) use self::cache::ExchangeCache;
pub use self::error::{ExchangeError, Misconfiguration};

/// Token Vault's grant, and the type of what it issues.
const VAULT_GRANT: &str =
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token";
const VAULT_TOKEN_TYPE: &str =
    "http://auth0.com/oauth/token-type/federated-connection-access-token";

/// RFC 8693, sections 2.1 and 3.
const EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The exchanges of one caller's token.
pub struct Exchanges<'a> {
    tenant: Tenant<'a>,
    caller: &'a Caller,
    last: &'a LastExchange,
}

/// What came of the last exchange of a call, for the audit log.
#[derive(Debug, Default)]
pub struct LastExchange(Cell<Option<Outcome>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Made,
    Remembered,
    Failed,
    /// It failed, and may succeed at once with another token or a connected account.
    Unsettled,
}

/// A token exchange by one of the tenant's profiles (RFC 8693). The subject token is the caller's,
/// unless another one is given.
#[derive(Clone, Debug)]
pub struct ExchangeProfile<'a> {
    subject_token_type: &'a str,
    subject_token: Option<&'a Secret>,
    audience: Option<&'a str>,
    scopes: &'a [&'a str],
    organization: Option<&'a str>,
    actor: Option<(&'a Secret, &'a str)>,
}

/// A token, and whether it was cached.
#[derive(Clone, Debug)]
pub struct ExchangedToken {
    /// The token.
    pub token: IssuedToken,
    /// Whether it was cached. If the third party refuses it, a new one may still work.
    pub is_cached: bool,
}

/// Which token will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// A cached one, if there is one.
    Cached,
    /// Only a new one, because the third party refused the cached one.
    New,
}

/// One exchange: what is sent, apart from the client and the subject token.
struct Exchange<'a> {
    /// Its name for the log.
    name: String,
    is_connection: bool,
    grant: Vec<(&'a str, &'a str)>,
    subject_token: Option<&'a Secret>,
    /// The scopes that must be granted.
    scopes: &'a [&'a str],
}

impl<'a> Exchanges<'a> {
    /// The exchanges of a caller's token. What comes of each is noted in `last`.
    #[must_use]
    pub fn new(tenant: Tenant<'a>, caller: &'a Caller, last: &'a LastExchange) -> Self {
        Self { tenant, caller, last }
    }

    /// The Management API with the server's own token, about the caller.
    #[must_use]
    pub fn management(&self) -> ManagementClient<'a> {
        ManagementClient::new(self.tenant, self.caller)
    }

    /// Obtains a token of the third party behind `connection`, such as `google-oauth2`, for the
    /// account that the caller connected (Token Vault). All of `scopes` must be granted.
    /// `login_hint` chooses among several accounts.
    ///
    /// A tool that only calls the third party's API needs no token: `Context::connection` attaches
    /// it.
    ///
    /// # Errors
    ///
    /// Returns [`ExchangeError`] if there is no token. What the tenant answered is in the log.
    pub async fn connection_token(
        &self,
        connection: &str,
        scopes: &[&str],
        login_hint: Option<&str>,
    ) -> Result<IssuedToken, ExchangeError> {
        let obtained =
            self.obtain_connection_token(connection, scopes, login_hint, Freshness::Cached).await;
        obtained.map(|obtained| obtained.token)
    }

    /// Like [`connection_token`](Self::connection_token), and says whether the token was cached.
    ///
    /// # Errors
    ///
    /// See [`connection_token`](Self::connection_token).
    pub async fn obtain_connection_token(
        &self,
        connection: &str,
        scopes: &[&str],
        login_hint: Option<&str>,
        freshness: Freshness,
    ) -> Result<ExchangedToken, ExchangeError> {
        let scope = scopes.join(" ");
        let exchange = Exchange {
            name: format!("token vault: connection {connection}"),
            is_connection: true,
            grant: vault_grant(connection, &scope, login_hint),
            subject_token: None,
            scopes,
        };
        self.obtain(&exchange, freshness).await
    }

    /// Forgets what [`connection_token`](Self::connection_token) returned for the same arguments.
    /// Use this when the third party requires more than was granted, so that the next call finds
    /// what the user grants meanwhile.
    pub async fn forget_connection_token(
        &self,
        connection: &str,
        scopes: &[&str],
        login_hint: Option<&str>,
    ) {
        let scope = scopes.join(" ");
        let exchange = Exchange {
            name: String::new(),
            is_connection: true,
            grant: vault_grant(connection, &scope, login_hint),
            subject_token: None,
            scopes,
        };
        self.tenant.memory.exchanged.forget(&self.lookup(&exchange)).await;
    }

    /// Obtains a token for another API of the tenant, with which this server acts for the caller
    /// (on-behalf-of). All of `scopes` must be granted; without any the tenant chooses.
    ///
    /// # Errors
    ///
    /// Returns [`ExchangeError`] if there is no token.
    pub async fn on_behalf_of(
        &self,
        audience: &str,
        scopes: &[&str],
    ) -> Result<IssuedToken, ExchangeError> {
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
        self.obtain(&exchange, Freshness::Cached).await.map(|obtained| obtained.token)
    }

    /// Obtains a token by one of the tenant's token exchange profiles.
    ///
    /// # Errors
    ///
    /// Returns [`ExchangeError`] if there is no token.
    pub async fn exchange(
        &self,
        profile: &ExchangeProfile<'_>,
    ) -> Result<IssuedToken, ExchangeError> {
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
        self.obtain(&exchange, Freshness::Cached).await.map(|obtained| obtained.token)
    }

    /// Boxed, so that its code exists once.
    fn obtain<'b>(
        &'b self,
        exchange: &'b Exchange<'_>,
        freshness: Freshness,
    ) -> PortFuture<'b, Result<ExchangedToken, ExchangeError>> {
        Box::pin(async move {
            // The tenant cannot exchange another issuer's token, which must never leave this
            // server.
            if !self.caller.is_from_tenant() {
                return Err(match self.tenant.settings.client {
                    Some(_) => ExchangeError::NotATenantUser,
                    None => ExchangeError::Misconfigured(Misconfiguration::ClientRefused),
                });
            }
            let outcome = self.tenant.memory.exchanged.get(&self.lookup(exchange), freshness).await;
            self.last.0.set(Some(match &outcome {
                Ok(obtained) if obtained.is_cached => Outcome::Remembered,
                Ok(_) => Outcome::Made,
                Err(ExchangeError::CallerTokenRefused) => Outcome::Unsettled,
                Err(error) if exchange.is_connection && error.is_solved_by_connecting() => {
                    Outcome::Unsettled
                }
                Err(_) => Outcome::Failed,
            }));
            outcome
        })
    }

    fn lookup<'e>(&'e self, exchange: &'e Exchange<'_>) -> ExchangeLookup<'e> {
        let own = subject_token(self.caller);
        let mut grant = exchange.grant.clone();
        grant.push(("subject_token", exchange.subject_token.unwrap_or(own).expose()));
        ExchangeLookup::new(self.tenant, self.caller, exchange, grant)
    }
}

impl LastExchange {
    /// `made`, `remembered` or `failed`; `None` if there was none.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.0.get().map(|outcome| match outcome {
            Outcome::Remembered => "remembered",
            Outcome::Made => "made",
            Outcome::Failed | Outcome::Unsettled => "failed",
        })
    }

    /// Whether there was no token, and the next exchange may succeed at once: with another token of
    /// the caller, or because the account is connected meanwhile.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.0.get() == Some(Outcome::Unsettled)
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

impl<'a> ExchangeProfile<'a> {
    /// The profile with this `subject_token_type`, a URI of the operator's own.
    ///
    /// ```
    /// use doorward_auth0::ExchangeProfile;
    ///
    /// let profile = ExchangeProfile::new("https://example.com/legacy-token")
    ///     .audience("https://orders.example.com/")
    ///     .scopes(&["read:orders"])
    ///     .organization("org_1");
    /// # drop(profile);
    /// ```
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

    /// Exchanges this token instead of the caller's.
    #[must_use]
    pub fn subject_token(mut self, token: &'a Secret) -> Self {
        self.subject_token = Some(token);
        self
    }

    /// Requests a token for this API.
    #[must_use]
    pub fn audience(mut self, audience: &'a str) -> Self {
        self.audience = Some(audience);
        self
    }

    /// Requests these scopes. All of them must be granted.
    #[must_use]
    pub fn scopes(mut self, scopes: &'a [&'a str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Requests a token of the user as a member of this organization, by id or name.
    #[must_use]
    pub fn organization(mut self, organization: &'a str) -> Self {
        self.organization = Some(organization);
        self
    }

    /// Names who acts for the user, by a token of theirs and its type.
    #[must_use]
    pub fn actor(mut self, token: &'a Secret, token_type: &'a str) -> Self {
        self.actor = Some((token, token_type));
        self
    }
}

#[cfg(test)]
mod tests;
