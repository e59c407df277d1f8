//! Redirects to the client and within the tenant.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::state::ResponseMode;

/// Redirects to the client with these parameters, `state` and, if the tenant is set so, `iss` (RFC
/// 9207).
pub(super) fn redirect(
    redirect_uri: &str,
    mode: ResponseMode,
    issuer: Option<&str>,
    state: Option<&str>,
    params: &[(&str, &str)],
) -> Response {
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let all = || {
        params
            .iter()
            .copied()
            .chain(state.map(|state| ("state", state)))
            .chain(issuer.map(|issuer| ("iss", issuer)))
    };
    match mode {
        ResponseMode::Query => {
            url.query_pairs_mut().extend_pairs(all());
        }
        ResponseMode::Fragment => {
            let text =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all()).finish();
            url.set_fragment(Some(&text));
        }
    }
    // 303 makes the browser use GET, also after a POST.
    let headers =
        [(header::LOCATION, url.to_string()), (header::CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Redirects within the tenant.
pub(super) fn local(path: &str) -> Response {
    let headers = [(header::LOCATION, path), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}
