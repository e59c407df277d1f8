//! The parameters of `events.list`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Error;
use super::fields::Fields;
use crate::oauth::Params;
use crate::seed::zone;

/// The parameters of a request.
pub(super) struct Query {
    pub(super) time_min: Option<Timestamp>,
    pub(super) time_max: Option<Timestamp>,
    pub(super) time_zone: Option<TimeZone>,
    pub(super) single_events: bool,
    pub(super) by_start: bool,
    pub(super) show_deleted: bool,
    pub(super) max_results: usize,
    /// Events with more attendees list only the owner.
    pub(super) max_attendees: usize,
    /// The requested fields of the response.
    pub(super) fields: Fields,
    /// How many events the earlier pages held.
    pub(super) offset: usize,
}

impl Query {
    pub(super) fn read(query: &str) -> Result<Self, Error> {
        let params = Params::urlencoded(query.as_bytes()).map_err(|_| Error::bad_request())?;
        let time = |name: &str| params.get(name).map(timestamp).transpose();
        let flag = |name: &str| match params.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::bad_request()),
        };
        let number = |name: &str| {
            params
                .get(name)
                .map(|text| text.parse::<usize>().map_err(|_| Error::bad_request()))
                .transpose()
        };
        let (time_min, time_max) = (time("timeMin")?, time("timeMax")?);
        if matches!((time_min, time_max), (Some(min), Some(max)) if min >= max) {
            return Err(Error::new(400, "timeRangeEmpty"));
        }
        let single_events = flag("singleEvents")?;
        let by_start = match params.get("orderBy") {
            None | Some("updated") => false,
            // A recurring event has no single start, so this order requires `singleEvents`.
            Some("startTime") if single_events => true,
            Some(_) => return Err(Error::bad_request()),
        };
        let max_results = number("maxResults")?.unwrap_or(250);
        if max_results == 0 {
            return Err(Error::bad_request());
        }
        Ok(Self {
            time_min,
            time_max,
            time_zone: params
                .get("timeZone")
                .map(zone)
                .transpose()
                .map_err(|_| Error::bad_request())?,
            single_events,
            by_start,
            show_deleted: flag("showDeleted")?,
            max_results: max_results.min(2500),
            max_attendees: number("maxAttendees")?.unwrap_or(usize::MAX),
            fields: params.get("fields").map(Fields::read).transpose()?.unwrap_or_default(),
            offset: params.get("pageToken").map(read_page_token).transpose()?.unwrap_or(0),
        })
    }
}

/// Encodes the token of the page that starts after `offset` events.
pub(super) fn page_token(offset: usize) -> String {
    crate::jose::b64(format!("events:{offset}").as_bytes())
}

fn read_page_token(token: &str) -> Result<usize, Error> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix("events:")?.parse().ok())
        .ok_or_else(Error::bad_request)
}

/// Parses RFC 3339. The offset is mandatory.
fn timestamp(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|_| Error::bad_request())
}
