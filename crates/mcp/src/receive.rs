//! From the body of an HTTP request to typed requests.

use doorward_core::strict_json;
use http::HeaderMap;
use serde_json::Value;

use crate::{Era, Id, Offers, Rejected, Request, RpcError, message::Message};

/// The most messages that one batch may have.
const MAX_BATCH: usize = 50;

/// What came in.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// Several requests, in a revision that has batches. Each is authorized and answered by itself,
    /// in this order; [`batch_response`](crate::batch_response) joins the responses.
    Batch(Vec<Result<Request, Rejected>>),
    /// `subscriptions/listen`, which [`listened`](crate::listened) answers. No batch has it.
    Listen(Id),
    /// Nothing to answer: notifications, or responses to requests that were never sent. HTTP 202.
    Nothing,
    /// One request.
    Request(Box<Request>),
}

/// Reads the body of a request.
///
/// # Errors
///
/// Returns [`Rejected`], which is the whole answer, if the body is not JSON (or has a duplicate
/// member), is no JSON-RPC message, or is a request that is invalid whatever the server's registry
/// and the caller's permissions are.
pub fn receive(headers: &HeaderMap, body: &[u8], offers: Offers) -> Result<Incoming, Rejected> {
    let message = match strict_json::parse(body) {
        Ok(Value::Array(items)) => return receive_batch(headers, items, offers),
        Ok(message) => message,
        Err(_) => return Err(RpcError::parse_error().into()),
    };
    let Some(message) = Message::parse(message)? else {
        return Ok(Incoming::Nothing);
    };
    match Era::detect(&message, headers) {
        Ok(Era::Modern) if message.method == "subscriptions/listen" => {
            Ok(Incoming::Listen(message.id))
        }
        Ok(era) => Request::parse(message, era, offers).map(Box::new).map(Incoming::Request),
        Err(error) => Err(Rejected { id: Some(message.id), error }),
    }
}

fn receive_batch(
    headers: &HeaderMap,
    items: Vec<Value>,
    offers: Offers,
) -> Result<Incoming, Rejected> {
    let era = Era::of_batch(&items, headers)?;
    if items.is_empty() || items.len() > MAX_BATCH {
        let text = format!("A batch has 1 to {MAX_BATCH} messages");
        return Err(RpcError::invalid_request(text).into());
    }
    let requests: Vec<_> = items
        .into_iter()
        .filter_map(|item| Message::parse(item).transpose())
        .map(|message| Request::parse(message?, era, offers))
        .collect();
    Ok(if requests.is_empty() { Incoming::Nothing } else { Incoming::Batch(requests) })
}
