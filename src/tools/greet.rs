//! `greet`: a greeting that shows who is signed in.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Greet {
    /// The name of the person to greet (optional)
    name: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    /// The greeting.
    greeting: String,
}

pub(super) fn tool() -> Tool {
    Tool::new("greet", call)
        .title("Greet User")
        .description("Greet a user with personalized authentication information from Auth0")
        .private()
}

/// The name in the token has precedence over the argument, because it is verified.
async fn call(context: &Context, arguments: Greet) -> Result<ToolOutput<Greeting>, CallError> {
    let proved = context.caller().text_claim("name");
    let name = proved.or(arguments.name.as_deref()).unwrap_or("there");
    let greeting = format!("Hello, {name}!");
    let text = format!(
        "{greeting}\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward."
    );
    Ok(ToolOutput { text, structured: Greeting { greeting } })
}
