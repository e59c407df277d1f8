//! From the body of an HTTP request to typed requests.

use bytes::Bytes;
use doorward_core::strict_json::CheckedJson;
use http::HeaderMap;

use crate::{
    Era, Id, LegacyVersion, Offers, Rejected, Request, RpcError, Seal, era::VERSION_HEADER,
    message::Message, session,
};

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

/// Reads the body of a request, of which at most `max_values` JSON values are accepted. `seal` is
/// for the sessions of its caller.
///
/// # Errors
///
/// Returns [`Rejected`], which is the whole answer, if the body is not JSON (or has a duplicate
/// member, or too many or too deep values), is no JSON-RPC message, or is a request that is invalid
/// whatever the server's registry and the caller's permissions are. A legacy request in a session
/// that is not the caller's, or not any more, is 404.
pub fn receive(
    headers: &HeaderMap,
    body: &Bytes,
    max_values: usize,
    offers: Offers,
    seal: &dyn Fn() -> Seal,
) -> Result<Incoming, Rejected> {
    let json = CheckedJson::check(body, max_values).map_err(|error| Rejected {
        id: CheckedJson::member_of_refused(body, "id").as_ref().and_then(Id::parse),
        error: RpcError::parse_error(error),
    })?;
    if let Some(items) = json.items() {
        return receive_batch(headers, &items, offers, seal);
    }
    let Some(message) = Message::parse(&json)? else {
        session::declared(headers, seal)?;
        return Ok(Incoming::Nothing);
    };
    let opened = Era::detect(&message, headers).and_then(|era| match era {
        Era::Legacy(version) if message.method != "initialize" => {
            let declared = session::declared(headers, seal)?;
            // A session says which revision was negotiated.
            let is_named = declared.is_none() || headers.contains_key(VERSION_HEADER);
            let version = if is_named { version } else { LegacyVersion::LATEST };
            Ok((Era::Legacy(version), declared))
        }
        era => Ok((era, None)),
    });
    match opened {
        Ok((Era::Modern, _)) if message.method == "subscriptions/listen" => {
            Ok(Incoming::Listen(message.id))
        }
        Ok((era, declared)) => {
            let mut request = Request::parse(message, era, declared, offers)?;
            request.session_id = session::begin(&request.call, seal);
            Ok(Incoming::Request(Box::new(request)))
        }
        Err(error) => Err(Rejected { id: Some(message.id), error }),
    }
}

fn receive_batch(
    headers: &HeaderMap,
    items: &[CheckedJson],
    offers: Offers,
    seal: &dyn Fn() -> Seal,
) -> Result<Incoming, Rejected> {
    let era = Era::of_batch(items, headers)?;
    session::declared(headers, seal)?;
    if items.is_empty() || items.len() > MAX_BATCH {
        let text = format!("A batch has 1 to {MAX_BATCH} messages");
        return Err(RpcError::invalid_request(text).into());
    }
    let requests: Vec<_> = items
        .iter()
        .filter_map(|item| Message::parse(item).transpose())
        .map(|message| Request::parse(message?, era, None, offers))
        .collect();
    Ok(if requests.is_empty() { Incoming::Nothing } else { Incoming::Batch(requests) })
}
