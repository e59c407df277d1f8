//! What the operator lets a server have: what is attached to requests, and what it is told of the
//! caller.

use doorward_mcp::CallError;
use doorward_oauth::Caller;
use doorward_upstream::{Attach, Fault, Upstream, UpstreamError};
use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

use crate::context::Context;

/// What is attached to a request, for this caller. It is never the caller's own token.
pub(super) async fn attached(
    context: Option<&Context>,
    upstream: &Upstream,
) -> Result<Option<(HeaderName, HeaderValue)>, CallError> {
    let token = match (&upstream.attach, context) {
        (Attach::Nothing, _) => return Ok(None),
        (Attach::Header(name, value), _) => return Ok(Some((name.clone(), value.clone()))),
        (Attach::OnBehalfOf(audience, scopes), Some(context)) => {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let token = context.auth0().on_behalf_of(audience, &scopes).await;
            token.map_err(|error| CallError::new(error.message(&upstream.name)))?
        }
        (Attach::Connection(name), Some(context)) => {
            context.connection(name).token(false).await?.token
        }
        (Attach::OnBehalfOf(..) | Attach::Connection(_), None) => {
            return Err(CallError::new(Fault::from(UpstreamError::TokenMissing).message()));
        }
    };
    let value = HeaderValue::try_from(["Bearer ", token.access_token.expose()].concat());
    let mut value =
        value.map_err(|_| CallError::new(Fault::from(UpstreamError::TokenMissing).message()))?;
    value.set_sensitive(true);
    Ok(Some((header::AUTHORIZATION, value)))
}

/// What the operator lets a server know of the caller.
pub(super) fn caller_view(caller: &Caller, members: &[String]) -> Value {
    let mut view = Map::new();
    for member in members {
        let value = match member.as_str() {
            "subject" => caller.subject().into(),
            "scopes" => Value::from_iter(caller.granted_scopes()),
            "organization" => match caller.organization_id() {
                Some(id) => id.into(),
                None => continue,
            },
            claim => match caller.text_claim(claim) {
                Some(text) => text.into(),
                None => continue,
            },
        };
        view.insert(member.clone(), value);
    }
    view.into()
}
