//! The body of a response to an outbound request, kept or passed on.

use std::pin::pin;

use bytes::Bytes;
use doorward_core::host::BodySink;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;

/// Reads a response to its end. With a sink, that gets the body.
///
/// # Errors
///
/// Returns the error of the body, or `None` if it has more than `most` bytes.
pub(crate) async fn collect<B>(
    response: Response<B>,
    most: usize,
    sink: Option<BodySink<'_>>,
) -> Result<Response<Bytes>, Option<B::Error>>
where
    B: Body<Data = Bytes>,
{
    let (parts, body) = response.into_parts();
    let (mut body, mut left, mut kept) = (pin!(body), most, Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Some)?.into_data() else { continue };
        left = left.checked_sub(data.len()).ok_or(None)?;
        match sink {
            Some(sink) => sink(parts.status, &data),
            None => kept.extend_from_slice(&data),
        }
    }
    Ok(Response::from_parts(parts, kept.into()))
}
