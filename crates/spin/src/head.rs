//! The heads of requests and responses: the host's, and those of the `http` crate.

use std::{error::Error, fmt};

use bytes::Bytes;
use doorward_core::web::{AllowOrigin, Answer, AnswerBody};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
    uri::Scheme,
};

/// The most bytes of all headers together. Hosts allow several hundred KiB.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The header with a client's address, and its value for another component.
const CLIENT_ADDRESS: &str = "spin-client-addr";
const INTERNAL_ADDRESS: &str = "0.0.0.0:0";

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum HeadError {
    /// The `http` crate cannot hold it: its length has two values, for instance.
    Malformed,
    /// It has more than [`MAX_HEADER_BYTES`] of headers.
    TooLarge,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "The request's URL or headers cannot be understood.",
            Self::TooLarge => "The request's headers are larger than 64 KiB.",
        })
    }
}

impl Error for HeadError {}

impl From<HeadError> for Response<AnswerBody> {
    fn from(error: HeadError) -> Self {
        let (status, code) = match error {
            HeadError::Malformed => (StatusCode::BAD_REQUEST, "bad_request"),
            HeadError::TooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large")
            }
        };
        Answer::error(status, code, &error.to_string()).leave(&AllowOrigin::None)
    }
}

/// Converts a head. `method` is `None` if it is not an HTTP token.
///
/// # Errors
///
/// Returns [`HeadError`] if there is no such request.
pub(crate) fn into_http(
    method: Option<Method>,
    authority: Option<&str>,
    path_with_query: Option<&str>,
    fields: Vec<(String, Vec<u8>)>,
) -> Result<Request<()>, HeadError> {
    let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_HEADER_BYTES {
        return Err(HeadError::TooLarge);
    }
    convert(method, authority, path_with_query, fields).ok_or(HeadError::Malformed)
}

fn convert(
    method: Option<Method>,
    authority: Option<&str>,
    path_with_query: Option<&str>,
    fields: Vec<(String, Vec<u8>)>,
) -> Option<Request<()>> {
    let mut headers = HeaderMap::with_capacity(32);
    let (mut address, mut are_all_internal) = (None, true);
    for (name, value) in fields {
        // Spin's own headers. Clients can send them as well, so nothing here may use them; but Spin
        // appends the address of the client in any case.
        if name.starts_with("spin-") {
            if name == CLIENT_ADDRESS {
                are_all_internal &= value == INTERNAL_ADDRESS.as_bytes();
                address = Some(value);
            }
            continue;
        }
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?;
        // `append` would panic at one header too many.
        headers.try_append(HeaderName::from_bytes(name.as_bytes()).ok()?, value).ok()?;
    }
    // Only another component has the address of one, and only if nobody else claims it, too.
    let address =
        address.filter(|address| are_all_internal || address != INTERNAL_ADDRESS.as_bytes());
    if let Some(Ok(address)) = address.map(HeaderValue::try_from) {
        headers.insert(CLIENT_ADDRESS, address);
    }
    let mut uri = http::uri::Parts::default();
    if let Some(authority) = authority {
        uri.authority = Some(authority.parse().ok()?);
        // The scheme does not matter here, but an authority requires one.
        uri.scheme = Some(Scheme::HTTP);
    }
    uri.path_and_query = Some(path_with_query.unwrap_or("/").parse().ok()?);
    let mut request = Request::new(());
    *request.method_mut() = method?;
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    *request.headers_mut() = headers;
    Some(request)
}

/// The one length, if there is one.
///
/// # Errors
///
/// Returns [`HeadError`] if the length is no number, or if there are several.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, HeadError> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let number = value.to_str().ok().and_then(|value| value.parse().ok());
            number.map(Some).ok_or(HeadError::Malformed)
        }
        (Some(_), Some(_)) => Err(HeadError::Malformed),
    }
}

/// Headers in the form that the host takes them.
pub(crate) fn header_list(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let owned = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    headers.iter().map(owned).collect()
}
