//! An MCP server with one tool. Signing in, permissions and the protocol are Doorward's part.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a client sends. The model reads the comments of the fields.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Greet {
    /// The name of the person to greet
    name: String,
}

/// Doorward has verified the caller, and asked the tenant whether they may use this tool.
async fn greet(context: &Context, arguments: Greet) -> Result<String, CallError> {
    let name = arguments.name.trim();
    if name.is_empty() {
        return Err(CallError::new("The name is empty. Pass the name of the person to greet."));
    }
    Ok(format!("Hello, {name}! Greetings from {}.", context.caller().subject()))
}

/// The server with all of its tools.
///
/// A private tool is for those who hold the permission `tool:<name>`, which the API in the tenant
/// has to define. A public tool is for everyone who is signed in.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo {
        name: env!("CARGO_PKG_NAME"),
        title: "{{project-name | kebab_case}}",
        version: env!("CARGO_PKG_VERSION"),
    };
    let greet = Tool::new("greet", greet)
        .title("Greet")
        .description("Greets a person by name")
        .private();
    Server::new(info, Registry::new().with(greet))
}

doorward_spin::component!(server());

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use doorward_spin::testing::{FakeHost, Instance, finish};
    use serde_json::json;

    use super::*;

    /// Calls the tool as a user whom Doorward let in.
    fn greeting(name: &str) -> Result<String, CallError> {
        let instance = Instance::new(&Rc::new(FakeHost::new()), Registry::new());
        let context = instance.context(json!({ "sub": "auth0|1", "client_id": "client" }));
        finish(greet(&context, Greet { name: name.to_owned() }))
    }

    #[test]
    fn a_greeting_names_the_person_and_the_caller() {
        assert_eq!(greeting("Ada"), Ok("Hello, Ada! Greetings from auth0|1.".to_owned()));
    }

    #[test]
    fn an_empty_name_is_an_error_that_the_model_can_correct() {
        assert!(matches!(greeting(" "), Err(CallError::Failed(_))));
    }
}
