//! The cookie that ties a flow to the browser in which it was begun: without it nobody can be made to finish a flow that
//! somebody else began.

use ::http::{HeaderMap, header};

use super::LIFETIME_SECONDS;
use crate::config::Config;

/// The most that is looked at, in bytes. Ours are shorter.
const MAX_BYTES: usize = 1024;

/// The value of the cookie for the flow with this state.
pub(super) fn read<'a>(headers: &'a HeaderMap, config: &Config, state: &str) -> Option<&'a str> {
    let wanted = name(config, state);
    // Each by itself: others' cookies need not be ASCII. No other white space than this is trimmed, or a name with some
    // of it in front would pass for one with the prefix that only this host can set.
    let pairs =
        headers.get_all(header::COOKIE).iter().flat_map(|it| it.as_bytes().split(|b| *b == b';'));
    let mut values = pairs
        .filter_map(|pair| str::from_utf8(pair).ok()?.trim_matches([' ', '\t']).split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    // Of two with one name, one was put there by somebody else.
    values.next().filter(|value| values.next().is_none() && value.len() <= MAX_BYTES)
}

/// `Set-Cookie` for the flow with this state.
pub(super) fn set(config: &Config, state: &str, value: &str) -> String {
    format!("{}={value}; Max-Age={LIFETIME_SECONDS}{}", name(config, state), attributes(config))
}

/// `Set-Cookie` that removes it.
pub(super) fn clear(config: &Config, state: &str) -> String {
    format!("{}=; Max-Age=0{}", name(config, state), attributes(config))
}

/// Each flow has a cookie of its own, so that two connections can be made side by side.
fn name(config: &Config, state: &str) -> String {
    let prefix = if is_https(config) { "__Host-" } else { "" };
    let beginning: String = state.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{prefix}doorward-connect-{beginning}")
}

/// The prefix `__Host-` asks for `Path=/`. `Lax`, because the browser comes back from the tenant's pages.
fn attributes(config: &Config) -> &'static str {
    if is_https(config) {
        "; Path=/; Secure; HttpOnly; SameSite=Lax"
    } else {
        "; Path=/connect/callback; HttpOnly; SameSite=Lax"
    }
}

fn is_https(config: &Config) -> bool {
    config.public_url.starts_with("https:")
}
