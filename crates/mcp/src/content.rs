//! The content of results, prompts and resources (`ContentBlock`, `ResourceContents`).

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

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
    /// A block of another server, which is JSON already.
    PassedOn(Value),
    /// A resource with its contents.
    Resource(ResourceContents),
    /// Text.
    Text(String),
}

/// The contents of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceContents {
    uri: String,
    mime_type: &'static str,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Blob(Vec<u8>),
    /// The contents of a resource of another server, which are JSON already.
    PassedOn(Value),
    Text(String),
}

impl Content {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Members are in the order of their names, as everywhere in a response.
impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::PassedOn(block) = self {
            return block.serialize(serializer);
        }
        let mut members = serializer.serialize_map(None)?;
        let kind = match self {
            // Serialized above.
            Self::PassedOn(_) => "",
            Self::Audio { data, mime_type } => {
                members.serialize_entry("data", &BASE64_STANDARD.encode(data))?;
                members.serialize_entry("mimeType", mime_type)?;
                "audio"
            }
            Self::Image { data, mime_type } => {
                members.serialize_entry("data", &BASE64_STANDARD.encode(data))?;
                members.serialize_entry("mimeType", mime_type)?;
                "image"
            }
            Self::Resource(contents) => {
                members.serialize_entry("resource", contents)?;
                "resource"
            }
            Self::Text(text) => {
                members.serialize_entry("text", text)?;
                "text"
            }
        };
        members.serialize_entry("type", kind)?;
        members.end()
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

    /// A resource of another server, which is JSON already.
    #[must_use]
    pub fn passed_on(contents: Value) -> Self {
        Self { uri: String::new(), mime_type: "", body: Body::PassedOn(contents) }
    }
}

impl Serialize for ResourceContents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Body::PassedOn(contents) = &self.body {
            return contents.serialize(serializer);
        }
        let mut members = serializer.serialize_map(None)?;
        if let Body::Blob(blob) = &self.body {
            members.serialize_entry("blob", &BASE64_STANDARD.encode(blob))?;
        }
        members.serialize_entry("mimeType", self.mime_type)?;
        if let Body::Text(text) = &self.body {
            members.serialize_entry("text", text)?;
        }
        members.serialize_entry("uri", &self.uri)?;
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_content_has_its_members_in_the_order_of_their_names() {
        let (data, mime_type) = (vec![7], String::from("a/b"));
        let content = [
            Content::Audio { data: data.clone(), mime_type: mime_type.clone() },
            Content::Image { data: data.clone(), mime_type },
            Content::Resource(ResourceContents::blob("test://a", "a/b", data)),
            Content::Resource(ResourceContents::text("test://a", "a/b", "A")),
            Content::text("A"),
        ];
        let written: Vec<String> =
            content.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
        assert_eq!(
            written,
            [
                r#"{"data":"Bw==","mimeType":"a/b","type":"audio"}"#,
                r#"{"data":"Bw==","mimeType":"a/b","type":"image"}"#,
                r#"{"resource":{"blob":"Bw==","mimeType":"a/b","uri":"test://a"},"type":"resource"}"#,
                r#"{"resource":{"mimeType":"a/b","text":"A","uri":"test://a"},"type":"resource"}"#,
                r#"{"text":"A","type":"text"}"#,
            ]
        );
    }
}
