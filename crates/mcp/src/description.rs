//! The methods that are answered from the registry alone. They are the same for every caller.

use serde_json::{Map, Value, json};

use crate::{
    LegacyVersion, Listing, MethodResult, Registry, RpcError, ServerInfo, version::MODERN_VERSION,
};

/// The most values that one completion may have.
const MAX_VALUES: usize = 100;

/// A method that is answered from the registry alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// `completion/complete`.
    Complete(Completion),
    /// `server/discover`.
    Discover,
    /// `initialize`, with the revision that both sides go on with: the requested one, or else the
    /// latest.
    Initialize(LegacyVersion),
    /// A list that every caller sees alike.
    List(Listing),
    /// `ping`.
    Ping,
}

/// The parameters of `completion/complete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Whose argument is completed.
    pub reference: CompletionReference,
    /// The name of the argument.
    pub argument: String,
    /// What the user has typed so far.
    pub value: String,
}

/// What a completion is for (`ref`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletionReference {
    /// The prompt of this name.
    Prompt(String),
    /// The resource template that is written like this.
    ResourceTemplate(String),
}

impl Description {
    /// Answers the method.
    ///
    /// # Errors
    ///
    /// -32602 if a completion refers to an unknown prompt or resource template.
    pub fn result<C>(
        &self,
        registry: &Registry<C>,
        info: &ServerInfo,
        instructions: Option<&str>,
    ) -> Result<MethodResult, RpcError> {
        Ok(match self {
            Self::Complete(completion) => completion.result(registry)?,
            Self::Discover => {
                let mut result = MethodResult::with("supportedVersions", &[MODERN_VERSION]);
                result.insert("capabilities", &registry.offers());
                result.insert_some("instructions", instructions);
                result.cacheable()
            }
            Self::Initialize(version) => {
                let mut result = MethodResult::with("protocolVersion", version.as_str());
                result.insert("capabilities", &registry.offers());
                result.insert("serverInfo", info);
                result.insert_some("instructions", instructions);
                result
            }
            Self::List(listing) => registry.list(*listing),
            Self::Ping => MethodResult::default(),
        })
    }
}

impl TryFrom<&Map<String, Value>> for Completion {
    type Error = RpcError;

    /// # Errors
    ///
    /// -32602 for a member that is missing or of the wrong type.
    fn try_from(params: &Map<String, Value>) -> Result<Self, RpcError> {
        let text = |object: &str, member: &str| {
            let value = params.get(object).and_then(|object| object.get(member));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        let invalid = |message: &str| RpcError::invalid_params(message);
        let argument =
            text("argument", "name").ok_or_else(|| invalid("`argument.name` must be a string"))?;
        let value = text("argument", "value")
            .ok_or_else(|| invalid("`argument.value` must be a string"))?;
        let reference = match text("ref", "type").as_deref() {
            Some("ref/prompt") => {
                CompletionReference::Prompt(text("ref", "name").ok_or_else(unknown_prompt)?)
            }
            Some("ref/resource") => CompletionReference::ResourceTemplate(
                text("ref", "uri").ok_or_else(unknown_template)?,
            ),
            _ => return Err(invalid("`ref.type` must be ref/prompt or ref/resource")),
        };
        Ok(Self { reference, argument, value })
    }
}

impl Completion {
    fn result<C>(&self, registry: &Registry<C>) -> Result<MethodResult, RpcError> {
        let completer = match &self.reference {
            CompletionReference::Prompt(name) => {
                registry.prompt(name).ok_or_else(unknown_prompt)?.completer(&self.argument)
            }
            CompletionReference::ResourceTemplate(uri) => {
                registry.template(uri).ok_or_else(unknown_template)?.completer(&self.argument)
            }
        };
        let mut values =
            completer.map(|completer| completer.complete(&self.value)).unwrap_or_default();
        let total = values.len();
        values.truncate(MAX_VALUES);
        let completion = json!({ "values": values, "total": total, "hasMore": total > MAX_VALUES });
        Ok(MethodResult::with("completion", &completion))
    }
}

fn unknown_prompt() -> RpcError {
    RpcError::invalid_params("Unknown prompt")
}

fn unknown_template() -> RpcError {
    RpcError::invalid_params("Unknown resource template")
}
