//! Results of tool calls (`CallToolResult`).

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a tool call comes to. It is the same in both eras.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    text: String,
    structured: Option<Value>,
    is_error: bool,
}

impl ToolResult {
    /// A success: text for people, and the same as data.
    #[must_use]
    pub fn success(text: String, structured: &impl Serialize) -> Option<Self> {
        let structured = serde_json::to_value(structured).ok().filter(Value::is_object)?;
        Some(Self { text, structured: Some(structured), is_error: false })
    }

    /// A failure that the model and its user can read.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), structured: None, is_error: true }
    }

    pub(super) fn into_members(self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("content".into(), json!([{ "type": "text", "text": self.text }]));
        if let Some(structured) = self.structured {
            members.insert("structuredContent".into(), structured);
        }
        members.insert("isError".into(), json!(self.is_error));
        members
    }
}
