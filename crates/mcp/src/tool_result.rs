//! The result of a tool call (`CallToolResult`), and the types that a tool may return.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{Content, MethodResult, coercion::keep, schema::schema_of};

/// The result of a tool call. It is the same in both eras.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    content: Vec<Content>,
    structured: Option<Value>,
    is_error: bool,
}

/// A reply with structured content: text for people and models, and the same as data.
///
/// ```
/// use doorward_mcp::{NoArguments, Tool, ToolOutput};
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Sum {
///     sum: u32,
/// }
///
/// let tool = Tool::new("sum", async |(), NoArguments {}| {
///     Ok(ToolOutput { text: "It is 3.".to_owned(), structured: Sum { sum: 3 } })
/// });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutput<T> {
    /// The text content.
    pub text: String,
    /// The structured content; its type is the tool's output schema.
    pub structured: T,
}

/// A type that a tool may return.
pub trait ToolReply {
    /// The schema of the structured content; `None` for a reply without it.
    fn output_schema() -> Option<Value>;

    /// The reply as a result; `None` if its data is not a JSON object.
    fn into_result(self) -> Option<ToolResult>;
}

impl ToolResult {
    /// A failure that the model and its user can read.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], structured: None, is_error: true }
    }

    /// The result of another server: blocks of content that are JSON already.
    #[must_use]
    pub fn passed_on(content: Vec<Value>, structured: Option<Value>, is_error: bool) -> Self {
        let content = content.into_iter().map(Content::PassedOn).collect();
        Self { content, structured, is_error }
    }

    /// Whether it is a failure.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }
}

impl From<ToolResult> for MethodResult {
    fn from(tool: ToolResult) -> Self {
        let mut result = Self::with("content", &tool.content);
        result.insert("isError", &tool.is_error);
        result.insert_some("structuredContent", tool.structured);
        result
    }
}

impl<T: Serialize + JsonSchema> ToolReply for ToolOutput<T> {
    fn output_schema() -> Option<Value> {
        Some(schema_of::<T>())
    }

    fn into_result(self) -> Option<ToolResult> {
        let mut structured =
            serde_json::to_value(&self.structured).ok().filter(Value::is_object)?;
        without_null(&mut structured);
        let content = vec![Content::Text(self.text)];
        Some(ToolResult { content, structured: Some(structured), is_error: false })
    }
}

/// Leaves out members that are `null`, which the schema does not allow.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(members) => {
            keep(members, &mut |_, member| {
                without_null(member);
                !member.is_null()
            });
        }
        _ => {}
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
