//! Bodies of requests: what they may have, in Auth0's words if they have something else.

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Error;

/// The members of a body.
pub(super) type Members = Map<String, Value>;

/// Reads an object that has no other members than these.
pub(super) fn object(body: &Bytes, known: &[&str]) -> Result<Members, Error> {
    let members: Members = serde_json::from_slice(body)
        .map_err(|_| Error::InvalidBody("'Expected type object'".to_owned()))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(additional(name)),
        None => Ok(members),
    }
}

/// The error for a member that the API does not know.
pub(super) fn additional(name: &str) -> Error {
    Error::InvalidBody(format!("'Additional properties not allowed: {name}'"))
}

/// Reads a member of this type, if the body has it.
pub(super) fn optional<T: DeserializeOwned>(
    members: &Members,
    name: &str,
) -> Result<Option<T>, Error> {
    let Some(value) = members.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let read = serde_json::from_value(value.clone());
    read.map(Some).map_err(|_| Error::InvalidBody(format!("'Invalid type' on property {name}")))
}

/// Reads a member of this type.
pub(super) fn required<T: DeserializeOwned>(members: &Members, name: &str) -> Result<T, Error> {
    optional(members, name)?
        .ok_or_else(|| Error::InvalidBody(format!("'Missing required property: {name}'")))
}
