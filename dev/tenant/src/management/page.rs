//! Pagination by offset and by checkpoint.

use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Error;
use crate::json::put;
use crate::oauth::Params;

/// Returns a page by offset: `page`, `per_page` and `include_totals`.
pub(super) fn offset(uri: &Uri, name: &str, all: &[Value]) -> Result<Value, Error> {
    let params = query(uri)?;
    let per_page = number(&params, "per_page", 50)?;
    let page = number(&params, "page", 0)?;
    if per_page > 100 {
        return Err(Error::InvalidQuery(format!(
            "'Value {per_page} is greater than maximum 100' on property per_page (Number of results per page.)."
        )));
    }
    let start = page.saturating_mul(per_page);
    let items: Vec<&Value> = all.iter().skip(start).take(per_page).collect();
    match params.get("include_totals") {
        Some("true") => {
            Ok(json!({"start": start, "limit": per_page, "total": all.len(), name: items}))
        }
        None | Some("false") => Ok(json!(items)),
        Some(other) => Err(Error::InvalidQuery(format!(
            "'Expected type boolean but found type string: {other}' on property include_totals."
        ))),
    }
}

/// Returns a page by checkpoint: `from` and `take`.
pub(super) fn checkpoint(uri: &Uri, name: &str, all: &[Value]) -> Result<Value, Error> {
    let params = query(uri)?;
    let take = number(&params, "take", 50)?;
    if !(1..=100).contains(&take) {
        return Err(Error::InvalidQuery(format!(
            "'Value {take} is not between 1 and 100' on property take."
        )));
    }
    let start = match params.get("from") {
        None => 0,
        Some(from) => read_checkpoint(from).ok_or_else(|| {
            Error::InvalidQuery("'Invalid checkpoint' on property from.".to_owned())
        })?,
    };
    let items: Vec<&Value> = all.iter().skip(start).take(take).collect();
    let end = start.saturating_add(items.len());
    let mut page = json!({ name: items });
    if end < all.len() {
        put(&mut page, "next", json!(URL_SAFE_NO_PAD.encode(end.to_string())));
    }
    Ok(page)
}

/// The parameters of the query.
pub(super) fn query(uri: &Uri) -> Result<Params, Error> {
    Params::urlencoded(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| Error::InvalidQuery(error.description))
}

fn number(params: &Params, name: &str, default: usize) -> Result<usize, Error> {
    match params.get(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| {
            Error::InvalidQuery(format!(
                "'Expected type integer but found type string' on property {name}."
            ))
        }),
    }
}

fn read_checkpoint(text: &str) -> Option<usize> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?.parse().ok()
}
