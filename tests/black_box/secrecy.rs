//! Searches for leaked tokens and secrets after every case: in answers, in the logs and in
//! key-value. Looks for characters in the logs that could steer a terminal.

use std::fmt::Write;

use reqwest::header::HeaderMap;

use crate::world::World;

/// The prefix of Google's access tokens. All other tokens are signed.
const PROVIDER_TOKEN: &str = "ya29.";

/// The prefix of the opaque tokens of another issuer.
const OPAQUE_TOKEN: &str = "opaque-token-";

/// Part of the first line of a private key in PEM.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// Searches an answer, of the server or of the tenant to a browser.
pub(crate) fn of_answer(headers: &HeaderMap, text: &str) {
    let mut shown = String::new();
    for (name, value) in headers {
        let _ = writeln!(shown, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    look("an answer", &shown);
    look("an answer", text);
}

/// Searches everything that the server has logged and stored so far.
pub(crate) fn of_world(world: &World) {
    for line in world.logs().lines() {
        // The host may have written something before it.
        let starts = ["doorward: ", "{\"time\""].iter().filter_map(|start| line.find(start));
        if let Some(written) = starts.min().and_then(|start| line.get(start..)) {
            let is_printable = written.bytes().all(|b| matches!(b, b' '..=b'~'));
            assert!(is_printable, "a line of the log is not printable ASCII: {written:?}");
        }
    }
    let seed = world.tenant().seed();
    let secrets: Vec<_> =
        seed.clients.iter().filter_map(|client| client.client_secret.as_deref()).collect();
    assert!(!secrets.is_empty(), "the seed has secrets");
    let places = [("the log", Some(world.logs())), ("key-value", world.stored())];
    for (name, place) in places.iter().filter_map(|(name, place)| Some((name, place.as_ref()?))) {
        look(name, place);
        for secret in &secrets {
            assert!(!place.contains(secret), "{name} contains a client secret: {place}");
        }
    }
}

fn look(place: &str, text: &str) {
    if let Some(token) = token_in(text) {
        panic!("{place} contains {token:?}: {text}");
    }
}

/// Finds a token or a private key in a text.
fn token_in(text: &str) -> Option<&str> {
    for beginning in [PROVIDER_TOKEN, OPAQUE_TOKEN, PRIVATE_KEY] {
        if let Some(start) = text.find(beginning) {
            return text[start..].lines().next();
        }
    }
    text.match_indices("eyJ").find_map(|(start, _)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let token = text[start..].split(|c| !is_part(c)).next()?;
        let segments: Vec<_> = token.split('.').collect();
        let is_signed = segments.len() >= 3 && segments[1].starts_with("eyJ");
        is_signed.then_some(token)
    })
}
