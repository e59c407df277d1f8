//! Signing the person in with the tenant, as a first-party application: authorization code, PKCE, `state` and `nonce`
//! (OpenID Connect Core, section 3.1; RFC 9700).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{
    Connect, Ending, Ticket,
    query::{Query, form},
};
use crate::{
    auth0::{TokenEndpointFault, error_code, redeem_code},
    config::Secret,
    oauth::{self, Refusal},
};

/// To sign in, and to see and add what the user has connected.
const SCOPE: &str = "openid create:me:connected_accounts read:me:connected_accounts";

impl Connect<'_> {
    /// The tenant's sign-in page. `again` asks it not to go by whoever is signed in already.
    pub(super) fn authorization_url(
        &self,
        ticket: &Ticket,
        state: &str,
        nonce: &str,
        verifier: &str,
        again: bool,
    ) -> String {
        let (redirect_uri, audience) = (self.redirect_uri(), self.config.issuer.url("me/"));
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
        format!("{}?{}", self.config.issuer.url("authorize"), form(&query))
    }

    /// Takes the tenant's answer for the token of the person who made the call.
    ///
    /// # Errors
    ///
    /// Why there is none, or that somebody else signed in.
    pub(super) async fn signed_in(
        &self,
        ticket: &Ticket,
        nonce: &str,
        verifier: &str,
        query: &Query<'_>,
    ) -> Result<Secret, Ending> {
        self.check_issuer(query).await?;
        let code = match (query.get("code"), query.get("error")) {
            (Some(code), None) => code,
            (_, Some("access_denied" | "login_required" | "interaction_required")) => {
                return Err(Ending::NotSignedIn);
            }
            (_, Some(error)) => return Err(self.refused("sign-in", error_code(error))),
            (None, None) => return Err(Ending::Mismatch),
        };
        let redirect_uri = self.redirect_uri();
        let tokens =
            redeem_code(self.host, self.config, self.client, code, verifier, &redirect_uri).await;
        let (id_token, access_token) = tokens.map_err(|fault| match fault {
            TokenEndpointFault::Refused(it) if it.code == "invalid_grant" => Ending::Mismatch,
            TokenEndpointFault::Refused(it) => self.refused("sign-in", &it.code),
            fault => self.unavailable("sign-in", &fault.to_string()),
        })?;
        let claims = oauth::verify_id_token(
            self.host,
            self.issuer,
            self.config,
            id_token.expose(),
            &self.client.id,
            nonce,
        );
        let claims = claims.await.map_err(|fault| match fault {
            oauth::IdTokenFault::Refused(Refusal::IssuerUnavailable) => Ending::Unavailable,
            fault => {
                self.host.log(&format!("connect: the ID token is refused: {fault}"));
                Ending::Mismatch
            }
        })?;
        let text = |name: &str| claims.members.get(name).and_then(serde_json::Value::as_str);
        let subject = text("sub").ok_or(Ending::Mismatch)?;
        let is_in = |organization: &String| text("org_id") == Some(organization);
        if subject != ticket.subject || !ticket.organization.as_ref().is_none_or(is_in) {
            return Err(Ending::OtherUser);
        }
        Ok(access_token)
    }

    /// RFC 9207: an answer of another issuer is not for us, and where ours says who it is, it has to.
    async fn check_issuer(&self, query: &Query<'_>) -> Result<(), Ending> {
        let issuer = &self.config.issuer;
        let documents = self.issuer.documents(self.host, &self.config.tenant).await;
        let documents = documents.map_err(|_| Ending::Unavailable)?;
        let says_who = documents.metadata().get("authorization_response_iss_parameter_supported");
        match query.get("iss") {
            Some(iss) if iss == issuer.as_str() => Ok(()),
            None if says_who.and_then(serde_json::Value::as_bool) != Some(true) => Ok(()),
            _ => Err(Ending::Mismatch),
        }
    }

    /// What the operator can mend is logged.
    pub(super) fn refused(&self, what: &str, problem: &str) -> Ending {
        self.host.log(&format!("connect: {what}: refused with `{problem}`"));
        Ending::Refused
    }

    pub(super) fn unavailable(&self, what: &str, problem: &str) -> Ending {
        self.host.log(&format!("connect: {what}: {problem}"));
        Ending::Unavailable
    }
}

/// `code_challenge` with the method `S256` (RFC 7636, section 4.2).
pub(super) fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}
