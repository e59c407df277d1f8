//! The resources.

use doorward_spin::prelude::*;
use serde_json::{Value, json};

use crate::media;

type Contents = Result<Vec<ResourceContents>, CallError>;

pub(crate) fn register(registry: Registry) -> Registry {
    registry
        .with_resource(Resource::new(
            "test://static-text",
            "static-text",
            "A resource that is text",
            "text/plain",
            text,
        ))
        .with_resource(Resource::new(
            "test://static-binary",
            "static-binary",
            "A resource that is a picture",
            "image/png",
            binary,
        ))
        .with_resource(Resource::new(
            "test://asking",
            "asking",
            "A resource that asks the user which of its parts is wanted",
            "text/plain",
            asking,
        ))
        .with_template(
            ResourceTemplate::new(
                "test://template/{id}/data",
                "template",
                "Data by number",
                "application/json",
                data,
            )
            .complete("id", |typed| {
                ["1", "12", "123"]
                    .map(String::from)
                    .into_iter()
                    .filter(|it| it.starts_with(typed))
                    .collect()
            }),
        )
}

async fn text(_: &Context) -> Contents {
    let text = "This is the content of the static text resource.";
    Ok(vec![ResourceContents::text("test://static-text", "text/plain", text)])
}

async fn binary(_: &Context) -> Contents {
    Ok(vec![ResourceContents::blob("test://static-binary", "image/png", media::PNG.to_vec())])
}

async fn asking(context: &Context) -> Contents {
    let Some(Elicited::Accepted(fields)) = context.elicited("part") else {
        let question = InputRequest::Form {
            message: "Which part of the resource is wanted?".into(),
            schema: json!({
                "type": "object",
                "properties": { "part": { "type": "string" } },
                "required": ["part"],
            }),
        };
        return Err(InputRequired::new().ask("part", question).into());
    };
    let part = fields.get("part").and_then(Value::as_str).unwrap_or_default();
    Ok(vec![ResourceContents::text("test://asking", "text/plain", format!("The part {part}."))])
}

async fn data(_: &Context, variables: TemplateVariables) -> Contents {
    let id = variables.get("id").ok_or(CallError::NotFound)?;
    if !id.bytes().all(|it| it.is_ascii_digit()) {
        return Err(CallError::NotFound);
    }
    let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
    let uri = format!("test://template/{id}/data");
    Ok(vec![ResourceContents::text(uri, "application/json", data.to_string())])
}
