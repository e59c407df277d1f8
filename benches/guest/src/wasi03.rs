//! Reading and answering with WASI 0.3.

use spin_sdk::wasip3::{
    http::types::{ErrorCode, Fields, Request, Response},
    wit_bindgen::{StreamResult, spawn, yield_async},
    wit_future, wit_stream,
};

use crate::ANSWER;

/// The size of the read buffer, in bytes.
const CHUNK: usize = 16 * 1024;

/// Reads the body to its end.
pub async fn read(request: Request) -> Vec<u8> {
    let (result, reader) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Request::consume_body(request, reader);
    let mut body = Vec::new();
    while let (StreamResult::Complete(_), chunk) = stream.read(Vec::with_capacity(CHUNK)).await {
        body.extend_from_slice(&chunk);
    }
    drop((result, trailers));
    body
}

/// Sends the constant answer, with `more` headers in addition to the required ones.
///
/// # Errors
///
/// Returns an internal error if the host rejects a header.
pub async fn answer(more: &[(&str, &str)]) -> Result<Response, ErrorCode> {
    let mut headers = vec![
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), ANSWER.len().to_string().into_bytes()),
    ];
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    let headers = Fields::from_list(&headers).map_err(|_| ErrorCode::InternalError(None))?;
    let (mut writer, contents) = wit_stream::new();
    let (done, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(contents), trailers);
    spawn(async move {
        writer.write_all(ANSWER.to_vec()).await;
        drop(writer);
        // This fails if the client has closed the connection.
        let _ = done.write(Ok(None)).await;
    });
    // Yield, so that head and body reach the socket in one packet: the second of two packets
    // arrives 40 ms later.
    yield_async().await;
    Ok(response)
}
