//! The cookie that ties a flow to the browser in which it was started. An attacker cannot make
//! somebody finish the attacker's flow, because the victim's browser does not have its cookie.

use http::{HeaderMap, header};

use super::{Connect, LIFETIME_SECONDS};

/// The longest value that is read, in bytes. This server's own are shorter.
const MAX_BYTES: usize = 1024;

impl Connect<'_> {
    /// The value of the cookie of the flow with this state.
    pub(super) fn cookie<'h>(&self, headers: &'h HeaderMap, state: &str) -> Option<&'h str> {
        let expected = self.cookie_name(state);
        // Each cookie is read by itself: those of others may not be ASCII. Only spaces and tabs are
        // trimmed: browsers let anybody set a name that has other white space before `__Host-`.
        let pairs = headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|it| it.as_bytes().split(|b| *b == b';'));
        let mut values = pairs
            .filter_map(|pair| str::from_utf8(pair).ok()?.trim_matches([' ', '\t']).split_once('='))
            .filter(|(name, _)| *name == expected)
            .map(|(_, value)| value);
        // If there are two cookies with this name, somebody else set one of them.
        values.next().filter(|value| values.next().is_none() && value.len() <= MAX_BYTES)
    }

    /// `Set-Cookie` for the flow with this state.
    pub(super) fn set_cookie(&self, state: &str, value: &str) -> String {
        let (name, attributes) = (self.cookie_name(state), self.cookie_attributes());
        format!("{name}={value}; Max-Age={LIFETIME_SECONDS}{attributes}")
    }

    /// `Set-Cookie` that removes the cookie.
    pub(super) fn clear_cookie(&self, state: &str) -> String {
        format!("{}=; Max-Age=0{}", self.cookie_name(state), self.cookie_attributes())
    }

    /// Each flow has a cookie of its own, so that two accounts can be connected side by side.
    fn cookie_name(&self, state: &str) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        let beginning: String = state.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        format!("{prefix}doorward-connect-{beginning}")
    }

    /// The prefix `__Host-` requires `Path=/`. `Lax`, because the browser comes back from the
    /// tenant.
    fn cookie_attributes(&self) -> &'static str {
        if self.is_https() {
            "; Path=/; Secure; HttpOnly; SameSite=Lax"
        } else {
            "; Path=/; HttpOnly; SameSite=Lax"
        }
    }
}
