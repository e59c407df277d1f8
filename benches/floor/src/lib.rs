//! A component that does nothing: it reads the request's body and answers a constant, in the fastest way there is.
//!
//! No server that is asked over HTTP on the same host can be faster, so this is what Doorward is measured against.

#![cfg(target_family = "wasm")]

use spin_sdk::wasip3::{
    http::types::{ErrorCode, Fields, Request, Response},
    wit_bindgen::{StreamResult, spawn, yield_async},
    wit_future, wit_stream,
};

/// What Doorward's tool `greet` answers to the seed's owner.
const ANSWER: &[u8] = br#"{"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"Hello, Calendar Owner!\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward.","type":"text"}],"isError":false,"structuredContent":{"greeting":"Hello, Calendar Owner!"}}}"#;

/// How much is read at once, in bytes.
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

/// The constant answer, with these headers besides those that it cannot do without.
///
/// # Errors
///
/// What the host has against the headers, which is nothing.
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
        // Whoever does not want the end of the answer has gone away.
        let _ = done.write(Ok(None)).await;
    });
    // So that head and body reach the socket together: a client waits 40 ms for the second of two packets.
    yield_async().await;
    Ok(response)
}

#[cfg(feature = "component")]
mod component {
    use super::{ErrorCode, Request, Response, answer, read};
    use spin_sdk::wasip3::exports::http::handler::Guest;

    struct Floor;

    spin_sdk::wasip3::http::service::export!(Floor);

    impl Guest for Floor {
        async fn handle(request: Request) -> Result<Response, ErrorCode> {
            // A body that nobody looks at would not have to be read.
            match read(request).await.as_slice() {
                b"" => Err(ErrorCode::HttpRequestBodySize(Some(0))),
                _ => answer(&[]).await,
            }
        }
    }
}
