//! The media type of a request or a response.

use http::{HeaderMap, header};

use super::single_value;

/// Whether `Content-Type` is `application/json` or, for `suffixes`, another JSON type such as
/// `application/jwk-set+json` (RFC 6839). Several types joined by commas are invalid.
#[must_use]
pub fn is_json(headers: &HeaderMap, suffixes: bool) -> bool {
    let Ok(Some(value)) = single_value(headers, header::CONTENT_TYPE.as_str()) else {
        return false;
    };
    let media_type = value.split(';').next().filter(|_| !value.contains(','));
    media_type.map(|it| it.trim().to_ascii_lowercase()).is_some_and(|media_type| {
        media_type == "application/json"
            || suffixes && media_type.starts_with("application/") && media_type.ends_with("+json")
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_content_type_is_json_or_not() {
        let is = |values: &[&'static str], suffixes| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("content-type", HeaderValue::from_static(value));
            }
            is_json(&headers, suffixes)
        };
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/json ;a=b"]
        {
            assert!(is(&[json], false), "{json}");
        }
        assert!(
            is(&["application/jwk-set+json"], true) && !is(&["application/jwk-set+json"], false)
        );
        for other in ["", "text/json", "application/jsonp", "text/html", "image/svg+json"] {
            assert!(!is(&[other], true), "{other}");
        }
        let json = "application/json; charset=utf-8";
        assert!(is(&[json, json], false));
        assert!(is(&["application/json;a=b, application/json;a=b"], false));
        for others in [
            &[][..],
            &["application/json", "text/plain"],
            &["application/json", json],
            &["application/json, text/plain"],
            &["application/json; charset=utf-8, text/plain"],
        ] {
            assert!(!is(others, true), "{others:?}");
        }
    }
}
