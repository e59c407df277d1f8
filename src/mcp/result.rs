//! What comes of a tool call (`CallToolResult`), and what a tool may return for it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{content::Content, members::Members, schema::schema_of};

/// The result of a tool call. It is the same in both eras.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    content: Vec<Content>,
    structured: Option<Value>,
    is_error: bool,
}

/// What a tool with structured content returns: text for people and models, and the same as data.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutput<T> {
    /// The text content.
    pub text: String,
    /// The structured content; its type is the tool's output schema.
    pub structured: T,
}

/// A type that a tool may return.
pub trait ToolReply {
    /// The schema of the structured content, for a reply that has any.
    fn output_schema() -> Option<Value>;

    /// The reply as a result. There is none for data that JSON cannot hold.
    fn into_result(self) -> Option<ToolResult>;
}

impl ToolResult {
    /// A failure that the model and its user can read.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], structured: None, is_error: true }
    }

    pub(super) fn members(&self) -> Members {
        let mut members = Members::with("content", &self.content);
        members.insert("isError", &self.is_error);
        if let Some(structured) = &self.structured {
            members.insert("structuredContent", structured);
        }
        members
    }
}

impl<T: Serialize + JsonSchema> ToolReply for ToolOutput<T> {
    fn output_schema() -> Option<Value> {
        Some(schema_of::<T>())
    }

    fn into_result(self) -> Option<ToolResult> {
        let structured = serde_json::to_value(&self.structured).ok().filter(Value::is_object)?;
        let content = vec![Content::Text(self.text)];
        Some(ToolResult { content, structured: Some(structured), is_error: false })
    }
}

impl ToolReply for Vec<Content> {
    fn output_schema() -> Option<Value> {
        None
    }

    fn into_result(self) -> Option<ToolResult> {
        Some(ToolResult { content: self, structured: None, is_error: false })
    }
}

impl ToolReply for String {
    fn output_schema() -> Option<Value> {
        None
    }

    fn into_result(self) -> Option<ToolResult> {
        vec![Content::Text(self)].into_result()
    }
}
