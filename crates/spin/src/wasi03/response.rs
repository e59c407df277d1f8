//! An answer as a response of the host.

use doorward_core::web::AnswerBody;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use spin_sdk::wasip3::{
    http::types::{ErrorCode, Fields, Response as WasiResponse},
    wit_bindgen::{StreamWriter, spawn},
    wit_future, wit_stream,
};

use crate::head::header_list;

/// Converts a response. A task of its own writes the body, and then runs `after`, whether or not
/// somebody has read all of it.
///
/// # Errors
///
/// Returns an error if the host cannot represent the response.
pub(super) fn into_wasi(
    response: Response<AnswerBody>,
    after: impl Future<Output = ()> + 'static,
) -> Result<WasiResponse, ErrorCode> {
    let (parts, body) = response.into_parts();
    let headers = Fields::from_list(&header_list(&parts.headers))
        .map_err(|_| ErrorCode::InternalError(None))?;
    // The host gets this error if the writer below is dropped before the end.
    let (end, trailers) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    let (writer, contents) = match body.is_empty() {
        true => (None, None),
        false => {
            let (writer, contents) = wit_stream::new();
            (Some(writer), Some(contents))
        }
    };
    let (response, _sent) = WasiResponse::new(headers, contents, trailers);
    if parts.status != StatusCode::OK {
        response
            .set_status_code(parts.status.as_u16())
            .map_err(|()| ErrorCode::InternalError(None))?;
    }
    spawn(async move {
        if let Some(writer) = writer {
            write(writer, body).await;
        }
        // This fails only if nobody reads the response any more.
        let _ = end.write(Ok(None)).await;
        after.await;
    });
    Ok(response)
}

/// Writes a body to its end, or until nobody reads it any more.
async fn write(mut writer: StreamWriter<u8>, mut body: AnswerBody) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        if !writer.write_all(data.into()).await.is_empty() {
            return;
        }
    }
}
