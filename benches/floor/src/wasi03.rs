//! The baseline on WASI 0.3.

use doorward_bench_guest::{answer, read};
use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Request, Response},
};

struct Floor;

spin_sdk::wasip3::http::service::export!(Floor);

impl Guest for Floor {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        // The answer depends on the body, so that this component has to read it like any other.
        match read(request).await.as_slice() {
            b"" => Err(ErrorCode::HttpRequestBodySize(Some(0))),
            _ => answer(&[]).await,
        }
    }
}
