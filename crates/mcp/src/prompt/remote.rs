//! Prompts of other servers.

use serde_json::Value;

use super::{Get, Prompt, PromptArgument};
use crate::{CallError, RemoteAccess};

impl<C: 'static> Prompt<C> {
    /// A prompt of another server, by its entry in `prompts/list`. Without the required arguments,
    /// or with one that is no text, it never gets to `get`.
    pub fn remote(entry: &Value, access: RemoteAccess, get: Box<Get<C>>) -> Self {
        let text = |of: &Value, member: &str| of.get(member)?.as_str().map(str::to_owned);
        let arguments = entry.get("arguments").and_then(Value::as_array).into_iter().flatten();
        let arguments = arguments.map(|argument| PromptArgument {
            complete: None,
            description: text(argument, "description").unwrap_or_default().into(),
            name: text(argument, "name").unwrap_or_default().into(),
            required: argument.get("required").is_some_and(|it| *it == true),
        });
        let RemoteAccess { access, permission, scopes, .. } = access;
        Self {
            access,
            arguments: arguments.collect(),
            description: text(entry, "description").unwrap_or_default().into(),
            get: Box::new(move |context, arguments| {
                match arguments.iter().find(|(_, value)| !value.is_string()) {
                    None => get(context, arguments),
                    Some((name, _)) => {
                        let problem = ["The argument `", name, "` is not a text"].concat();
                        Box::pin(async move { Err(CallError::InvalidParams(problem)) })
                    }
                }
            }),
            name: text(entry, "name").unwrap_or_default().into(),
            permission,
            scopes,
            title: text(entry, "title").map(Into::into),
        }
    }
}
