//! Identifies browsers by a cookie, which is set with the first response.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use crate::random;
use crate::state::{App, Session};

const COOKIE: &str = "tenant_session";

/// A browser, identified by its cookie value.
pub(crate) struct Browser {
    pub(crate) id: String,
    /// Whether the cookie still has to be set.
    is_new: bool,
}

impl Browser {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == COOKIE && value.len() == 43);
        match found {
            Some((_, id)) => Self { id: id.to_owned(), is_new: false },
            None => Self { id: random::token(32), is_new: true },
        }
    }

    /// The user who is signed in, and the time of the sign-in.
    pub(crate) fn user(&self, app: &App) -> Option<(String, i64)> {
        let store = app.store();
        store.sessions.get(&self.id).map(|session| (session.user_id.clone(), session.signed_in_at))
    }

    /// Signs a user in. The cookie value changes, and pending requests of this browser move to the
    /// new one.
    pub(crate) fn sign_in(&mut self, app: &App, user_id: String) {
        let mut store = app.store();
        let new = random::token(32);
        store.sessions.remove(&self.id);
        store.sessions.insert(new.clone(), Session { user_id, signed_in_at: crate::now() });
        for pending in store.pending.values_mut().filter(|pending| pending.browser == self.id) {
            pending.browser.clone_from(&new);
        }
        *self = Self { id: new, is_new: true };
    }

    /// Sets the cookie on a response if the browser does not have it yet.
    pub(crate) fn with_cookie(&self, mut response: Response) -> Response {
        let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", self.id);
        if self.is_new
            && let Ok(cookie) = HeaderValue::from_str(&cookie)
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}
