//! Signing the person in with the tenant, as a first-party application: authorization code, PKCE,
//! `state` and `nonce` (OpenID Connect Core, section 3.1; RFC 9700).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::Secret;
use doorward_oauth::{AuthenticationError, IdTokenError, IssuerQuery};
use sha2::{Digest, Sha256};

use super::{
    Connect, ConnectOutcome, Ticket,
    query::{Query, form},
};
use crate::{
    TokenEndpointError,
    token_endpoint::{error_code, redeem_code},
};

/// To sign in, and to see and add what the user has connected.
const SCOPE: &str = "openid create:me:connected_accounts read:me:connected_accounts";

impl Connect<'_> {
    /// The tenant's sign-in page. `again` makes it ask who is signing in.
    pub(super) fn authorization_url(
        &self,
        ticket: &Ticket,
        state: &str,
        nonce: &str,
        verifier: &str,
        again: bool,
    ) -> String {
        let (redirect_uri, audience) = (self.redirect_uri(), self.tenant.issuer().url("me/"));
        let challenge = challenge(verifier);
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.client.id),
            ("redirect_uri", &redirect_uri),
            ("scope", SCOPE),
            ("audience", &audience),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        query.extend(ticket.organization.as_deref().map(|id| ("organization", id)));
        query.extend(again.then_some(("prompt", "login")));
        format!("{}?{}", self.tenant.issuer().url("authorize"), form(&query))
    }

    /// Redeems the tenant's response for a token of the person who made the call.
    ///
    /// # Errors
    ///
    /// Returns why there is no token, or that another user signed in.
    pub(super) async fn signed_in(
        &self,
        ticket: &Ticket,
        nonce: &str,
        verifier: &str,
        query: &Query<'_>,
    ) -> Result<Secret, ConnectOutcome> {
        self.check_issuer(query).await?;
        let code = match (query.get("code"), query.get("error")) {
            (Some(code), None) => code,
            (_, Some("access_denied" | "login_required" | "interaction_required")) => {
                return Err(ConnectOutcome::NotSignedIn);
            }
            (_, Some(error)) => return Err(self.refused("sign-in", error_code(error))),
            (None, None) => return Err(ConnectOutcome::Mismatch),
        };
        let redirect_uri = self.redirect_uri();
        let (outbound, issuer) = (self.tenant.outbound(), self.tenant.issuer());
        let tokens =
            redeem_code(outbound, issuer, self.client, code, verifier, &redirect_uri).await;
        let (id_token, access_token) = tokens.map_err(|error| match error {
            TokenEndpointError::Refused(it) if it.code == "invalid_grant" => {
                ConnectOutcome::Mismatch
            }
            TokenEndpointError::Refused(it) => self.refused("sign-in", &it.code),
            error => self.unavailable("sign-in", &error.to_string()),
        })?;
        let server = self.tenant.resource_server;
        let claims = server.verify_id_token(id_token.expose(), &self.client.id, nonce).await;
        let claims = claims.map_err(|error| match error {
            IdTokenError::Refused(AuthenticationError::IssuerUnavailable) => {
                ConnectOutcome::Unavailable
            }
            error => {
                self.host().log(&format!("connect: the ID token is refused: {error}"));
                ConnectOutcome::Mismatch
            }
        })?;
        let text = |name: &str| claims.members.get(name).and_then(serde_json::Value::as_str);
        let subject = text("sub").ok_or(ConnectOutcome::Mismatch)?;
        let is_in = |organization: &String| text("org_id") == Some(organization);
        if subject != ticket.subject || !ticket.organization.as_ref().is_none_or(is_in) {
            return Err(ConnectOutcome::OtherUser);
        }
        Ok(access_token)
    }

    /// Refuses a response of another issuer. If the tenant's metadata says that responses have
    /// `iss`, one without it is refused too (RFC 9207).
    async fn check_issuer(&self, query: &Query<'_>) -> Result<(), ConnectOutcome> {
        let (server, issuer) = (self.tenant.resource_server, self.tenant.issuer());
        let (main, documents) = (&server.settings.main_issuer, IssuerQuery::Documents);
        let issuers = &server.memory.issuers;
        let answer = issuers.get(server.outbound, &server.store, main, documents).await;
        let answer = answer.map_err(|_| ConnectOutcome::Unavailable)?;
        let metadata = answer.metadata().ok_or(ConnectOutcome::Unavailable)?;
        let says_who = metadata.get("authorization_response_iss_parameter_supported");
        match query.get("iss") {
            Some(iss) if iss == issuer.as_str() => Ok(()),
            None if says_who.and_then(serde_json::Value::as_bool) != Some(true) => Ok(()),
            _ => Err(ConnectOutcome::Mismatch),
        }
    }

    /// Logs what only the operator can fix.
    pub(super) fn refused(&self, what: &str, problem: &str) -> ConnectOutcome {
        self.host().log(&format!("connect: {what}: refused with `{problem}`"));
        ConnectOutcome::Refused
    }

    pub(super) fn unavailable(&self, what: &str, problem: &str) -> ConnectOutcome {
        self.host().log(&format!("connect: {what}: {problem}"));
        ConnectOutcome::Unavailable
    }
}

/// `code_challenge` with the method `S256` (RFC 7636, section 4.2).
pub(super) fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}
