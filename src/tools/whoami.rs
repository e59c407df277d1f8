//! `whoami`: the authenticated user and the granted scopes.

use schemars::JsonSchema;
use serde::Serialize;

use super::NoArguments;
use crate::{
    context::{Context, Profile},
    mcp::{CallError, Tool, ToolOutput},
};

#[derive(Serialize, JsonSchema)]
struct Whoami {
    /// The authenticated user.
    user: Profile,
    /// The scopes and permissions of the access token.
    scopes: Vec<String>,
}

pub(super) fn tool() -> Tool {
    Tool::new("whoami", call)
        .title("Who Am I?")
        .description("Returns information about the authenticated user")
}

async fn call(context: &Context, _: NoArguments) -> Result<ToolOutput<Whoami>, CallError> {
    let structured = Whoami { user: context.profile(), scopes: context.scopes().to_vec() };
    let text = serde_json::to_string_pretty(&structured)
        .map_err(|_| CallError::new("The profile could not be represented."))?;
    Ok(ToolOutput { text, structured })
}
