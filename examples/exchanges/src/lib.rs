//! Tools that reach another API of the tenant for their caller.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API, the scopes that are needed there, and the operator's token exchange profile.
const AUDIENCE: &str = "https://downstream.example/";
const SCOPES: [&str; 1] = ["read:orders"];
const PROFILE: &str = "urn:doorward:mcp-token";

/// The largest export that is counted, in bytes.
const MAX_EXPORT_BYTES: usize = 16 * 1024 * 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadOrdersForOrganization {
    /// The organization, by id or name.
    organization: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Orders {
    orders: Vec<Order>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Order {
    /// What was ordered.
    item: String,
    /// How many of it.
    quantity: u32,
}

#[derive(Serialize, JsonSchema)]
struct Count {
    /// How many orders there are.
    orders: usize,
}

/// Reads a list on behalf of the caller.
async fn read_orders(context: &Context, _: NoArguments) -> Result<ToolOutput<Orders>, CallError> {
    let token = context.auth0().on_behalf_of(AUDIENCE, &SCOPES).await;
    let url = context.variable("orders_url").await?;
    let response = api(context, &url, token)?.get("/v1/orders").await?;
    check(response.status().as_u16())?;
    let mut read: Orders = serde_json::from_slice(response.body())
        .map_err(|_| CallError::new("The orders could not be read."))?;
    // The API's texts are somebody else's: no more of them than one line each.
    for order in &mut read.orders {
        order.item = one_line(&order.item, 100).unwrap_or_default();
    }
    let lines = read.orders.iter().map(|it| format!("{} × {}", it.quantity, it.item));
    Ok(ToolOutput { text: lines.collect::<Vec<_>>().join("\n"), structured: read })
}

/// Counts the rows of an export that may be larger than memory, by a profile of the operator.
async fn read_orders_for_organization(
    context: &Context,
    arguments: ReadOrdersForOrganization,
) -> Result<ToolOutput<Count>, CallError> {
    let auth0 = context.auth0();
    let actor = auth0.on_behalf_of(AUDIENCE, &SCOPES).await.map_err(error)?.access_token;
    let profile = ExchangeProfile::new(PROFILE)
        .audience(AUDIENCE)
        .scopes(&SCOPES)
        .organization(&arguments.organization)
        .actor(&actor, "urn:ietf:params:oauth:token-type:access_token");
    let token = auth0.exchange(&profile).await;
    let url = context.variable("orders_url").await?;
    let mut orders = 0;
    let mut count = |piece: &[u8]| orders += piece.iter().filter(|byte| **byte == b'\n').count();
    let api = api(context, &url, token)?;
    let response = api.get_in_pieces("/v1/orders.csv", MAX_EXPORT_BYTES, &mut count).await?;
    check(response.status().as_u16())?;
    let text = format!("The organization has {orders} orders.");
    Ok(ToolOutput { text, structured: Count { orders } })
}

/// The API with its token.
fn api<'a>(
    context: &'a Context,
    url: &'a str,
    token: Result<IssuedToken, ExchangeError>,
) -> Result<Connection<'a>, CallError> {
    Ok(context.api("The orders", url, token.map_err(error)?))
}

fn check(status: u16) -> Result<(), CallError> {
    match status {
        200 => Ok(()),
        status => Err(CallError::new(format!("The orders could not be read: {status}"))),
    }
}

fn error(error: ExchangeError) -> CallError {
    CallError::new(error.message("The orders"))
}

/// The server.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo { name: "exchanges", title: "Exchanges", version: "0.1.0" };
    let one = Tool::new("read_orders", read_orders)
        .title("My orders")
        .description("Reads the user's orders")
        .private();
    let other = Tool::new("read_orders_for_organization", read_orders_for_organization)
        .title("The orders of an organization")
        .description("Counts the orders that the user may see as a member of an organization")
        .private();
    let registry = Registry::new().with(one).with(other);
    Server::new(info, registry)
}

doorward_spin::component!(server());
