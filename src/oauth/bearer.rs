//! The `Authorization` header (RFC 6750, section 2.1). A token anywhere else does not exist for this server.

use ::http::{HeaderMap, header::AUTHORIZATION};

use super::Refusal;

/// Takes the bearer token out of the headers.
///
/// # Errors
///
/// [`Refusal::NoToken`] when no bearer token was sent, [`Refusal::MalformedAuthorization`] when it cannot be one.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoToken)?;
    if values.next().is_some() {
        return Err(Refusal::MalformedAuthorization);
    }
    let value = value.to_str().map_err(|_| Refusal::MalformedAuthorization)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoToken);
    }
    let token = token.trim_matches(' ');
    if is_b64token(token) { Ok(token) } else { Err(Refusal::MalformedAuthorization) }
}

/// `b64token` of RFC 6750, section 2.1.
fn is_b64token(token: &str) -> bool {
    let unpadded = token.trim_end_matches('=');
    !unpadded.is_empty()
        && unpadded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    fn token(values: &[&str]) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        bearer_token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_has_no_letter_case() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(token(&[&format!("{scheme} a.b.c")]), Ok("a.b.c".to_owned()));
        }
    }

    #[test]
    fn spaces_between_scheme_and_token_are_no_fault() {
        assert_eq!(token(&["Bearer   a.b.c "]), Ok("a.b.c".to_owned()));
    }

    #[test]
    fn another_scheme_is_no_token() {
        assert_eq!(token(&[]), Err(Refusal::NoToken));
        assert_eq!(token(&["Basic YTpi"]), Err(Refusal::NoToken));
        assert_eq!(token(&["Bearera.b.c"]), Err(Refusal::NoToken));
    }

    #[test]
    fn what_cannot_be_a_token_is_malformed() {
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer ä", "Bearer =="] {
            assert_eq!(token(&[value]), Err(Refusal::MalformedAuthorization), "{value}");
        }
    }

    #[test]
    fn two_authorization_headers_are_malformed_though_both_are_good() {
        assert_eq!(token(&["Bearer a", "Bearer a"]), Err(Refusal::MalformedAuthorization));
    }
}
