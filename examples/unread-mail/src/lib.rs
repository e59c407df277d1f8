//! A server with one tool, which reads from a third party on behalf of its user.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What the user is asked for when connecting the account. Any wider scope suffices.
const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/gmail.labels"];

#[derive(Serialize, JsonSchema)]
struct Unread {
    /// How many messages in the inbox are unread.
    messages: u64,
}

async fn unread_mail(context: &Context, _: NoArguments) -> Result<ToolOutput<Unread>, CallError> {
    let gmail = context.connection("google-oauth2").scopes(&SCOPES);
    // `?` tells the person what is missing and where to connect it.
    let answer = gmail.get("/gmail/v1/users/me/labels/INBOX").await?;
    let label = parse_json(answer.body()).unwrap_or_default();
    let reason = label.pointer("/error/errors/0/reason").and_then(Value::as_str);
    if reason == Some("insufficientPermissions") {
        return Err(gmail.lacks_scope().await.into());
    }
    let unread = label.get("messagesUnread").and_then(Value::as_u64);
    let messages = unread
        .filter(|_| answer.status().is_success())
        .ok_or_else(|| CallError::new("Gmail cannot answer just now. Try again later."))?;
    let text = format!("There are {messages} unread messages in the inbox.");
    Ok(ToolOutput { text, structured: Unread { messages } })
}

/// The server.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo { name: "unread-mail", title: "Unread mail", version: "0.1.0" };
    let tool = Tool::new("unread_mail", unread_mail)
        .title("Unread mail")
        .description("Returns how many messages in the user's Gmail inbox are unread")
        .private();
    Server::new(info, Registry::new().with(tool))
}

doorward_spin::component!(server());
