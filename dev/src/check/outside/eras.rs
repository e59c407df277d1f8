//! The versions of the protocol that the server speaks.

use super::{Target, initialize};
use crate::{check::outcome::Outcome, http::Response};
use serde_json::{Value, json};

/// The version that has no sessions.
const MODERN: &str = "2026-07-28";

/// An era of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// 2024-11-05 to 2025-11-25: begins with `initialize`.
    Legacy,
    /// 2026-07-28: no handshake.
    Modern,
}

impl Era {
    /// The first message of a client.
    pub(super) fn opening(self) -> Value {
        match self {
            Self::Legacy => initialize(),
            Self::Modern => json!({
                "jsonrpc": "2.0", "id": 0, "method": "server/discover",
                "params": {"_meta": {
                    "io.modelcontextprotocol/protocolVersion": MODERN,
                    "io.modelcontextprotocol/clientInfo":
                        {"name": "doorward-check", "version": env!("CARGO_PKG_VERSION")},
                    "io.modelcontextprotocol/clientCapabilities": {},
                }},
            }),
        }
    }

    /// The headers of that message.
    pub(super) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Legacy => &[],
            Self::Modern => &[("mcp-protocol-version", MODERN), ("mcp-method", "server/discover")],
        }
    }

    /// The names of the headers that only this era has.
    pub(super) fn own_headers(self) -> &'static [&'static str] {
        match self {
            Self::Legacy => &["mcp-session-id", "last-event-id"],
            Self::Modern => &["mcp-method", "mcp-name"],
        }
    }
}

/// Checks both eras: with a token what they answer, without one that they are challenged alike.
pub(super) async fn check(
    target: &Target<'_>,
    opening: &Response,
    has_challenge: bool,
    all: &mut Vec<Outcome>,
) {
    let token = target.probe.token.as_deref();
    let modern = match target.call(Era::Modern, token).await {
        Ok(response) => response,
        Err(error) => {
            return all.push(Outcome::unknown("eras", format!("{MODERN}: no answer: {error}.")));
        }
    };
    if opening.status == 401 && token.is_none() {
        let is_challenged = modern.header("www-authenticate").is_some();
        all.push(if modern.status == 401 && is_challenged == has_challenge {
            let text = match has_challenge {
                true => "both eras are challenged alike",
                false => "both eras are refused alike, without a challenge",
            };
            Outcome::passed("eras.challenge", text)
        } else {
            Outcome::found(
                "eras.challenge",
                format!(
                    "A call of {MODERN} without a token is answered with {}.",
                    modern.describe()
                ),
                "Clients that speak that version do not sign their user in.",
                "Look for the token before looking at the message.",
            )
        });
        return all.push(Outcome::note(
            "eras",
            "Which versions the server speaks, and what a 403 looks like, shows only with a token: \
             pipe one in with `--bearer-stdin`.",
        ));
    }
    if !matches!(opening.status, 200 | 401) {
        return;
    }
    let legacy = match token {
        Some(_) => target.call(Era::Legacy, token).await.ok(),
        None => Some(opening.clone()),
    };
    if let Some(refused) = legacy.as_ref().filter(|legacy| matches!(legacy.status, 401 | 403)) {
        return all.push(Outcome::unknown(
            "eras",
            format!("The token is refused: {}.", refused.describe()),
        ));
    }
    let legacy = legacy.and_then(|response| response.json());
    let legacy =
        legacy.and_then(|json| json["result"]["protocolVersion"].as_str().map(str::to_owned));
    let modern = modern.json().map(|json| json["result"]["supportedVersions"].clone());
    let modern = modern.is_some_and(|versions| {
        versions.as_array().is_some_and(|versions| versions.contains(&json!(MODERN)))
    });
    all.push(match (legacy, modern) {
        (Some(legacy), true) => Outcome::passed("eras", format!("{MODERN}, and {legacy} or older")),
        (Some(legacy), false) => Outcome::note(
            "eras",
            format!("The server speaks {legacy}, but not {MODERN}. Clients of today speak both."),
        ),
        (None, true) => Outcome::found(
            "eras",
            format!("The server speaks {MODERN}, but not the versions before it."),
            "Most clients of today begin with `initialize`, and stop when it fails.",
            "Answer `initialize` as well.",
        ),
        (None, false) => Outcome::found(
            "eras",
            "Neither `initialize` nor `server/discover` is answered with a result.",
            "No client can use the server.",
            "Check that the URL is that of a Streamable HTTP endpoint.",
        ),
    });
}
