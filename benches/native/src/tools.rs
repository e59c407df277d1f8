//! The four tools.

use chrono::{SecondsFormat, Utc};
use http::request::Parts;
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{common::Extension, wrapper::Parameters},
    model::{CallToolResult, ContentBlock, ServerCapabilities, ServerConfig},
    schemars, tool, tool_handler, tool_router,
};
use serde_json::json;

use crate::{Tenant, calendar::Calendar, token::Caller};

#[derive(Clone)]
pub(crate) struct Tools {
    calendar: Calendar,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greet {
    /// The name of the person to greet (optional)
    name: Option<String>,
}

impl Tools {
    pub(crate) fn new(tenant: Tenant) -> Self {
        Self { calendar: Calendar::new(tenant) }
    }
}

#[tool_router]
impl Tools {
    #[tool(description = "Returns information about the authenticated user")]
    async fn whoami(&self, parts: Extension<Parts>) -> Result<CallToolResult, ErrorData> {
        let caller = may_use(&parts, "tool:whoami")?;
        let Caller { sub, name, email, .. } = caller;
        let scopes: Vec<&str> = caller.scopes().collect();
        let user = json!({ "sub": sub, "name": name, "email": email });
        Ok(text(json!({ "user": user, "scopes": scopes }).to_string()))
    }

    #[tool(description = "Greet a user with personalized authentication information from Auth0")]
    async fn greet(
        &self,
        parts: Extension<Parts>,
        Parameters(greet): Parameters<Greet>,
    ) -> Result<CallToolResult, ErrorData> {
        let caller = may_use(&parts, "tool:greet")?;
        let name = caller.name.as_deref().or(greet.name.as_deref()).unwrap_or("there");
        Ok(text(format!(
            "Hello, {name}!\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward."
        )))
    }

    #[tool(description = "Returns the current UTC date and time")]
    async fn get_datetime(&self) -> Result<CallToolResult, ErrorData> {
        Ok(text(Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)))
    }

    #[tool(description = "Returns a summary of the user's Google Calendar events")]
    async fn calendar_summary(&self, parts: Extension<Parts>) -> Result<CallToolResult, ErrorData> {
        let caller = may_use(&parts, "tool:calendar_summary")?;
        match self.calendar.titles(&caller.token).await {
            Ok(titles) => Ok(text(titles.join("\n"))),
            Err(_) => Err(ErrorData::internal_error("The calendar cannot be read", None)),
        }
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

fn may_use<'a>(parts: &'a Extension<Parts>, scope: &str) -> Result<&'a Caller, ErrorData> {
    let caller = parts.0.extensions.get::<Caller>().filter(|caller| caller.has(scope));
    caller.ok_or_else(|| ErrorData::invalid_request("insufficient_scope", None))
}

fn text(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}
