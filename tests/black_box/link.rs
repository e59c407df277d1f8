//! Makes links to the connect page as the server does, for tests that need an expired one or one
//! for a certain user.

use doorward_core::{
    Secret,
    host::Random,
    keys::{Keys, Purpose},
};
use rand::Rng;
use url::form_urlencoded;

use crate::world::World;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The content of a link.
pub(crate) struct Link<'a> {
    pub(crate) subject: &'a str,
    pub(crate) connection: &'a str,
    pub(crate) scopes: &'a [&'a str],
    /// The age of the link, in seconds.
    pub(crate) age: i64,
}

pub(crate) struct Os;

impl Default for Link<'_> {
    fn default() -> Self {
        Self {
            subject: "auth0|unconnected",
            connection: "google-oauth2",
            scopes: &["https://www.googleapis.com/auth/calendar.readonly"],
            age: 0,
        }
    }
}

/// The keys that the server derives from its secret.
pub(crate) fn keys(world: &World) -> Keys {
    let clients = &world.tenant().seed().clients;
    let client = clients.iter().find(|client| client.client_id == "doorward");
    let secret = client.and_then(|client| client.client_secret.clone());
    Keys::from(&Secret::from(secret.expect("the seed has the server's application")))
}

/// Makes a link for the server and the tenant of `world`.
pub(crate) fn link(world: &World, link: &Link<'_>) -> String {
    let expires_at = chrono::Utc::now().timestamp() + 600 - link.age;
    let plain = form_urlencoded::Serializer::new(String::new())
        .append_pair("subject", link.subject)
        .append_pair("connection", link.connection)
        .append_pair("scopes", &link.scopes.join(" "))
        .append_pair("expires_at", &expires_at.to_string())
        .finish();
    let context = format!("{} {} {}", world.mcp_url(), world.tenant().issuer(), link.connection);
    let sealer = keys(world).sealer(Purpose::ConnectTicket);
    let ticket = sealer.seal(&Os, context.as_bytes(), plain.as_bytes());
    let ticket = BASE64_URL_SAFE_NO_PAD.encode(ticket);
    world.url(&format!("/connect/{}?ticket={ticket}", link.connection))
}

impl Random for Os {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}
