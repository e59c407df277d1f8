//! Parsers of values. An error says what is wrong and what would be right, and never the value.

use url::Url;

use crate::{origin::Origin, scope::Scope, secret::Secret};

/// The shortest secret that protects something by itself, in characters. Somebody who has a sealed
/// record can try secrets at leisure, on as many machines as they like. 32 hexadecimal digits at
/// random have 128 bits, and no number of machines gets through those; the secrets that Auth0 makes
/// have 64 characters.
const MIN_SECRET: usize = 32;

/// Any text but an empty one.
///
/// # Errors
///
/// Says that the value is empty.
pub fn not_empty(value: &str) -> Result<String, &'static str> {
    if value.is_empty() { Err("is empty") } else { Ok(value.to_owned()) }
}

/// Any text; `None` if it is empty.
///
/// # Errors
///
/// None.
pub fn text(value: &str) -> Result<Option<String>, &'static str> {
    Ok(Some(value).filter(|value| !value.is_empty()).map(str::to_owned))
}

/// `true` or `false`.
///
/// # Errors
///
/// Says that the value is neither.
pub fn flag(value: &str) -> Result<bool, &'static str> {
    value.parse().map_err(|_| "is neither `true` nor `false`")
}

/// A whole number from `min` to `max`.
///
/// # Errors
///
/// Says which numbers are allowed.
pub fn seconds(min: u64, max: u64) -> impl FnOnce(&str) -> Result<u64, String> {
    move |value| {
        let seconds = value.parse().ok().filter(|seconds| (min..=max).contains(seconds));
        seconds.ok_or_else(|| format!("is not a number of seconds from {min} to {max}"))
    }
}

/// A size from `min` to `max`, in bytes.
///
/// # Errors
///
/// Says which sizes are allowed.
pub fn bytes(min: usize, max: usize) -> impl FnOnce(&str) -> Result<usize, String> {
    move |value| {
        let bytes = value.parse().ok().filter(|bytes| (min..=max).contains(bytes));
        bytes.ok_or_else(|| format!("is not a number of bytes from {min} to {max}"))
    }
}

/// Words, separated by spaces; there may be none.
///
/// # Errors
///
/// None.
pub fn words(value: &str) -> Result<Vec<String>, &'static str> {
    Ok(value.split_ascii_whitespace().map(str::to_owned).collect())
}

/// The URL of a page; `None` if it is empty.
///
/// # Errors
///
/// Says that the URL is not HTTPS.
pub fn page(value: &str) -> Result<Option<String>, &'static str> {
    match Url::parse(value) {
        _ if value.is_empty() => Ok(None),
        Ok(url) if url.scheme() == "https" => Ok(Some(value.to_owned())),
        _ => Err("is not a URL that begins with `https://`"),
    }
}

/// An origin that is reached over HTTPS, or on loopback. One trailing slash is dropped.
///
/// # Errors
///
/// Says that the value is empty, has a path, or is plain HTTP.
pub fn secure_origin(value: &str) -> Result<Origin, &'static str> {
    const PROBLEM: &str = "is not an origin like `https://mcp.example.com`, without a path";
    if value.is_empty() {
        return Err("is empty");
    }
    let origin: Origin = value.strip_suffix('/').unwrap_or(value).parse().map_err(|_| PROBLEM)?;
    if origin.is_secure() {
        Ok(origin)
    } else {
        Err("is plain HTTP, which is for loopback addresses only")
    }
}

/// A URL without query that is reached over HTTPS, or on loopback: its origin, and its path without
/// a slash at the end.
///
/// # Errors
///
/// As [`secure_origin`], and for a path that is not written as in URLs.
pub fn secure_url(value: &str) -> Result<(Origin, String), &'static str> {
    let (slash, _) = value.match_indices('/').nth(2).unwrap_or((value.len(), ""));
    let (origin, path) = value.split_at_checked(slash).unwrap_or((value, ""));
    let origin = secure_origin(origin)?;
    path_of(path).map(|path| (origin, path))
}

/// A path that begins with a slash, as in URLs; without a slash at its end.
///
/// # Errors
///
/// Says that the path has a character or segment that no path of a server has.
pub fn path_of(value: &str) -> Result<String, &'static str> {
    let path = value.strip_suffix('/').unwrap_or(value);
    let is_legal = |segment: &str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(is_legal)
    };
    match path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_legal)) {
        _ if path.is_empty() => Ok(String::new()),
        true => Ok(path.to_owned()),
        false => Err("has a path that is not of letters, digits and `-._~` between slashes"),
    }
}

/// What is wrong with a URL on loopback if `public_url` is not on loopback: it was meant for
/// development, and whatever listens there now would be trusted.
pub const LOCAL_ONLY: &str =
    "is on loopback, which is for development: `public_url` is not on loopback";

/// The origin of something on this machine; `None` if it is empty.
///
/// # Errors
///
/// Says that the value is not an origin on loopback.
pub fn local_origin(value: &str) -> Result<Option<Origin>, &'static str> {
    match value.parse::<Origin>() {
        _ if value.is_empty() => Ok(None),
        Ok(origin) if origin.is_loopback() => Ok(Some(origin)),
        _ => Err("is not an origin on loopback like `http://127.0.0.1:4000`, without a path"),
    }
}

/// Scopes, separated by spaces.
///
/// # Errors
///
/// Says that a scope has a character that no scope can have.
pub fn scopes(value: &str) -> Result<Vec<Scope>, &'static str> {
    let scopes: Result<_, _> = value.split_ascii_whitespace().map(str::parse).collect();
    scopes.map_err(|_| "holds a scope with a character that no scope can have")
}

/// A secret that protects something by itself; `None` if it is empty. A short one could be guessed.
///
/// # Errors
///
/// Says that the value is too short, or that a header cannot carry it.
pub fn long_secret(value: &str) -> Result<Option<Secret>, &'static str> {
    match value.len() {
        0 => Ok(None),
        1..MIN_SECRET => Err("is shorter than 32 characters"),
        _ if value.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(value.into())),
        _ => Err("holds a character that a header cannot carry"),
    }
}

/// The secret of a client, which may be empty. This server's own keys are derived from one.
///
/// # Errors
///
/// Says that the value is too short.
pub fn client_secret(value: &str) -> Result<String, &'static str> {
    match value.len() {
        1..MIN_SECRET => Err("is shorter than 32 characters: those that Auth0 makes have 64"),
        _ => Ok(value.to_owned()),
    }
}

/// Whether a text can stand in a quoted string and in JSON as it is: visible ASCII without quotes
/// and backslashes.
#[must_use]
pub fn is_quotable(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_https_or_on_loopback_and_has_no_path() {
        for (value, origin) in [
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(secure_origin(value).unwrap().as_str(), origin);
        }
        for bad in ["", "mcp.example.com", "https://mcp.example.com/mcp", "http://mcp.example.com"]
        {
            assert!(secure_origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_may_have_a_path() {
        for (value, origin, path) in [
            ("https://a.example", "https://a.example", ""),
            ("https://a.example/", "https://a.example", ""),
            ("https://a.example/b", "https://a.example", "/b"),
            ("http://127.0.0.1:3000/b/c.d/", "http://127.0.0.1:3000", "/b/c.d"),
        ] {
            let (found, rest) = secure_url(value).unwrap();
            assert_eq!((found.as_str(), rest.as_str()), (origin, path), "{value}");
        }
        for bad in [
            "",
            "a.example/b",
            "http://a.example/b",
            "https://a.example//",
            "https://a.example/b//c",
            "https://a.example/b?c",
            "https://a.example/b#c",
            "https://a.example/%62",
            "https://a.example/../b",
            "https://u@a.example/b",
        ] {
            assert!(secure_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_local_origin_is_on_loopback_or_absent() {
        assert_eq!(local_origin(""), Ok(None));
        for origin in ["http://127.0.0.1:4000", "http://localhost:4000", "http://[::1]:4000"] {
            assert_eq!(local_origin(origin).unwrap().unwrap().as_str(), origin);
        }
        for bad in ["http://10.0.0.1", "https://example.com", "127.0.0.1", "http://localhost/a"] {
            assert!(local_origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_are_within_their_range() {
        assert_eq!(seconds(0, 300)("300"), Ok(300));
        for bad in ["", "-1", "301", "1.5", "60s"] {
            assert!(seconds(0, 300)(bad).is_err(), "{bad}");
        }
        assert!(seconds(1, 300)("0").is_err());
    }

    #[test]
    fn a_size_is_within_its_range() {
        assert_eq!(bytes(1024, 4096)("4096"), Ok(4096));
        for bad in ["", "1023", "4097", "1 KiB", "-1", "18446744073709551616"] {
            let problem = "is not a number of bytes from 1024 to 4096";
            assert_eq!(bytes(1024, 4096)(bad), Err(problem.to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_long_and_fits_into_a_header() {
        assert_eq!(long_secret(""), Ok(None));
        assert!(long_secret(&"x".repeat(31)).is_err());
        assert!(long_secret(&"x".repeat(32)).unwrap().is_some());
        assert!(long_secret(&" x".repeat(16)).is_err());
        assert!(client_secret("").is_ok() && client_secret(&"x".repeat(32)).is_ok());
        for short in ["x", &"x".repeat(31)] {
            assert!(client_secret(short).is_err(), "{short}");
        }
    }

    #[test]
    fn a_page_is_https() {
        assert_eq!(page(""), Ok(None));
        assert!(page("https://docs.example.com/a?b#c").unwrap().is_some());
        assert!(page("http://docs.example.com").is_err());
    }
}
