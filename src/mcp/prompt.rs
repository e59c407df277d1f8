//! Prompts: messages that a user starts a conversation with (MCP, server/prompts).

use std::{fmt, rc::Rc};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use super::{CallError, completion::Completer, content::Content, members::Members};
use crate::{context::Context, host::PortFuture};

/// A prompt, ready to be registered.
#[derive(Serialize)]
pub struct Prompt {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    description: &'static str,
    arguments: Vec<PromptArgument>,
    #[serde(skip)]
    get: Box<Get>,
}

type Messages = Result<Vec<PromptMessage>, CallError>;
type Get = dyn Fn(Context, Map<String, Value>) -> PortFuture<'static, Messages>;

#[derive(Serialize)]
struct PromptArgument {
    name: &'static str,
    description: &'static str,
    required: bool,
    #[serde(skip)]
    complete: Option<Completer>,
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptMessage {
    /// Of the model.
    Assistant(Content),
    /// Of the user.
    User(Content),
}

impl Prompt {
    /// A prompt whose messages `get` makes of the arguments. Every argument that was declared as required is there.
    pub fn new<F>(name: &'static str, description: &'static str, get: F) -> Self
    where
        F: AsyncFn(&Context, Map<String, Value>) -> Messages + 'static,
    {
        let get = Rc::new(get);
        Self {
            name,
            title: None,
            description,
            arguments: Vec::new(),
            get: Box::new(move |context, arguments| {
                let get = Rc::clone(&get);
                Box::pin(async move { get(&context, arguments).await })
            }),
        }
    }

    /// Sets the name for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// Declares an argument.
    #[must_use]
    pub fn argument(
        mut self,
        name: &'static str,
        description: &'static str,
        required: bool,
    ) -> Self {
        self.arguments.push(PromptArgument { name, description, required, complete: None });
        self
    }

    /// Completes the argument that was declared last.
    #[must_use]
    pub fn complete(mut self, complete: impl Fn(&str) -> Vec<String> + 'static) -> Self {
        if let Some(argument) = self.arguments.last_mut() {
            argument.complete = Some(Completer::new(complete));
        }
        self
    }

    /// The programmatic name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn completer(&self, argument: &str) -> Option<&Completer> {
        self.arguments.iter().find(|it| it.name == argument)?.complete.as_ref()
    }

    pub(super) fn is_completed(&self) -> bool {
        self.arguments.iter().any(|argument| argument.complete.is_some())
    }

    /// The result of `prompts/get`, before its era adds to it.
    pub(super) async fn get(
        &self,
        context: Context,
        arguments: Map<String, Value>,
    ) -> Result<Members, CallError> {
        let missing =
            self.arguments.iter().find(|it| it.required && !arguments.contains_key(it.name));
        if let Some(missing) = missing {
            return Err(CallError::InvalidParams(format!(
                "The argument `{}` is missing",
                missing.name
            )));
        }
        let messages = (self.get)(context, arguments).await?;
        let mut result = Members::with("description", self.description);
        result.insert("messages", &messages);
        Ok(result)
    }
}

impl Serialize for PromptMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (role, content) = match self {
            Self::Assistant(content) => ("assistant", content),
            Self::User(content) => ("user", content),
        };
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("content", content)?;
        members.serialize_entry("role", role)?;
        members.end()
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prompt").field(&self.name).finish()
    }
}
