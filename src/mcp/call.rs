//! `tools/call`: which tool, may this caller use it, and what comes of it.

use serde_json::{Map, Value};

use super::{Registry, RpcError, content::ToolResult, error::shown};
use crate::{auth0::Decision, context::Context};

/// # Errors
///
/// -32602 when no tool is named, or one that does not exist. Everything after that is a tool result.
pub(super) async fn call_tool(
    registry: &Registry,
    context: &Context<'_>,
    params: &mut Map<String, Value>,
) -> Result<Map<String, Value>, RpcError> {
    let arguments = params.remove("arguments");
    let name = params
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| RpcError::invalid_params("`name` must be the name of a tool"))?;
    let tool = registry
        .find(name)
        .ok_or_else(|| RpcError::invalid_params(format!("Unknown tool: {}", shown(name))))?;
    let result = match context.may_use(tool.name()).await {
        Decision::Allowed => {
            let arguments = match arguments {
                None => Map::new(),
                Some(Value::Object(arguments)) => arguments,
                Some(_) => return Err(RpcError::invalid_params("`arguments` must be an object")),
            };
            tool.call(context, arguments).await
        }
        Decision::LacksPermission => ToolResult::error(format!(
            "You don't have permission to use the '{}' tool.",
            tool.name()
        )),
        Decision::Undecided => ToolResult::error(format!(
            "Whether you may use the '{}' tool could not be checked just now. Try again in a moment.",
            tool.name()
        )),
    };
    Ok(result.into_members())
}
