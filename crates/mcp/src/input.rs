//! Asking back: a tool that needs something from the user before it can go on (MCP 2026-07-28,
//! multi round-trip requests).
//!
//! Nothing waits. The tool ends with [`CallError::InputRequired`](crate::CallError), the client
//! asks its user and sends the same call again with the answers, and the tool runs anew and finds
//! them in its [`RoundTrip`](crate::RoundTrip).

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value, json};

/// The capabilities that a client declares, by name.
pub type ClientCapabilities = Map<String, Value>;

/// What a tool, prompt or resource has to ask before it can go on.
///
/// ```
/// use doorward_mcp::{CallError, InputRequest, InputRequired};
///
/// let message = "Which city?".to_owned();
/// let schema = serde_json::json!({
///     "type": "object",
///     "properties": { "city": { "type": "string" } },
/// });
/// let error: CallError = InputRequired::new()
///     .ask("city", InputRequest::Form { message, schema })
///     .remember(serde_json::json!({ "step": 1 }))
///     .into();
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputRequired {
    requests: BTreeMap<Cow<'static, str>, InputRequest>,
    state: Option<Value>,
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputRequest {
    /// The user fills in a form. Never for secrets.
    Form {
        /// What the user reads.
        message: String,
        /// A flat JSON Schema of the fields.
        schema: Value,
    },
    /// The client names its roots.
    Roots,
    /// The client asks its model; the parameters of `sampling/createMessage`.
    Sampling(Value),
    /// The user opens a page.
    Url {
        /// What the user reads.
        message: String,
        /// The page. It must verify by itself that the right user opened it.
        url: String,
    },
}

/// The user's answer to a form or a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Elicited {
    /// The user filled in the form, or opened the page.
    Accepted(Map<String, Value>),
    /// The user closed the question without an answer.
    Cancelled,
    /// The user declined.
    Declined,
}

impl InputRequired {
    /// No questions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a question. Its answer will have the same `key`.
    #[must_use]
    pub fn ask(mut self, key: &'static str, request: InputRequest) -> Self {
        self.requests.insert(key.into(), request);
        self
    }

    /// Adds a question of another server, under the key that it chose.
    #[must_use]
    pub fn pass_on(mut self, key: String, request: InputRequest) -> Self {
        self.requests.insert(key.into(), request);
        self
    }

    /// Sets what the next round has to know about this one. The client carries it sealed: it can
    /// neither read nor change it, nor use it for another call.
    #[must_use]
    pub fn remember(mut self, state: Value) -> Self {
        self.state = Some(state);
        self
    }

    pub(crate) fn state(&self) -> Option<&Value> {
        self.state.as_ref()
    }

    /// The questions as `inputRequests`.
    pub(crate) fn requests(&self) -> Map<String, Value> {
        self.requests.iter().map(|(key, one)| (key.clone().into_owned(), one.to_json())).collect()
    }

    /// The capabilities that a client lacks for these questions, in the form in which it would
    /// declare them.
    pub(crate) fn missing_from(&self, capabilities: &ClientCapabilities) -> ClientCapabilities {
        let mut missing = Map::new();
        for request in self.requests.values() {
            if !request.is_supported_by(capabilities) {
                let (name, value) = request.capability();
                match (missing.get_mut(name), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                    (_, value) => drop(missing.insert(name.to_owned(), value)),
                }
            }
        }
        missing
    }

    /// The messages and URLs of the questions that are pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.requests.values().filter_map(|request| match request {
            InputRequest::Url { message, url } => Some((message.as_str(), url.as_str())),
            _ => None,
        })
    }

    /// The questions in words, for a client that cannot be asked.
    pub(crate) fn in_words(&self) -> String {
        let words: Vec<String> = self.requests.values().map(InputRequest::in_words).collect();
        words.join("\n")
    }
}

impl InputRequest {
    /// Whether a client with these capabilities can be asked.
    #[must_use]
    pub fn is_supported_by(&self, capabilities: &ClientCapabilities) -> bool {
        let elicitation = capabilities.get("elicitation").and_then(Value::as_object);
        match self {
            // A bare `elicitation` means forms.
            Self::Form { .. } => {
                elicitation.is_some_and(|it| it.is_empty() || it.contains_key("form"))
            }
            Self::Url { .. } => elicitation.is_some_and(|it| it.contains_key("url")),
            Self::Roots => capabilities.contains_key("roots"),
            Self::Sampling(_) => capabilities.contains_key("sampling"),
        }
    }

    fn capability(&self) -> (&'static str, Value) {
        match self {
            Self::Form { .. } => ("elicitation", json!({ "form": {} })),
            Self::Roots => ("roots", json!({})),
            Self::Sampling(_) => ("sampling", json!({})),
            Self::Url { .. } => ("elicitation", json!({ "url": {} })),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Form { message, schema } => json!({
                "method": "elicitation/create",
                "params": { "mode": "form", "message": message, "requestedSchema": schema },
            }),
            Self::Roots => json!({ "method": "roots/list" }),
            Self::Sampling(params) => {
                json!({ "method": "sampling/createMessage", "params": params })
            }
            Self::Url { message, url } => json!({
                "method": "elicitation/create",
                "params": { "mode": "url", "message": message, "url": url },
            }),
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Form { message, .. } => format!(
                "{message}\nThis client cannot be asked back. Use one that speaks MCP 2026-07-28 with elicitation."
            ),
            Self::Roots => {
                "This tool needs to know the client's roots, which this client cannot be asked for."
                    .into()
            }
            Self::Sampling(_) => {
                "This tool needs the client's model, which this client cannot be asked for.".into()
            }
            Self::Url { message, url } => {
                format!("{message}\nOpen {url} in a browser, then try again.")
            }
        }
    }
}

impl Elicited {
    /// Reads an `ElicitResult`; `None` for anything else.
    pub(crate) fn parse(response: &Value) -> Option<Self> {
        match response.get("action")?.as_str()? {
            "accept" => {
                let content = response.get("content").and_then(Value::as_object);
                Some(Self::Accepted(content.cloned().unwrap_or_default()))
            }
            "cancel" => Some(Self::Cancelled),
            "decline" => Some(Self::Declined),
            _ => None,
        }
    }
}
