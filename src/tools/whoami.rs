//! `whoami`: the authenticated user and the granted scopes.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
struct Whoami {
    /// The authenticated user.
    user: Profile,
    /// The scopes that the client was granted.
    scopes: Vec<String>,
    /// What the tenant allows the user, if the access token lists it.
    permissions: Vec<String>,
    /// The organization that the user signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<Organization>,
    /// Where the user is known, as in `google-oauth2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<String>,
    /// Whether a machine calls for itself, with no user behind it.
    machine: bool,
    /// Who acts for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
}

pub(super) fn tool() -> Tool {
    Tool::new("whoami", call)
        .title("Who Am I?")
        .description("Returns information about the authenticated user")
        .private()
}

async fn call(context: &Context, _: NoArguments) -> Result<ToolOutput<Whoami>, CallError> {
    let caller = context.caller();
    let structured = Whoami {
        user: context.profile(),
        scopes: caller.granted_scopes().map(str::to_owned).collect(),
        permissions: caller.permissions().into_iter().map(str::to_owned).collect(),
        organization: caller.organization(),
        identity_provider: caller.identity_provider().map(str::to_owned),
        machine: caller.is_machine(),
        actor: caller.actor().map(str::to_owned),
    };
    let text = serde_json::to_string_pretty(&structured)
        .map_err(|_| CallError::new("The profile could not be represented."))?;
    Ok(ToolOutput { text, structured })
}
