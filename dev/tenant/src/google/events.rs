//! `events.list`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::query::{Query, page_token};
use super::{Error, item, occurrence, provider_token};
use crate::json::put;
use crate::seed::{Calendar, EventStatus, zone};
use crate::state::App;

const SCOPES: [&str; 4] = [
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.events.readonly",
];

/// `GET /calendar/v3/calendars/{calendarId}/events`.
pub(super) async fn list(
    State(app): State<App>,
    Path(calendar_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let email = provider_token(&app, &headers, &SCOPES)?;
    let query = Query::read(uri.query().unwrap_or_default())?;
    let id = if calendar_id == "primary" { email } else { calendar_id };
    let store = app.store();
    let calendar = store
        .directory
        .calendars
        .iter()
        .find(|calendar| calendar.owner == id)
        .ok_or_else(|| Error::new(404, "notFound"))?;
    Ok(Json(query.fields.select(page(calendar, &query, Timestamp::now()))))
}

fn page(calendar: &Calendar, query: &Query, now: Timestamp) -> Value {
    let mut all = occurrence::occurrences(calendar, now, query.time_min, query.time_max);
    all.retain(|one| query.show_deleted || one.event.status != EventStatus::Cancelled);
    if !query.single_events {
        // Without `singleEvents`, a recurring event is listed once.
        all.dedup_by_key(|one| one.event.id.clone());
    }
    if query.by_start {
        all.sort_by_key(|one| one.start);
    }
    let zone = match &query.time_zone {
        Some(zone) => zone.clone(),
        None => zone(&calendar.time_zone).unwrap_or(TimeZone::UTC),
    };
    let size = query.max_results.min(calendar.page_size.unwrap_or(usize::MAX)).max(1);
    let items: Vec<Value> = all
        .iter()
        .skip(query.offset)
        .take(size)
        .map(|one| item::item(calendar, one, &zone, query))
        .collect();
    let end = query.offset.saturating_add(items.len());
    let mut page = json!({
        "kind": "calendar#events",
        "etag": format!("\"{}\"", crate::random::hex(8)),
        "summary": calendar.owner,
        "description": "",
        "updated": now.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "timeZone": calendar.time_zone,
        "accessRole": "owner",
        "defaultReminders": [{"method": "popup", "minutes": 10}],
        "items": items,
    });
    if end < all.len() {
        put(&mut page, "nextPageToken", json!(page_token(end)));
    } else {
        put(&mut page, "nextSyncToken", json!(crate::random::token(12)));
    }
    page
}
