//! Cuts off a user's access, as an operator does.

use super::{http::send, report::Mismatch};
use reqwest::Client;
use serde_json::json;
use std::collections::BTreeMap;

/// The secret of a server that is started for this flow only.
const SECRET: &str = "local-only-secret-for-revocations";

/// The endpoint of a server that was started with [`Revocation::variables`].
pub(super) struct Revocation {
    url: String,
}

impl Revocation {
    /// The variables that enable the endpoint.
    pub(super) fn variables() -> BTreeMap<String, Option<String>> {
        BTreeMap::from([("revocation_secret".to_owned(), Some(SECRET.to_owned()))])
    }

    /// The endpoint of the server at a URL without a path.
    pub(super) fn at(server_url: &str) -> Self {
        Self { url: format!("{server_url}/revoke") }
    }

    /// Cuts off every access of a user.
    pub(super) async fn cut_off(&self, client: &Client, user_id: &str) -> Result<String, Mismatch> {
        let body = json!({ "cut_off": { "subject": user_id } });
        let response = send(client.post(&self.url).bearer_auth(SECRET).json(&body)).await?;
        match response.json(200)?["cut_off"].as_u64() {
            Some(1) => Ok(format!("every token of {user_id} that was issued until now")),
            _ => Err(Mismatch::new("one cut-off", response.describe())),
        }
    }
}
