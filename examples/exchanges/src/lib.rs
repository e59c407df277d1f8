//! Tools that reach another API of the tenant for their caller.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API, the scopes that are needed there, and the operator's token exchange profile.
const AUDIENCE: &str = "https://downstream.example/";
const SCOPES: [&str; 1] = ["read:orders"];
const PROFILE: &str = "urn:doorward:mcp-token";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadOrdersForOrganization {
    /// The organization, by id or name.
    organization: String,
}

#[derive(Serialize, JsonSchema)]
struct Allowed {
    /// The scopes of the token for the API.
    scopes: Vec<String>,
    /// When it expires, in seconds since the Unix epoch.
    expires_at: u64,
}

async fn read_orders(context: &Context, _: NoArguments) -> Result<ToolOutput<Allowed>, CallError> {
    report(context.auth0().on_behalf_of(AUDIENCE, &SCOPES).await)
}

async fn read_orders_for_organization(
    context: &Context,
    arguments: ReadOrdersForOrganization,
) -> Result<ToolOutput<Allowed>, CallError> {
    let auth0 = context.auth0();
    let actor = match auth0.on_behalf_of(AUDIENCE, &SCOPES).await {
        Ok(token) => token.access_token,
        refused => return report(refused),
    };
    let profile = ExchangeProfile::new(PROFILE)
        .audience(AUDIENCE)
        .scopes(&SCOPES)
        .organization(&arguments.organization)
        .actor(&actor, "urn:ietf:params:oauth:token-type:access_token");
    report(auth0.exchange(&profile).await)
}

/// A real tool would call the API here, with the token.
fn report(token: Result<IssuedToken, ExchangeError>) -> Result<ToolOutput<Allowed>, CallError> {
    let token = token.map_err(|error| CallError::new(error.message("The orders")))?;
    let scopes = token.scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec());
    let text = format!("The token for the orders is good for {}.", scopes.join(", "));
    Ok(ToolOutput { text, structured: Allowed { scopes, expires_at: token.expires_at } })
}

/// The server.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo { name: "exchanges", title: "Exchanges", version: "0.1.0" };
    let one = Tool::new("read_orders", read_orders)
        .title("My orders")
        .description("Reads the user's orders");
    let other = Tool::new("read_orders_for_organization", read_orders_for_organization)
        .title("My orders for an organization")
        .description("Reads the orders that the user may see as a member of an organization");
    let registry = Registry::new().with(one).with(other);
    Server::new(info, registry)
}

doorward_spin::component!(server());
