//! The smallest picture and the shortest sound.

use doorward_spin::prelude::*;

/// One red pixel.
pub(crate) const PNG: &[u8] = include_bytes!("red-pixel.png");

/// A millisecond of silence.
const WAV: &[u8] = include_bytes!("silence.wav");

/// The picture as content.
pub(crate) fn image() -> Content {
    Content::Image { data: PNG.to_vec(), mime_type: "image/png".into() }
}

/// The sound as content.
pub(crate) fn audio() -> Content {
    Content::Audio { data: WAV.to_vec(), mime_type: "audio/wav".into() }
}
