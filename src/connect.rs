//! Connecting an account: what a person is given whose call failed because an account is missing.

use crate::{config::Config, host::Host, oauth::Caller};

/// A link for the caller on which an account of `connection` is connected with `scopes`, where there is such a page.
#[must_use]
pub fn link(
    config: &Config,
    _host: &dyn Host,
    _caller: &Caller,
    _connection: &str,
    _scopes: &[&str],
) -> Option<String> {
    config.connect_url.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeHost, finish};

    fn link_with(url: &str) -> Option<String> {
        let host = FakeHost::new();
        host.set_variable("connect_url", url);
        let config = finish(Config::load(&host)).unwrap();
        let claims = json!({ "sub": "auth0|1", "client_id": "client" });
        let caller = Caller::for_test(claims.as_object().unwrap().clone(), "token".into());
        link(&config, &host, &caller, "google-oauth2", &["openid"])
    }

    #[test]
    fn the_operators_own_page_is_named_where_there_is_one() {
        let url = "https://accounts.example.com/connect";
        assert_eq!(link_with(url).as_deref(), Some(url));
        assert_eq!(link_with(""), None);
    }
}
