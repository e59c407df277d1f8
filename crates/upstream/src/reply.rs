//! The results of calls, as they are passed on.

use doorward_core::{
    origin::{names_a_resource, page},
    text::{one_line, visible_text},
};
use doorward_mcp::{
    Content, InputRequest, InputRequired, PromptMessage, ResourceContents, ToolResult, mismatch,
};
use serde_json::{Map, Value};

use crate::{
    Upstream, UpstreamError,
    tools::{is_clean, is_hidden},
};

/// The most questions that are passed on at once.
const MAX_QUESTIONS: usize = 8;

/// The longest question, in bytes.
const MAX_QUESTION_BYTES: usize = 2048;

/// The longest key of a question, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// The result of a tool whose structured content has this schema. Passes on the known members of
/// each block, without invisible characters.
///
/// # Errors
///
/// Returns `Malformed` for anything but a complete result, and `ResultInvalid` if the structured
/// content is not as the schema says.
pub fn tool_result(
    mut result: Map<String, Value>,
    schema: Option<&Value>,
) -> Result<ToolResult, UpstreamError> {
    complete(&result)?;
    let is_error = result.get("isError").is_some_and(|it| *it == true);
    let mut structured = result.remove("structuredContent").filter(|it| !it.is_null());
    if let (Some(schema), false) = (schema, is_error) {
        let is_valid = |content: &Value| mismatch(schema, content).is_none();
        if !structured.as_ref().is_some_and(is_valid) {
            return Err(UpstreamError::ResultInvalid);
        }
    }
    if structured.as_ref().is_some_and(|content| !content.is_object()) {
        return Err(UpstreamError::ResultInvalid);
    }
    if structured.as_mut().is_some_and(|content| !clean(content)) {
        return Err(UpstreamError::Malformed);
    }
    let blocks = match result.remove("content") {
        None if structured.is_some() => Vec::new(),
        Some(Value::Array(blocks)) => blocks,
        _ => return Err(UpstreamError::Malformed),
    };
    let blocks: Option<_> = blocks.into_iter().map(block).collect();
    let blocks = blocks.ok_or(UpstreamError::Malformed)?;
    Ok(ToolResult::passed_on(blocks, structured, is_error))
}

/// The messages of a prompt, with the known members of each.
///
/// # Errors
///
/// Returns `Malformed` for anything but a complete result.
pub fn prompt_messages(
    mut result: Map<String, Value>,
) -> Result<Vec<PromptMessage>, UpstreamError> {
    complete(&result)?;
    let Some(Value::Array(messages)) = result.remove("messages") else {
        return Err(UpstreamError::Malformed);
    };
    let messages = messages.into_iter().map(|mut message| {
        let content = Content::PassedOn(block(message.get_mut("content")?.take())?);
        match message.get("role")?.as_str()? {
            "assistant" => Some(PromptMessage::Assistant(content)),
            "user" => Some(PromptMessage::User(content)),
            _ => None,
        }
    });
    messages.collect::<Option<_>>().ok_or(UpstreamError::Malformed)
}

/// The contents of a resource, with the known members of each part.
///
/// # Errors
///
/// Returns `Malformed` for anything but a complete result.
pub fn resource_contents(
    mut result: Map<String, Value>,
) -> Result<Vec<ResourceContents>, UpstreamError> {
    complete(&result)?;
    let Some(Value::Array(contents)) = result.remove("contents") else {
        return Err(UpstreamError::Malformed);
    };
    let contents = contents.into_iter().map(|part| {
        let Value::Object(mut part) = part else { return None };
        resource(&mut part)?;
        let has_contents = part.contains_key("text") || part.contains_key("blob");
        has_contents.then(|| ResourceContents::passed_on(part.into()))
    });
    contents.collect::<Option<_>>().ok_or(UpstreamError::Malformed)
}

fn complete(result: &Map<String, Value>) -> Result<(), UpstreamError> {
    match result.get("resultType").is_none_or(|kind| kind == "complete") {
        true => Ok(()),
        false => Err(UpstreamError::Malformed),
    }
}

/// The questions of a result that asks the user something, with the name of the server in front of
/// each; `None` for any other result, and for questions that are not passed on: about anything but
/// forms and pages of the hosts that the operator names.
#[must_use]
pub fn input_required(upstream: &Upstream, result: &Map<String, Value>) -> Option<InputRequired> {
    if result.get("resultType")? != "input_required" {
        return None;
    }
    let requests = result.get("inputRequests")?.as_object()?;
    let mut questions = InputRequired::new();
    let mut keys = Vec::new();
    for (key, request) in requests.iter().take(MAX_QUESTIONS) {
        if key.len() > MAX_KEY_BYTES || key.chars().any(|c| is_hidden(c) || c == '\n') {
            return None;
        }
        let params = request.get("params").filter(|_| {
            request.get("method").is_some_and(|method| method == "elicitation/create")
        })?;
        let text = |member: &str| params.get(member).and_then(Value::as_str);
        let message = one_line(text("message")?, MAX_QUESTION_BYTES)?;
        let message = [&upstream.name, ": ", message.as_str()].concat();
        let request = match text("mode").unwrap_or("form") {
            "form" => {
                let mut schema = params.get("requestedSchema")?.clone();
                let is_form = schema.is_object() && is_clean(&mut schema);
                is_form.then_some(InputRequest::Form { message, schema })?
            }
            "url" => {
                let (url, origin) = page(text("url")?)?;
                let mut origins = upstream.elicitation_origins.iter();
                origins.find(|it| it.as_str() == origin)?;
                InputRequest::Url { message, url }
            }
            _ => return None,
        };
        keys.push(Value::from(key.as_str()));
        questions = questions.pass_on(key.clone(), request);
    }
    let state = result.get("requestState").filter(|state| state.is_string());
    // Always set: the next round finds the server and its keys by it.
    let state = state.cloned().unwrap_or_default();
    Some(questions.remember(vec![upstream.digest.as_str().into(), keys.into(), state].into()))
}

/// The answers to what this server asked in an earlier round, and the state that it sent along;
/// `None` if it has asked nothing.
#[must_use]
pub fn input_responses(
    upstream: &Upstream,
    remembered: &Value,
    responses: &Map<String, Value>,
) -> Option<(Map<String, Value>, Value)> {
    let [digest, Value::Array(keys), state] = remembered.as_array()?.as_slice() else {
        return None;
    };
    let keys = keys.iter().filter_map(Value::as_str);
    let answered = keys.filter_map(|key| responses.get_key_value(key));
    let answered = answered.map(|(key, answer)| (key.clone(), answer.clone())).collect();
    (*digest == upstream.digest.as_str()).then(|| (answered, state.clone()))
}

/// A block of content; `None` for one of no known kind, or that is not what it says.
fn block(block: Value) -> Option<Value> {
    let Value::Object(mut block) = block else { return None };
    let kind = block.get("type")?.as_str()?.to_owned();
    let members: &[&str] = match kind.as_str() {
        "text" => &["text"],
        "image" | "audio" => &["data", "mimeType"],
        "resource_link" => &["uri", "name"],
        "resource" => {
            let Some(Value::Object(resource)) = block.get_mut("resource") else { return None };
            self::resource(resource)?;
            &["resource"]
        }
        _ => return None,
    };
    keep(&mut block, members)?;
    let text = |name| block.get(name).and_then(Value::as_str);
    let is_as_it_says = match kind.as_str() {
        "image" | "audio" => text("mimeType").is_some_and(|it| is_media_type_of(&kind, it)),
        "resource_link" => text("uri").is_some_and(names_a_resource),
        _ => true,
    };
    is_as_it_says.then_some(block.into())
}

/// Keeps the known members of a resource; `None` if it does not name one.
fn resource(members: &mut Map<String, Value>) -> Option<()> {
    keep(members, &["uri"])?;
    members.get("uri")?.as_str().filter(|uri| names_a_resource(uri)).map(|_| ())
}

/// Whether a media type is one of images, or of audio.
fn is_media_type_of(kind: &str, media_type: &str) -> bool {
    let whole = media_type.split_once('/');
    whole.is_some_and(|(it, subtype)| it.eq_ignore_ascii_case(kind) && !subtype.is_empty())
}

/// Keeps the texts that blocks have, cleaned; `None` if one of `required` is missing.
fn keep(members: &mut Map<String, Value>, required: &[&str]) -> Option<()> {
    const TEXTS: [&str; 9] =
        ["blob", "data", "description", "mimeType", "name", "text", "title", "type", "uri"];
    let names: Vec<String> = members.keys().cloned().collect();
    for name in names {
        let is_kept = match members.get_mut(&name) {
            Some(value @ Value::String(_)) => clean(value) && TEXTS.contains(&name.as_str()),
            Some(Value::Object(_)) => name == "resource" && required == ["resource"],
            _ => false,
        };
        if !is_kept {
            members.remove(&name);
        }
    }
    required.iter().all(|name| members.contains_key(*name)).then_some(())
}

/// Removes what nobody can see from all texts; `false` if the name of a member has any.
fn clean(value: &mut Value) -> bool {
    match value {
        Value::String(text) => *text = visible_text(text, usize::MAX),
        Value::Array(items) => return items.iter_mut().all(clean),
        Value::Object(members) => {
            let mut members = members.iter_mut();
            return members.all(|(name, value)| !name.chars().any(is_hidden) && clean(value));
        }
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests;
