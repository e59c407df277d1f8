//! The credential that is attached to the requests to a server.

use doorward_auth0::Freshness;
use doorward_mcp::CallError;
use doorward_upstream::{Credential, Fault, Upstream, UpstreamError};
use http::{HeaderName, HeaderValue, header};

use crate::context::Context;

/// The header that authenticates requests to a server, for this caller. It never has the caller's
/// own token.
pub(super) async fn credential_header(
    context: Option<&Context>,
    upstream: &Upstream,
) -> Result<Option<(HeaderName, HeaderValue)>, CallError> {
    let missing = || CallError::new(Fault::from(UpstreamError::TokenMissing).caller_text());
    let token = match (&upstream.credential, context) {
        (Credential::None, _) => return Ok(None),
        (Credential::Header { name, value }, _) => return Ok(Some((name.clone(), value.clone()))),
        (Credential::OnBehalfOf { audience, scopes }, Some(context)) => {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let token = context.auth0().on_behalf_of(audience, &scopes).await;
            token.map_err(|error| CallError::new(error.message(&upstream.name)))?
        }
        (Credential::Connection { name }, Some(context)) => {
            context.connection(name).token(Freshness::Cached).await?.token
        }
        (Credential::OnBehalfOf { .. } | Credential::Connection { .. }, None) => {
            return Err(missing());
        }
    };
    let value = HeaderValue::try_from(["Bearer ", token.access_token.expose()].concat());
    let mut value = value.map_err(|_| missing())?;
    value.set_sensitive(true);
    Ok(Some((header::AUTHORIZATION, value)))
}
