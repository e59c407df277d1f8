//! The changes that Spin makes to a request before it reaches the component.

use crate::chaining;
use crate::routes::Match;
use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::SocketAddr;

/// A request without a valid target. Spin closes its connection without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTarget {
    #[error("the request has no Host header")]
    NoHost,
    #[error("the request's Host header is invalid")]
    InvalidHost,
    #[error("the request's Host header and URI name different hosts")]
    HostMismatch,
}

/// A header value that is not UTF-8. Spin responds with 500.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of the request's header {0:?} is not UTF-8")]
pub(crate) struct NotUtf8(String);

/// Removes the `Connection` header, and a `Host` that only Spin itself may use.
pub(crate) fn strip_headers(headers: &mut HeaderMap) {
    let internal =
        |host: &HeaderValue| host.to_str().is_ok_and(|host| chaining::target(host).is_some());
    if headers.get(HOST).is_some_and(internal) {
        headers.remove(HOST);
    }
    headers.remove(CONNECTION);
}

/// Returns the absolute URI of a request.
///
/// # Errors
/// Returns an error if the host is missing or invalid, or differs from the one in `uri`.
pub(crate) fn absolute_uri(uri: &Uri, headers: &HeaderMap) -> Result<Uri, InvalidTarget> {
    let host = match headers.get(HOST) {
        Some(value) => {
            let host = value.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
            Some(host.ok_or(InvalidTarget::InvalidHost)?)
        }
        None => None,
    };
    let authority = match (host, uri.authority().cloned()) {
        (Some(host), Some(authority)) if host != authority => {
            return Err(InvalidTarget::HostMismatch);
        }
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(InvalidTarget::NoHost),
    };
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // A target without a path, as in `OPTIONS *` or `CONNECT`, has no absolute form.
    Uri::from_parts(parts).map_err(|_| InvalidTarget::InvalidHost)
}

/// Adds Spin's headers about the request. Headers of the same names that the client sent stay, and
/// come first.
///
/// # Errors
/// Returns an error if the value of a header is not UTF-8.
pub(crate) fn add_spin_headers(
    headers: &mut HeaderMap,
    uri: &Uri,
    route: Match<'_>,
    client: SocketAddr,
) -> Result<(), NotUtf8> {
    for (name, value) in headers.iter() {
        if std::str::from_utf8(value.as_bytes()).is_err() {
            return Err(NotUtf8(name.to_string()));
        }
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or(b"localhost");
    let host = String::from_utf8_lossy(host);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("http://{host}{path}");
    let matched = route.raw.strip_suffix('/').unwrap_or(route.raw);
    for (name, value) in [
        ("spin-path-info", route.path_info),
        ("spin-full-url", &full_url),
        ("spin-matched-route", matched),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", route.raw),
        ("spin-component-route", route.prefix),
        ("spin-client-addr", &client.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Routes;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn absolute(uri: &'static str, host: &[&[u8]]) -> Result<String, InvalidTarget> {
        let host: Vec<_> = host.iter().map(|value| ("host", *value)).collect();
        absolute_uri(&Uri::from_static(uri), &headers(&host)).map(|uri| uri.to_string())
    }

    fn with_spin_headers(mut headers: HeaderMap, uri: &'static str) -> Result<HeaderMap, NotUtf8> {
        let uri = Uri::from_static(uri);
        let routes = Routes::parse([("/...".to_owned(), "a".to_owned())]).unwrap();
        let route = routes.find(uri.path()).unwrap();
        let client = "127.0.0.1:5555".parse().unwrap();
        add_spin_headers(&mut headers, &uri, route, client).map(|()| headers)
    }

    #[test]
    fn the_uri_becomes_absolute_with_the_host_header() {
        let uri = absolute("/mcp?x=1", &[b"127.0.0.1:3000"]);
        assert_eq!(uri.unwrap(), "http://127.0.0.1:3000/mcp?x=1");
    }

    #[test]
    fn an_absolute_uri_must_match_the_host_header() {
        assert_eq!(absolute("http://a.example/x", &[]).unwrap(), "http://a.example/x");
        assert!(absolute("http://a.example/x", &[b"a.example"]).is_ok());
        let error = absolute("http://a.example/x", &[b"b.example"]);
        assert_eq!(error, Err(InvalidTarget::HostMismatch));
    }

    #[test]
    fn a_request_without_a_usable_host_has_no_target() {
        assert_eq!(absolute("/", &[]), Err(InvalidTarget::NoHost));
        assert_eq!(absolute("/", &[b"a b"]), Err(InvalidTarget::InvalidHost));
        assert_eq!(absolute("/", &[b"caf\xc3\xa9"]), Err(InvalidTarget::InvalidHost));
    }

    #[test]
    fn the_component_does_not_see_the_connection_header() {
        let mut headers = headers(&[("connection", b"close"), ("accept", b"*/*")]);
        strip_headers(&mut headers);
        assert!(!headers.contains_key("connection"));
        assert!(headers.contains_key("accept"));
    }

    #[test]
    fn an_internal_host_name_from_outside_is_removed() {
        for (host, kept) in [
            (b"x.spin.internal".as_slice(), false),
            (b"x.spin.internal:80", false),
            (b"x.example", true),
        ] {
            let mut headers = headers(&[("host", host)]);
            strip_headers(&mut headers);
            assert_eq!(headers.contains_key("host"), kept, "{host:?}");
        }
    }

    #[test]
    fn spin_headers_describe_the_request() {
        let sent = headers(&[("host", b"127.0.0.1:3000")]);
        let headers = with_spin_headers(sent, "http://127.0.0.1:3000/mcp?x=1").unwrap();
        for (name, value) in [
            ("spin-path-info", "/mcp"),
            ("spin-full-url", "http://127.0.0.1:3000/mcp?x=1"),
            ("spin-matched-route", "/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/..."),
            ("spin-component-route", ""),
            ("spin-client-addr", "127.0.0.1:5555"),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
    }

    #[test]
    fn spin_headers_of_the_client_come_first() {
        let sent = headers(&[("spin-full-url", b"https://forged.example/")]);
        let headers = with_spin_headers(sent, "http://a.example/x").unwrap();
        let values: Vec<_> = headers.get_all("spin-full-url").iter().collect();
        assert_eq!(values, ["https://forged.example/", "http://localhost/x"]);
    }

    #[test]
    fn a_header_that_is_not_utf8_is_an_error() {
        let error = with_spin_headers(headers(&[("x-name", b"caf\xe9")]), "http://a.example/");
        assert_eq!(error.unwrap_err(), NotUtf8("x-name".to_owned()));
        assert!(
            with_spin_headers(headers(&[("x-name", b"caf\xc3\xa9")]), "http://a.example/").is_ok()
        );
    }
}
