//! The component: it reads its settings, and passes requests on to the API.

use crate::document::Api;
use crate::messages::{Call, Step, answered, failed, receive};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use spin_sdk::http::{IntoResponse, Request, StatusCode, body::IncomingBodyExt};
use spin_sdk::variables;
use std::sync::OnceLock;

/// The document, as the manifest's section calls it.
const DOCUMENT: &str = "/openapi.json";

/// The length of an API's answer, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// What the document offers, or what is wrong with it. Read once by each instance.
static API: OnceLock<Result<Api, String>> = OnceLock::new();

async fn api() -> Result<&'static Api, &'static str> {
    if API.get().is_none() {
        let operations = variables::get("operations").await;
        let server = variables::get("server").await.unwrap_or_default();
        let read = operations
            .map_err(|_| "the variable `operations` is missing".to_owned())
            .and_then(|operations| {
                let document = std::fs::read(DOCUMENT)
                    .map_err(|error| format!("the file `openapi.json` cannot be read: {error}"))?;
                Api::read(&document, &operations, &server)
            });
        if let Err(problem) = &read {
            eprintln!("{problem}");
        }
        // Another request may have read it meanwhile.
        let _ = API.set(read);
    }
    match API.get() {
        Some(Ok(api)) => Ok(api),
        Some(Err(problem)) => Err(problem),
        None => Err("the document has not been read"),
    }
}

/// Sends the request of a call, and returns the response to the call.
async fn call(Call { id, url, request }: Call) -> Value {
    let mut outbound = http::Request::builder().method(request.method.as_str()).uri(url);
    for (name, value) in request.headers {
        outbound = outbound.header(name, value);
    }
    let Ok(outbound) = outbound.body(Full::new(Bytes::from(request.body.unwrap_or_default())))
    else {
        return failed(&id, "The arguments make no request.");
    };
    let Ok(response) = spin_sdk::http::send(outbound).await else {
        return failed(&id, "The API cannot be reached.");
    };
    let status = response.status().as_u16();
    let mut stream = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = stream.frame().await {
        let Ok(frame) = frame else {
            return failed(&id, "The API's answer has broken off.");
        };
        body.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        if body.len() > MAX_ANSWER {
            return failed(&id, "The API's answer is too large. Ask for less.");
        }
    }
    answered(&id, status, &body)
}

#[spin_sdk::http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let body = request.into_body().bytes().await.unwrap_or_default();
    let message = serde_json::from_slice(&body).unwrap_or_default();
    let answer = match receive(api().await, &message) {
        Step::Answer(answer) => answer,
        Step::Call(request) => call(request).await,
    };
    let json = http::HeaderValue::from_static("application/json");
    let headers: http::HeaderMap = [(http::header::CONTENT_TYPE, json)].into_iter().collect();
    (StatusCode::OK, headers, answer.to_string())
}
