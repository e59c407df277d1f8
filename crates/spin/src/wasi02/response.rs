//! An answer as a response of the host.

use doorward_core::web::AnswerBody;
use http::Response;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{
    bindings::{
        http::types::{ErrorCode, Fields, OutgoingBody, OutgoingResponse, ResponseOutparam},
        io::streams::OutputStream,
    },
    executor::Executor,
    outgoing,
};
use crate::head::header_list;

/// Sends a response. What is there already leaves together with its head: a host that has not read
/// all of the request closes the connection, and what it writes after the head may then be lost.
pub(super) async fn send(
    response: Response<AnswerBody>,
    outparam: ResponseOutparam,
    executor: &Executor,
) {
    let (parts, body) = response.into_parts();
    let Ok(headers) = Fields::from_list(&header_list(&parts.headers)) else {
        return fail(outparam);
    };
    let response = OutgoingResponse::new(headers);
    let Ok(()) = response.set_status_code(parts.status.as_u16()) else { return fail(outparam) };
    let Ok(outgoing) = response.body() else { return fail(outparam) };
    let Ok(stream) = outgoing.write() else { return fail(outparam) };
    let room = stream.check_write().unwrap_or(0);
    if body.size_hint().exact().is_some_and(|length| length <= room) {
        write(body, stream, outgoing, executor).await;
        ResponseOutparam::set(outparam, Ok(response));
    } else {
        ResponseOutparam::set(outparam, Ok(response));
        write(body, stream, outgoing, executor).await;
    }
}

/// Writes a body to its end.
async fn write(
    mut body: AnswerBody,
    stream: OutputStream,
    outgoing: OutgoingBody,
    executor: &Executor,
) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        if outgoing::write(&stream, &data, executor).await.is_err() {
            return;
        }
    }
    // The host traps if a body goes before its stream.
    drop(stream);
    outgoing::finish(outgoing);
}

/// Reports that the host cannot represent the response.
pub(super) fn fail(outparam: ResponseOutparam) {
    ResponseOutparam::set(outparam, Err(ErrorCode::InternalError(None)));
}
