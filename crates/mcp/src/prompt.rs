//! Prompts: messages that a user begins a conversation with (MCP, server/prompts).

use std::{fmt, rc::Rc};

use doorward_core::host::PortFuture;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{CallError, Content, MethodResult, completer::Completer};

/// A prompt. It is listed with its members in the order of their names.
///
/// ```
/// use doorward_mcp::{Content, Prompt, PromptMessage, Registry};
///
/// let prompt = Prompt::new("greeting", "Greets somebody.", async |(), arguments| {
///     let name = arguments.get("name").and_then(|name| name.as_str()).unwrap_or("you");
///     Ok(vec![PromptMessage::User(Content::text(format!("Greet {name}.")))])
/// })
/// .argument("name", "Whom to greet.", true)
/// .complete(|typed| ["Ada".to_owned()].into_iter().filter(|it| it.starts_with(typed)).collect());
/// let registry = Registry::new().with_prompt(prompt);
/// ```
#[derive(Serialize)]
#[serde(bound = "")]
pub struct Prompt<C> {
    arguments: Vec<PromptArgument>,
    description: &'static str,
    #[serde(skip)]
    get: Box<Get<C>>,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
}

type Messages = Result<Vec<PromptMessage>, CallError>;
type Get<C> = dyn Fn(C, Rc<Map<String, Value>>) -> PortFuture<'static, Messages>;

#[derive(Serialize)]
struct PromptArgument {
    #[serde(skip)]
    complete: Option<Completer>,
    description: &'static str,
    name: &'static str,
    required: bool,
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptMessage {
    /// By the model.
    Assistant(Content),
    /// By the user.
    User(Content),
}

impl<C: 'static> Prompt<C> {
    /// A prompt whose messages `get` makes of the arguments. All that were declared as required are
    /// present.
    pub fn new<F>(name: &'static str, description: &'static str, get: F) -> Self
    where
        F: AsyncFn(&C, &Map<String, Value>) -> Messages + 'static,
    {
        let get = Rc::new(get);
        Self {
            name,
            title: None,
            description,
            arguments: Vec::new(),
            get: Box::new(move |context, arguments| {
                let get = Rc::clone(&get);
                Box::pin(async move { get(&context, &arguments).await })
            }),
        }
    }
}

impl<C> Prompt<C> {
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

    pub(crate) fn completer(&self, argument: &str) -> Option<&Completer> {
        self.arguments.iter().find(|it| it.name == argument)?.complete.as_ref()
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.arguments.iter().any(|argument| argument.complete.is_some())
    }

    /// Makes the result of `prompts/get`.
    ///
    /// # Errors
    ///
    /// Returns [`CallError::InvalidParams`] if a required argument is missing, or the error of the
    /// prompt's own code.
    pub async fn get(
        &self,
        context: C,
        arguments: Rc<Map<String, Value>>,
    ) -> Result<MethodResult, CallError> {
        let missing =
            self.arguments.iter().find(|it| it.required && !arguments.contains_key(it.name));
        if let Some(missing) = missing {
            let text = format!("The argument `{}` is missing", missing.name);
            return Err(CallError::InvalidParams(text));
        }
        let messages = (self.get)(context, arguments).await?;
        let mut result = MethodResult::with("description", self.description);
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

impl<C> fmt::Debug for Prompt<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prompt").field(&self.name).finish()
    }
}
