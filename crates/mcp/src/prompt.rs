//! Prompts: messages that a user begins a conversation with (MCP, server/prompts).

mod remote;

use std::{borrow::Cow, fmt, rc::Rc};

use doorward_core::{
    access::{Access, Item, ItemKind, Requirement},
    host::PortFuture,
    scope::{RequiredScopes, Scope},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{CallError, Content, MethodResult, coercion::keep, completer::Completer};

/// A prompt. It is listed with its members in the order of their names.
///
/// Who may use it: say [`private`](Self::private) or [`public`](Self::public). A prompt that says
/// neither is public until the API in the tenant defines the permission `prompt:<name>`.
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
    #[serde(skip)]
    access: Access,
    arguments: Vec<PromptArgument>,
    description: Cow<'static, str>,
    #[serde(skip)]
    get: Box<Get<C>>,
    name: Cow<'static, str>,
    #[serde(skip)]
    permission: Option<Scope>,
    #[serde(skip)]
    scopes: RequiredScopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Cow<'static, str>>,
}

type Messages = Result<Vec<PromptMessage>, CallError>;
/// Makes the messages of a prompt of the arguments.
pub type Get<C> = dyn Fn(C, Rc<Map<String, Value>>) -> PortFuture<'static, Messages>;

#[derive(Serialize)]
struct PromptArgument {
    #[serde(skip)]
    complete: Option<Completer>,
    description: Cow<'static, str>,
    name: Cow<'static, str>,
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
            access: Access::default(),
            permission: None,
            scopes: RequiredScopes::default(),
            name: name.into(),
            title: None,
            description: description.into(),
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
        self.title = Some(title.into());
        self
    }

    /// Makes the prompt private: it always needs the permission `prompt:<name>`, whether or not the
    /// API in the tenant defines it.
    ///
    /// ```
    /// use doorward_mcp::{Content, Prompt, PromptMessage};
    ///
    /// let prompt: Prompt<()> = Prompt::new("review", "Reviews a salary.", async |_, _| {
    ///     Ok(vec![PromptMessage::User(Content::text("Review my salary."))])
    /// })
    /// .private();
    /// ```
    #[must_use]
    pub fn private(mut self) -> Self {
        self.access = Access::Private;
        self
    }

    /// Makes the prompt public: it never needs a permission, whatever the API in the tenant
    /// defines.
    ///
    /// ```
    /// use doorward_mcp::{Content, Prompt, PromptMessage};
    ///
    /// let prompt: Prompt<()> = Prompt::new("hello", "Greets.", async |_, _| {
    ///     Ok(vec![PromptMessage::User(Content::text("Say hello."))])
    /// })
    /// .public();
    /// ```
    #[must_use]
    pub fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// Requires that a token has all of these scopes, in addition to any permission.
    #[must_use]
    pub fn all_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.all_of.extend(scopes.into_iter().map(Scope::from_static));
        self
    }

    /// Requires that a token has one of these scopes. A client whose token has none of them is told
    /// to request the first.
    #[must_use]
    pub fn any_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.any_of.extend(scopes.into_iter().map(Scope::from_static));
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
        let (name, description) = (name.into(), description.into());
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
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a decision about the prompt needs to know of it.
    #[must_use]
    pub fn requirement(&self) -> Requirement<'_> {
        Requirement {
            item: Item { kind: ItemKind::Prompt, name: &self.name },
            access: self.access,
            is_read_only: true,
            scopes: &self.scopes,
            permission: self.permission.as_ref(),
        }
    }

    /// Removes optional arguments that are `null` or empty: forms send a value for each.
    pub(crate) fn leave_out(&self, arguments: &mut Map<String, Value>) {
        keep(arguments, &mut |name, value| {
            let is_required = self.arguments.iter().any(|it| it.name == name && it.required);
            is_required || !(value.is_null() || value == "")
        });
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
            self.arguments.iter().find(|it| it.required && !arguments.contains_key(&*it.name));
        if let Some(missing) = missing {
            let text = format!("The argument `{}` is missing", missing.name);
            return Err(CallError::InvalidParams(text));
        }
        let messages = (self.get)(context, arguments).await?;
        let mut result = MethodResult::with("description", &self.description);
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
