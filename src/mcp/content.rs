//! Content: what results, prompts and resources are made of (`ContentBlock`, `ResourceContents`).

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// One block of content.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// Sound.
    Audio {
        /// The bytes.
        data: Vec<u8>,
        /// Their media type, such as `audio/wav`.
        mime_type: String,
    },
    /// A picture.
    Image {
        /// The bytes.
        data: Vec<u8>,
        /// Their media type, such as `image/png`.
        mime_type: String,
    },
    /// A resource, with what is in it.
    Resource(ResourceContents),
    /// Text.
    Text(String),
}

/// What is in a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceContents {
    uri: String,
    mime_type: &'static str,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Blob(Vec<u8>),
    Text(String),
}

impl Content {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Audio { data, mime_type } => {
                json!({ "type": "audio", "data": BASE64_STANDARD.encode(data), "mimeType": mime_type })
            }
            Self::Image { data, mime_type } => {
                json!({ "type": "image", "data": BASE64_STANDARD.encode(data), "mimeType": mime_type })
            }
            Self::Resource(contents) => {
                json!({ "type": "resource", "resource": contents.to_json() })
            }
            Self::Text(text) => json!({ "type": "text", "text": text }),
        }
    }
}

impl ResourceContents {
    /// A resource that is text.
    #[must_use]
    pub fn text(uri: impl Into<String>, mime_type: &'static str, text: impl Into<String>) -> Self {
        Self { uri: uri.into(), mime_type, body: Body::Text(text.into()) }
    }

    /// A resource that is bytes.
    #[must_use]
    pub fn blob(uri: impl Into<String>, mime_type: &'static str, blob: Vec<u8>) -> Self {
        Self { uri: uri.into(), mime_type, body: Body::Blob(blob) }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("uri".into(), json!(self.uri));
        members.insert("mimeType".into(), json!(self.mime_type));
        match &self.body {
            Body::Blob(blob) => members.insert("blob".into(), json!(BASE64_STANDARD.encode(blob))),
            Body::Text(text) => members.insert("text".into(), json!(text)),
        };
        Value::Object(members)
    }
}
