//! The prompts.

use doorward_spin::prelude::*;
use serde_json::{Map, Value, json};

use crate::media;

type Arguments = Map<String, Value>;
type Messages = Result<Vec<PromptMessage>, CallError>;

pub(crate) fn register(registry: Registry) -> Registry {
    registry
        .with_prompt(Prompt::new("test_simple_prompt", "A prompt without arguments", simple))
        .with_prompt(
            Prompt::new("test_prompt_with_arguments", "A prompt with two arguments", arguments)
                .argument("arg1", "First test argument", true)
                .complete(|typed| starting_with(typed, &["testValue1", "hello"]))
                .argument("arg2", "Second test argument", true),
        )
        .with_prompt(
            Prompt::new("test_prompt_with_embedded_resource", "A prompt with a resource", resource)
                .argument("resourceUri", "URI of the resource to embed", true),
        )
        .with_prompt(Prompt::new("test_prompt_with_image", "A prompt with a picture", image))
        .with_prompt(Prompt::new(
            "test_input_required_result_prompt",
            "A prompt that asks the user for its context",
            asking,
        ))
}

fn starting_with(typed: &str, values: &[&str]) -> Vec<String> {
    values.iter().filter(|it| it.starts_with(typed)).map(|it| (*it).to_owned()).collect()
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

async fn simple(_: &Context, _: &Arguments) -> Messages {
    Ok(vec![PromptMessage::User(Content::text("This is a simple prompt for testing."))])
}

async fn arguments(_: &Context, arguments: &Arguments) -> Messages {
    let (first, second) = (text(arguments, "arg1"), text(arguments, "arg2"));
    let text = format!("Prompt with arguments: arg1='{first}', arg2='{second}'");
    Ok(vec![PromptMessage::User(Content::Text(text))])
}

async fn resource(_: &Context, arguments: &Arguments) -> Messages {
    let contents = ResourceContents::text(
        text(arguments, "resourceUri"),
        "text/plain",
        "Embedded resource content for testing.",
    );
    Ok(vec![
        PromptMessage::User(Content::Resource(contents)),
        PromptMessage::User(Content::text("Please process the embedded resource above.")),
    ])
}

async fn image(_: &Context, _: &Arguments) -> Messages {
    Ok(vec![
        PromptMessage::User(media::image()),
        PromptMessage::User(Content::text("Please analyze the image above.")),
    ])
}

async fn asking(context: &Context, _: &Arguments) -> Messages {
    let Some(Elicited::Accepted(fields)) = context.elicited("user_context") else {
        let question = InputRequest::Form {
            message: "What context should the prompt use?".into(),
            schema: json!({
                "type": "object",
                "properties": { "context": { "type": "string" } },
                "required": ["context"],
            }),
        };
        return Err(InputRequired::new().ask("user_context", question).into());
    };
    let text = format!("Use this context: {}", text(&fields, "context"));
    Ok(vec![PromptMessage::User(Content::Text(text))])
}
