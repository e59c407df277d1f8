//! Opaque tokens, of which an issuer says what they are (RFC 7662).

use std::rc::Rc;

use doorward_core::Secret;
use http::HeaderMap;

use super::checked_caller;
use crate::{
    AuthenticationError, Caller, Claims, Expected, IntrospectionEndpoint, IssuerAnswer,
    IssuerQuery, ResourceServer, TokenError, TrustedIssuer, failures::Failures, jwt::TokenTyp,
};

/// Verifies an opaque token. One that is refused counts like one with a wrong signature: each costs
/// the issuer a request.
pub(super) async fn verify(
    server: &ResourceServer<'_>,
    headers: &HeaderMap,
    token: &Secret,
    issuer: &Rc<TrustedIssuer>,
    endpoint: &IntrospectionEndpoint,
) -> Result<(Caller, Rc<IssuerAnswer>), AuthenticationError> {
    let failures = Failures::of_tokens(server, headers, issuer.issuer.as_str());
    let query = IssuerQuery::Introspection { endpoint, token, keys: server.keys };
    let (issuers, host) = (&server.memory.issuers, server.outbound.host);
    let answer = match failures.check(&server.store).await {
        Ok(()) => {
            let answer = issuers.get(server.outbound, &server.store, issuer, query).await;
            if answer.is_err() {
                // It cost the issuer a request, too.
                failures.count(&server.store).await;
            }
            answer.map_err(|_| AuthenticationError::IntrospectionUnavailable)?
        }
        // The issuer is not asked any more, but its answer may be known.
        Err(refusal) => {
            let known = issuers.known(server.outbound, &server.store, issuer, query).await;
            known.ok_or(refusal)?
        }
    };
    let expected = Expected { issuer, leeway: server.settings.leeway, now: host.now() };
    let response = answer.introspection().ok_or(TokenError::NotActive);
    let claims = response.and_then(|response| Claims::introspected(response, &expected));
    let typ = TokenTyp::Opaque;
    let caller = claims.and_then(|claims| checked_caller(claims, token, issuer, typ));
    if caller.is_err() {
        failures.count(&server.store).await;
    }
    Ok((caller?, answer))
}

#[cfg(test)]
mod tests;
