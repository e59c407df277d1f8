//! Reads today's events, with a token from Token Vault.

use chrono::{Days, NaiveTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::Tenant;

#[derive(Clone)]
pub(crate) struct Calendar {
    tenant: Tenant,
    client: reqwest::Client,
}

impl Calendar {
    pub(crate) fn new(tenant: Tenant) -> Self {
        Self { tenant, client: reqwest::Client::new() }
    }

    /// Fetches the titles of today's events.
    pub(crate) async fn titles(&self, token: &str) -> Result<Vec<String>, reqwest::Error> {
        let google = self.exchange(token).await?;
        let from = Utc::now().with_time(NaiveTime::MIN).earliest().unwrap_or_default();
        let until = from + Days::new(1);
        let moment =
            |moment: chrono::DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
        let url = format!(
            "{}calendar/v3/calendars/primary/events?timeMin={}&timeMax={}&singleEvents=true&orderBy=startTime",
            self.tenant.issuer,
            moment(from),
            moment(until)
        );
        let answer = self.client.get(url).bearer_auth(google).send().await?.error_for_status()?;
        let events: Value = answer.json().await?;
        let items = events.get("items").and_then(Value::as_array).into_iter().flatten();
        let title = |event: &Value| Some(event.get("summary")?.as_str()?.to_owned());
        Ok(items.filter_map(title).collect())
    }

    async fn exchange(&self, token: &str) -> Result<String, reqwest::Error> {
        let form = [
            ("client_id", self.tenant.client_id.as_str()),
            ("client_secret", &self.tenant.client_secret),
            ("subject_token", token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("connection", "google-oauth2"),
            (
                "grant_type",
                "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
            ),
            (
                "requested_token_type",
                "http://auth0.com/oauth/token-type/federated-connection-access-token",
            ),
        ];
        let url = format!("{}oauth/token", self.tenant.issuer);
        let answer = self.client.post(url).form(&form).send().await?.error_for_status()?;
        let answer: Value = answer.json().await?;
        Ok(answer.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}
