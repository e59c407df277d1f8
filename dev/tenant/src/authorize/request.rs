//! Validates authorization requests.

use super::redirect_uri;
use crate::oauth::Params;
use crate::seed::{Client, ClientAuth, Connection, Seed, SubjectType};
use crate::state::{Pending, ResponseMode, Store};
use crate::token::grant;

/// An invalid request.
pub(super) enum Refusal {
    /// The redirect URI cannot be trusted, so the error is shown on a page.
    Page(String),
    /// The error is sent to the client's redirect URI.
    Redirect {
        error: &'static str,
        description: String,
        redirect_uri: String,
        state: Option<String>,
        mode: ResponseMode,
    },
}

/// Validates a request.
pub(super) fn check(store: &Store, query: &[u8], browser: &str) -> Result<Pending, Refusal> {
    let page = |text: &str| Refusal::Page(text.to_owned());
    let params = Params::urlencoded(query).map_err(|error| Refusal::Page(error.description))?;
    let params = params.without_aliases(&store.directory);
    let client_id =
        params.get("client_id").ok_or_else(|| page("Missing required parameter: client_id"))?;
    let client = store
        .directory
        .client(client_id)
        .ok_or_else(|| Refusal::Page(format!("Unknown client: {client_id}")))?;
    let uri = params
        .get("redirect_uri")
        .ok_or_else(|| page("Missing required parameter: redirect_uri"))?;
    if !redirect_uri::is_registered(client, uri) {
        return Err(Refusal::Page(format!(
            "Callback URL mismatch. {uri} is not in the list of allowed callback URLs of {}.",
            client.name
        )));
    }
    let response_mode = match params.get("response_mode") {
        Some("fragment") => ResponseMode::Fragment,
        _ => ResponseMode::Query,
    };
    let pending = Pending {
        client_id: client.client_id.clone(),
        redirect_uri: uri.to_owned(),
        state: params.owned("state"),
        response_mode,
        scopes: params.words("scope"),
        audience: params
            .owned("audience")
            .or_else(|| {
                let profile = &store.settings().resource_parameter_profile;
                params.owned("resource").filter(|_| profile == "compatibility")
            })
            .or_else(|| store.settings().default_audience.clone()),
        code_challenge: params.owned("code_challenge"),
        nonce: params.owned("nonce"),
        prompt: params.words("prompt"),
        max_age: params.get("max_age").and_then(|text| text.parse().ok()),
        login_hint: params.owned("login_hint"),
        organization: params.owned("organization"),
        browser: browser.to_owned(),
        made_at: crate::now(),
        signed_in: false,
        consented: false,
    };
    match problem(&store.directory, client, &pending, &params) {
        Some((error, description)) => Err(Refusal::Redirect {
            error,
            description,
            redirect_uri: pending.redirect_uri,
            state: pending.state,
            mode: response_mode,
        }),
        None => Ok(pending),
    }
}

/// Finds an error that can be sent to the client.
fn problem(
    directory: &Seed,
    client: &Client,
    pending: &Pending,
    params: &Params,
) -> Option<(&'static str, String)> {
    let wrong = |error: &'static str, text: &str| Some((error, text.to_owned()));
    if params.get("request").is_some() || params.get("request_uri").is_some() {
        return wrong("request_not_supported", "Request objects are not supported.");
    }
    match params.get("response_type") {
        Some("code") => {}
        None => return wrong("invalid_request", "Missing required parameter: response_type"),
        Some(other) => {
            return Some((
                "unsupported_response_type",
                format!("Unsupported response type: {other}"),
            ));
        }
    }
    if !matches!(params.get("response_mode"), None | Some("query" | "fragment")) {
        return wrong("invalid_request", "Unsupported response_mode");
    }
    if !client.allows(grant::CODE) {
        return wrong(
            "unauthorized_client",
            "Grant type 'authorization_code' not allowed for the client.",
        );
    }
    let may_sign_in = |connection: &Connection| {
        connection.authentication && (client.is_first_party || connection.is_domain_connection)
    };
    if !directory.connections.is_empty() && !directory.connections.iter().any(may_sign_in) {
        return wrong("invalid_request", "no connections enabled for the client");
    }
    if pending.prompt.len() > 1 && pending.prompt.iter().any(|one| one == "none") {
        return wrong("invalid_request", "prompt=none cannot be combined with other values");
    }
    pkce_problem(client, pending, params).or_else(|| audience_problem(directory, client, pending))
}

fn pkce_problem(
    client: &Client,
    pending: &Pending,
    params: &Params,
) -> Option<(&'static str, String)> {
    let wrong = |text: &str| Some(("invalid_request", text.to_owned()));
    let mandatory = client.token_endpoint_auth_method == ClientAuth::None || !client.is_first_party;
    match &pending.code_challenge {
        None if mandatory => wrong("Missing required parameter: code_challenge"),
        None => None,
        // Without a method the default would be `plain` (RFC 7636 §4.3).
        Some(_) if params.get("code_challenge_method") != Some("S256") => {
            wrong("Only code_challenge_method=S256 is supported")
        }
        Some(challenge) if challenge.len() != 43 => {
            wrong("code_challenge is not an S256 challenge")
        }
        Some(_) => None,
    }
}

fn audience_problem(
    directory: &Seed,
    client: &Client,
    pending: &Pending,
) -> Option<(&'static str, String)> {
    let audience = pending.audience.as_deref()?;
    let Some(api) = directory.api(audience).filter(|api| api.identifier == audience) else {
        return Some(("access_denied", format!("Service not found: {audience}")));
    };
    let barred = (!client.is_first_party && api.is_system) || api.user_access == "deny_all";
    let needs_grant = !client.is_first_party || api.user_access == "require_client_grant";
    if barred || (needs_grant && directory.grant(client, audience, SubjectType::User).is_none()) {
        return Some((
            "access_denied",
            format!(
                "Client \"{}\" is not authorized to access resource server \"{audience}\".",
                client.client_id
            ),
        ));
    }
    None
}
