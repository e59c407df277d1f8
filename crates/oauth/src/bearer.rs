//! The `Authorization` header (RFC 6750, section 2.1; RFC 9449, section 7.1). A token anywhere else
//! is ignored.

use http::{HeaderMap, header::AUTHORIZATION};

use crate::AuthenticationError;

/// How an access token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By itself: anybody who has the token may use it.
    Bearer,
    /// With a DPoP proof, for a token that is bound to a key.
    Dpop,
}

impl Scheme {
    /// The scheme that a request uses; `Bearer` if it uses neither.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        value.and_then(|value| Self::from_name(value.split(' ').next()?)).unwrap_or(Self::Bearer)
    }

    /// The name, as in a challenge.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        let is = |scheme: &Self| name.eq_ignore_ascii_case(scheme.as_str());
        [Self::Bearer, Self::Dpop].into_iter().find(is)
    }
}

/// Reads the access token from the headers, and how it was sent.
///
/// # Errors
///
/// Returns `NoToken` without a header of a known scheme, and `MalformedAuthorization` for two
/// headers and for what cannot be a token.
pub fn bearer_token(headers: &HeaderMap) -> Result<(Scheme, &str), AuthenticationError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthenticationError::NoToken)?;
    if values.next().is_some() {
        return Err(AuthenticationError::MalformedAuthorization);
    }
    // Not `to_str`, which would check each byte once more: the characters are checked below.
    let value = str::from_utf8(value.as_bytes())
        .map_err(|_| AuthenticationError::MalformedAuthorization)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = Scheme::from_name(scheme).ok_or(AuthenticationError::NoToken)?;
    let token = token.trim_matches(' ');
    if is_b64token(token) {
        Ok((scheme, token))
    } else {
        Err(AuthenticationError::MalformedAuthorization)
    }
}

/// `b64token` of RFC 6750, section 2.1.
fn is_b64token(token: &str) -> bool {
    let unpadded = token.trim_end_matches('=');
    let is_legal = |byte: u8| IN_TOKENS.get(usize::from(byte)) == Some(&true);
    !unpadded.is_empty() && unpadded.bytes().all(is_legal)
}

/// Which bytes a token may have before its padding. Each call checks all of its token: looking a
/// byte up is faster than comparing it.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the table's length")]
static IN_TOKENS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let it = byte as u8;
        table[byte] =
            it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token(values: &[&str]) -> Result<String, AuthenticationError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        bearer_token(&headers).map(|(_, token)| token.to_owned())
    }

    #[test]
    fn the_scheme_has_no_letter_case() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(token(&[&format!("{scheme} a.b.c")]), Ok("a.b.c".to_owned()));
        }
    }

    #[test]
    fn a_bound_token_is_sent_by_a_scheme_of_its_own() {
        for (value, scheme) in
            [("dpop a", Scheme::Dpop), ("DPoP a", Scheme::Dpop), ("Bearer a", Scheme::Bearer)]
        {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            assert_eq!(bearer_token(&headers), Ok((scheme, "a")));
            assert_eq!(Scheme::from_headers(&headers), scheme);
        }
        assert_eq!(Scheme::from_headers(&HeaderMap::new()), Scheme::Bearer);
        assert_eq!(
            token(&["DPoP a", "Bearer a"]),
            Err(AuthenticationError::MalformedAuthorization)
        );
        assert_eq!(token(&["DPoP"]), Err(AuthenticationError::MalformedAuthorization));
    }

    #[test]
    fn spaces_between_scheme_and_token_are_no_fault() {
        assert_eq!(token(&["Bearer   a.b.c "]), Ok("a.b.c".to_owned()));
    }

    #[test]
    fn another_scheme_is_no_token() {
        assert_eq!(token(&[]), Err(AuthenticationError::NoToken));
        assert_eq!(token(&["Basic YTpi"]), Err(AuthenticationError::NoToken));
        assert_eq!(token(&["Bearera.b.c"]), Err(AuthenticationError::NoToken));
    }

    #[test]
    fn what_cannot_be_a_token_is_malformed() {
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer ä", "Bearer =="] {
            assert_eq!(
                token(&[value]),
                Err(AuthenticationError::MalformedAuthorization),
                "{value}"
            );
        }
    }

    #[test]
    fn two_authorization_headers_are_malformed_though_both_are_good() {
        assert_eq!(
            token(&["Bearer a", "Bearer a"]),
            Err(AuthenticationError::MalformedAuthorization)
        );
    }

    #[test]
    fn every_b64token_is_found_and_nothing_else_is_one() {
        use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

        const LEGAL: &[u8] = b"ABCXYZabcxyz0189-._~+/";
        const ILLEGAL: &str = "\"\\,;:?@!#$%&'()*[]{}<>|^` \t=\u{e4}";
        let mut random = StdRng::seed_from_u64(6750);
        for _ in 0..20_000 {
            let length = random.random_range(1..60);
            let good: String =
                (0..length).map(|_| char::from(*LEGAL.choose(&mut random).unwrap())).collect();
            let padded = good.clone() + &"=".repeat(random.random_range(0..3));
            let upper = |c: char| if random.random_bool(0.5) { c.to_ascii_uppercase() } else { c };
            let scheme: String = "bearer".chars().map(upper).collect();
            let spaces = " ".repeat(random.random_range(1..4));
            assert_eq!(token(&[&format!("{scheme}{spaces}{padded}")]), Ok(padded));

            let strange: Vec<char> = ILLEGAL.chars().collect();
            let strange = *strange.choose(&mut random).unwrap();
            let (before, after) = good.split_at(random.random_range(0..good.len()));
            let bad = format!("{scheme}{spaces}x{before}{strange}{after}");
            assert_eq!(token(&[&bad]), Err(AuthenticationError::MalformedAuthorization), "{bad}");
            assert_eq!(
                token(&[&format!("{scheme}{good} x")]),
                Err(AuthenticationError::NoToken),
                "{good}"
            );
        }
    }
}
