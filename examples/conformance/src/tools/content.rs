//! Tools that return content of every kind, and one that fails.

use doorward_spin::prelude::*;

use super::NoArguments;
use crate::media;

type Reply = Result<Vec<Content>, CallError>;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::new("test_simple_text", text).description("Returns text"),
        Tool::new("test_image_content", image).description("Returns a picture"),
        Tool::new("test_audio_content", audio).description("Returns a sound"),
        Tool::new("test_embedded_resource", resource).description("Returns a resource"),
        Tool::new("test_multiple_content_types", several)
            .description("Returns text, a picture and a resource"),
        Tool::new("test_error_handling", fails).description("Fails, always"),
    ]
}

async fn text(_: &Context, _: NoArguments) -> Reply {
    Ok(vec![Content::text("This is a simple text response for testing.")])
}

async fn image(_: &Context, _: NoArguments) -> Reply {
    Ok(vec![media::image()])
}

async fn audio(_: &Context, _: NoArguments) -> Reply {
    Ok(vec![media::audio()])
}

async fn resource(_: &Context, _: NoArguments) -> Reply {
    let text = "This is an embedded resource content.";
    let contents = ResourceContents::text("test://embedded-resource", "text/plain", text);
    Ok(vec![Content::Resource(contents)])
}

async fn several(_: &Context, _: NoArguments) -> Reply {
    let json = r#"{"test":"data","value":123}"#;
    let contents =
        ResourceContents::text("test://mixed-content-resource", "application/json", json);
    Ok(vec![
        Content::text("Multiple content types test:"),
        media::image(),
        Content::Resource(contents),
    ])
}

async fn fails(_: &Context, _: NoArguments) -> Reply {
    Err(CallError::new("This tool intentionally returns an error for testing"))
}
