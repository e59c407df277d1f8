//! scratch
#![cfg(target_family = "wasm")]
use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Fields, Request, Response},
    wit_bindgen::{StreamResult, spawn, yield_async},
    wit_future, wit_stream,
};
use spin_sdk::http::{FromRequest, IntoResponse};
use http_body_util::{BodyExt, Full};

const ANSWER: &[u8] = br#"{"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"Hello, Calendar Owner!\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward.","type":"text"}],"isError":false,"structuredContent":{"greeting":"Hello, Calendar Owner!"}}}"#;

struct Floor;
spin_sdk::wasip3::http::service::export!(Floor);

impl Guest for Floor {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        if path.starts_with("/sdk") {
            let request = spin_sdk::http::Request::from_request(request)?;
            let body = request.into_body().collect().await?.to_bytes();
            if body.len() > 1 << 20 { return Err(ErrorCode::InternalError(None)); }
            let response = http::Response::builder().header("content-type", "application/json")
                .header("content-length", ANSWER.len()).body(Full::new(bytes::Bytes::from_static(ANSWER))).unwrap();
            let response = response.into_response()?;
            yield_async().await;
            return Ok(response);
        }
        let (result, reader) = wit_future::new(|| Ok(()));
        let (mut stream, trailers) = Request::consume_body(request, reader);
        let mut body = Vec::new();
        loop {
            let (status, chunk) = stream.read(Vec::with_capacity(16 * 1024)).await;
            match status {
                StreamResult::Complete(_) => if body.is_empty() { body = chunk } else { body.extend_from_slice(&chunk) },
                _ => break,
            }
        }
        drop((result, trailers));
        if body.len() > 1 << 20 { return Err(ErrorCode::InternalError(None)); }
        let headers = Fields::from_list(&[
            ("content-type".to_owned(), b"application/json".to_vec()),
            ("content-length".to_owned(), ANSWER.len().to_string().into_bytes()),
        ]).map_err(|_| ErrorCode::InternalError(None))?;
        let (mut writer, contents) = wit_stream::new();
        let (done, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(contents), trailers);
        let raw2 = path.starts_with("/raw2");
        spawn(async move {
            writer.write_all(ANSWER.to_vec()).await;
            drop(writer);
            if raw2 { drop(done) } else { let _ = done.write(Ok(None)).await; }
        });
        yield_async().await;
        Ok(response)
    }
}
