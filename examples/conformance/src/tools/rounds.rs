//! Tools whose rounds tell one another something, in a state that the client carries and cannot
//! change.

use doorward_spin::prelude::*;
use serde_json::{Value, json};

use super::{NoArguments, input};

type Reply = Result<String, CallError>;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("test_input_required_result_request_state", confirm)
            .description("Asks for a confirmation and remembers that it did"),
        Tool::new("test_input_required_result_tampered_state", confirm)
            .description("Asks for a confirmation and remembers that it did"),
        Tool::new("test_input_required_result_multi_round", steps)
            .description("Asks for a name, then for a colour"),
    ]
}

async fn confirm(context: &Context, _: NoArguments) -> Reply {
    let asked = context.remembered().is_some_and(|state| state == "asked");
    match context.elicited("confirm") {
        Some(Elicited::Accepted(_)) if asked => Ok("state-ok".into()),
        Some(Elicited::Cancelled | Elicited::Declined) if asked => Ok("not confirmed".into()),
        _ => {
            let question = InputRequest::Form {
                message: "Please confirm".into(),
                schema: json!({
                    "type": "object",
                    "properties": { "ok": { "type": "boolean" } },
                    "required": ["ok"],
                }),
            };
            Err(InputRequired::new().ask("confirm", question).remember(json!("asked")).into())
        }
    }
}

async fn steps(context: &Context, _: NoArguments) -> Reply {
    let first = || {
        let form = input::form("Step 1: What is your name?", "name");
        InputRequired::new().ask("step1", form).remember(json!({ "step": 1 }))
    };
    let Some(state) = context.remembered() else {
        return Err(first().into());
    };
    let known = state.get("name").and_then(Value::as_str).map(str::to_owned);
    let name = match known {
        Some(name) => name,
        None => input::typed(context, "step1", "name", first)?,
    };
    let second = || {
        let form = input::form("Step 2: What is your favorite color?", "color");
        InputRequired::new().ask("step2", form).remember(json!({ "step": 2, "name": name }))
    };
    let color = input::typed(context, "step2", "color", second)?;
    Ok(format!("{name} likes {color}."))
}
