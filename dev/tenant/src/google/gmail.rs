//! Gmail: `users.labels.get`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Error, provider_token};
use crate::state::App;

const SCOPES: [&str; 5] = [
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/gmail.labels",
    "https://www.googleapis.com/auth/gmail.metadata",
    "https://www.googleapis.com/auth/gmail.modify",
    "https://www.googleapis.com/auth/gmail.readonly",
];

/// `GET /gmail/v1/users/{userId}/labels/{id}`. Every mailbox has one label, whose counts are
/// derived from the email address.
pub(super) async fn label(
    State(app): State<App>,
    Path((user_id, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let email = provider_token(&app, &headers, &SCOPES)?;
    if (user_id != "me" && user_id != email) || id != "INBOX" {
        return Err(Error::new(404, "notFound"));
    }
    let total = email.len();
    let unread = total % 10;
    Ok(Json(json!({
        "id": "INBOX",
        "name": "INBOX",
        "messageListVisibility": "hide",
        "labelListVisibility": "labelShow",
        "type": "system",
        "messagesTotal": total,
        "messagesUnread": unread,
        "threadsTotal": total,
        "threadsUnread": unread,
    })))
}
