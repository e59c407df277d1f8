//! Tools that ask once: the user, the client's model, or the client for its roots.

use doorward_spin::prelude::*;
use serde_json::{Map, Value, json};

use super::NoArguments;

type Reply = Result<String, CallError>;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("test_input_required_result_elicitation", name)
            .description("Asks the user for a name"),
        Tool::new("test_input_required_result_sampling", capital)
            .description("Asks the client's model for a capital"),
        Tool::new("test_input_required_result_list_roots", roots)
            .description("Asks the client for its roots"),
        Tool::new("test_input_required_result_multiple_inputs", everything)
            .description("Asks user, model and client at once"),
        Tool::new("test_input_required_result_capabilities", what_is_possible)
            .description("Asks whoever the client can ask"),
        Tool::new("test_streaming_elicitation", name).description("Asks the user for a name"),
        Tool::new("test_missing_capability", sampling_only)
            .description("Works only with clients that have a model"),
    ]
}

/// A form with one text field.
pub(super) fn form(message: &str, field: &str) -> InputRequest {
    let mut properties = Map::new();
    properties.insert(field.to_owned(), json!({ "type": "string" }));
    InputRequest::Form {
        message: message.to_owned(),
        schema: json!({ "type": "object", "properties": properties, "required": [field] }),
    }
}

/// The text that the user typed into a field of a form. Without it, the question is asked again.
pub(super) fn typed(
    context: &Context,
    key: &'static str,
    field: &str,
    question: impl Fn() -> InputRequired,
) -> Reply {
    match context.elicited(key) {
        Some(Elicited::Accepted(fields)) => {
            let text = fields.get(field).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| question().into())
        }
        Some(_) => Err(CallError::new("Nothing can be done without an answer.")),
        None => Err(question().into()),
    }
}

fn sampling(prompt: &str, max_tokens: u32) -> InputRequest {
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    InputRequest::Sampling(json!({ "messages": [message], "maxTokens": max_tokens }))
}

/// What the client's model said; none if this is no answer of a model.
fn said(response: &Value) -> Option<&str> {
    response.get("content")?.get("text")?.as_str()
}

/// How many roots the client named; none if this is no list of roots.
fn counted(response: &Value) -> Option<usize> {
    Some(response.get("roots")?.as_array()?.len())
}

async fn name(context: &Context, _: NoArguments) -> Reply {
    let question = || InputRequired::new().ask("user_name", form("What is your name?", "name"));
    let name = typed(context, "user_name", "name", question)?;
    Ok(format!("Hello, {name}!"))
}

async fn capital(context: &Context, _: NoArguments) -> Reply {
    let question = sampling("What is the capital of France?", 100);
    match context.response("capital_question").and_then(said) {
        Some(text) => Ok(format!("The model says: {text}")),
        None => Err(InputRequired::new().ask("capital_question", question).into()),
    }
}

async fn roots(context: &Context, _: NoArguments) -> Reply {
    match context.response("client_roots").and_then(counted) {
        Some(count) => Ok(format!("The client has {count} root(s).")),
        None => Err(InputRequired::new().ask("client_roots", InputRequest::Roots).into()),
    }
}

async fn everything(context: &Context, _: NoArguments) -> Reply {
    let question = || {
        InputRequired::new()
            .ask("user_name", form("What is your name?", "name"))
            .ask("greeting", sampling("Generate a greeting", 50))
            .ask("client_roots", InputRequest::Roots)
            .remember(json!({ "asked": 3 }))
    };
    let name = typed(context, "user_name", "name", question)?;
    let greeting = context.response("greeting").and_then(said);
    let roots = context.response("client_roots").and_then(counted);
    match (greeting, roots) {
        (Some(greeting), Some(roots)) => Ok(format!("{greeting} {name}, of {roots} root(s)")),
        _ => Err(question().into()),
    }
}

async fn what_is_possible(context: &Context, _: NoArguments) -> Reply {
    let questions = [
        ("user_name", form("What is your name?", "name")),
        ("greeting", sampling("Generate a greeting", 50)),
    ];
    let possible = questions.into_iter().filter(|(_, question)| context.can_ask(question));
    let unanswered: Vec<_> = possible.filter(|(key, _)| context.response(key).is_none()).collect();
    if unanswered.is_empty() {
        return Ok("There is nothing left to ask.".into());
    }
    let input = unanswered
        .into_iter()
        .fold(InputRequired::new(), |input, (key, question)| input.ask(key, question));
    Err(input.into())
}

async fn sampling_only(context: &Context, _: NoArguments) -> Reply {
    if context.client_capabilities().contains_key("sampling") {
        return Ok("The client has a model.".into());
    }
    Err(CallError::MissingCapability(Map::from_iter([("sampling".to_owned(), json!({}))])))
}
