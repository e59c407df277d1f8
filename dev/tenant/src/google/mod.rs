//! A stand-in for Google Calendar. It knows only the tokens that the Token Vault gave out.

mod error;
mod events;
mod item;
mod occurrence;
mod query;

use axum::Router;
use axum::routing::get;

use crate::state::App;

pub(crate) use error::{Error, error_body};

/// The routes of Google's APIs.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/calendar/v3/calendars/{calendar_id}/events", get(events::list))
}
