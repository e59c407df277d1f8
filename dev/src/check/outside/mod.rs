//! Checks a server from outside, by its URL alone: any MCP server, not only this one.

mod authorization_server;
mod challenge;
mod cors;
mod eras;
mod metadata;

use super::outcome::Outcome;
use crate::http::{Http, Response, Unreachable};
use http::Request;
use serde_json::{Value, json};
use std::time::SystemTime;
use url::Url;

/// How far a server's clock may be from this machine's, in seconds. Doorward's own leeway for
/// tokens is 60 by default.
const CLOCK_SECONDS: u64 = 30;

/// What to check.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The URL of the MCP endpoint, as clients are told.
    pub url: String,
    /// The origin of a page in a browser that uses the server. `None`: that of MCP Inspector, which
    /// need not be allowed.
    pub page: Option<String>,
    /// An access token, for the checks behind the door.
    pub token: Option<String>,
}

/// What a server shows to a client.
pub(crate) struct Seen {
    /// The outcomes of the checks.
    pub(crate) outcomes: Vec<Outcome>,
    /// The issuers that the server names.
    pub(crate) issuers: Vec<String>,
}

/// The server under test.
struct Target<'a> {
    http: &'a Http,
    /// The URL, byte for byte.
    url: &'a str,
    /// The same URL.
    parsed: Url,
    probe: &'a Probe,
}

/// Completes a URL without a path: the endpoint is then `/mcp`, as on every Doorward.
#[must_use]
pub fn endpoint(url: &str) -> String {
    match Url::parse(url) {
        Ok(parsed) if parsed.path() == "/" && !url.ends_with('/') => format!("{url}/mcp"),
        _ => url.to_owned(),
    }
}

/// Checks a server. The outcomes are in the order in which a client meets them.
pub(crate) async fn probe(http: &Http, probe: &Probe) -> Seen {
    let parsed = match Url::parse(&probe.url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ => {
            let text = format!("{} is not an http or https URL.", probe.url);
            return Seen {
                outcomes: vec![Outcome::unknown("reachable", text)],
                issuers: Vec::new(),
            };
        }
    };
    let target = Target { http, url: &probe.url, parsed, probe };
    let mut all = vec![transport(&target)];
    let before = SystemTime::now();
    let opening = match target.call(eras::Era::Legacy, None).await {
        Ok(response) => response,
        Err(error) => {
            all.push(Outcome::unknown(
                "reachable",
                format!("{} does not answer: {error}.", target.url),
            ));
            return Seen { outcomes: all, issuers: Vec::new() };
        }
    };
    all.push(Outcome::passed("reachable", format!("{} answers.", target.url)));
    all.push(clock(&opening, before));
    let challenge = challenge::check(&target, &opening, &mut all).await;
    // Only clients that have to sign in need metadata.
    let has_door = opening.status == 401;
    let resource = metadata::check(&target, challenge.as_ref(), has_door, &mut all).await;
    match &resource {
        Some(resource) => authorization_server::check(&target, resource, &mut all).await,
        None if has_door => authorization_server::check_own(&target, &mut all).await,
        None => {}
    }
    cors::check(&target, resource.is_some(), &mut all).await;
    eras::check(&target, &opening, challenge.is_some(), &mut all).await;
    let issuers = resource.map(|resource| {
        let issuers = strings(&resource.document["authorization_servers"]);
        issuers.into_iter().map(str::to_owned).collect()
    });
    Seen { outcomes: all, issuers: issuers.unwrap_or_default() }
}

impl Target<'_> {
    /// Sends the first request of a client.
    async fn call(&self, era: eras::Era, token: Option<&str>) -> Result<Response, Unreachable> {
        let mut request = self.post().header("accept", "application/json, text/event-stream");
        for (name, value) in era.headers() {
            request = request.header(*name, *value);
        }
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.http.send(request, era.opening().to_string()).await
    }

    fn post(&self) -> http::request::Builder {
        Request::post(self.url).header("content-type", "application/json")
    }

    /// The origin of the server, without a trailing slash.
    fn origin(&self) -> String {
        self.parsed.origin().ascii_serialization()
    }

    /// Whether the server is on this machine.
    fn is_loopback(&self) -> bool {
        is_loopback(&self.parsed)
    }
}

/// Whether a URL is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether tokens travel in clear.
fn transport(target: &Target<'_>) -> Outcome {
    if target.parsed.scheme() == "http" && !target.is_loopback() {
        return Outcome::found(
            "https",
            format!("{} is not an https URL.", target.url),
            "Everybody on the way can read the access tokens and use them.",
            "Put a proxy with a certificate in front of the server. On Doorward, set `public_url` and \
             the API's identifier to the https URL.",
        );
    }
    Outcome::passed("https", if target.is_loopback() { "it is on this machine" } else { "https" })
}

/// Compares the server's clock with this machine's.
fn clock(response: &Response, before: SystemTime) -> Outcome {
    let date = response.header("date").and_then(|text| http_date(&text));
    let Some(theirs) = date else {
        return Outcome::note(
            "clock",
            "The server sends no `Date`, so its clock cannot be compared with this machine's.",
        );
    };
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    };
    let (earliest, latest) = (seconds(before), seconds(SystemTime::now()));
    let off = earliest.saturating_sub(theirs).max(theirs.saturating_sub(latest));
    if off <= CLOCK_SECONDS {
        return Outcome::passed(
            "clock",
            format!("within {CLOCK_SECONDS} seconds of this machine's"),
        );
    }
    Outcome::found(
        "clock",
        format!("The server's clock and this machine's are {off} seconds apart."),
        "Tokens and DPoP proofs look expired, or as if they were issued in the future.",
        "Compare both with `date -u`, and let NTP set the one that is wrong.",
    )
}

/// The Unix time of an HTTP date (RFC 9110, section 5.6.7), in its preferred format.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = u64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    // Days since 1970-01-01, with years that begin in March.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era_days = years * 365 + years / 4 - years / 100 + years / 400;
    let days = (era_days + (153 * months + 2) / 5 + day - 1).checked_sub(719_468)?;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

/// The strings of a JSON array.
fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The message that begins a session in the legacy eras.
fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "doorward-check", "version": env!("CARGO_PKG_VERSION")},
        },
    })
}

#[cfg(test)]
mod tests;
