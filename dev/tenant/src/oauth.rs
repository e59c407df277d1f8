//! Parameters and errors shared by the endpoints of the Authentication API.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::seed::Seed;

/// The parameters of a request, from a form, a JSON body or a query.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

/// An error of the Authentication API.
#[derive(Debug)]
pub(crate) struct Error {
    status: u16,
    pub(crate) error: String,
    pub(crate) description: String,
}

impl Params {
    /// Reads the parameters of a form or JSON body.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Error> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/x-www-form-urlencoded" => Self::urlencoded(body),
            "application/json" => Self::json(body),
            _ => Err(Error::invalid_request(
                "The body must be application/x-www-form-urlencoded or application/json",
            )),
        }
    }

    /// Reads the parameters of a form or a query. Repeated parameters are an error
    /// (RFC 6749 §3.1).
    pub(crate) fn urlencoded(text: &[u8]) -> Result<Self, Error> {
        let mut params = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if params.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Error::invalid_request(&format!("Duplicate parameter: {name}")));
            }
        }
        Ok(Self(params))
    }

    /// The value of a parameter. An empty value counts as missing (RFC 6749 §3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same with the identifier of an API where one of its aliases is.
    pub(crate) fn without_aliases(mut self, directory: &Seed) -> Self {
        for name in ["audience", "resource"] {
            if let Some(value) = self.0.get_mut(name)
                && let Some(api) = directory.api_of_alias(value)
            {
                value.clone_from(&api.identifier);
            }
        }
        self
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Error> {
        self.get(name)
            .ok_or_else(|| Error::invalid_request(&format!("Missing required parameter: {name}")))
    }

    /// The words of a space-separated parameter.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        self.get(name).map(words).unwrap_or_default()
    }

    fn json(body: &[u8]) -> Result<Self, Error> {
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|_| Error::invalid_request("The body is not a JSON object"))?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Ok(Self(
            fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect(),
        ))
    }
}

impl Error {
    pub(crate) fn new(status: u16, error: &str, description: &str) -> Self {
        Self { status, error: error.to_owned(), description: description.to_owned() }
    }

    pub(crate) fn invalid_request(description: &str) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(crate) fn invalid_client() -> Self {
        Self::new(401, "invalid_client", "Client authentication failed")
    }

    pub(crate) fn invalid_grant(description: &str) -> Self {
        Self::new(403, "invalid_grant", description)
    }

    pub(crate) fn access_denied(description: &str) -> Self {
        Self::new(403, "access_denied", description)
    }

    pub(crate) fn service_not_found(audience: &str) -> Self {
        Self::access_denied(&format!("Service not found: {audience}"))
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.error, "error_description": self.description}));
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, no_store(), body).into_response()
    }
}

/// The words of a space-separated list.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Headers that forbid caching.
pub(crate) fn no_store() -> [(header::HeaderName, &'static str); 2] {
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")]
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}
