//! The methods that are answered from the registry alone. Except for completions, whose subject may
//! be private, they are the same for every caller.

use doorward_core::{access::Requirement, strict_json::CheckedJson};
use serde_json::json;

use crate::{LegacyVersion, MethodResult, Registry, RpcError, ServerInfo, version::MODERN_VERSION};

/// The most values that one completion may have.
const MAX_VALUES: usize = 100;

/// A method that is answered from the registry alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// `completion/complete`.
    Complete(Completion),
    /// `server/discover`.
    Discover,
    /// `initialize`.
    Initialize {
        /// The negotiated revision: the requested one, or else the latest.
        version: LegacyVersion,
        /// Whether the client can be asked to open pages, in a revision that has this.
        opens_pages: bool,
    },
    /// `ping`.
    Ping,
}

/// The parameters of `completion/complete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The prompt or resource template whose argument is completed.
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
            Self::Initialize { version, .. } => {
                let mut result = MethodResult::with("protocolVersion", version.as_str());
                result.insert("capabilities", &registry.offers());
                result.insert("serverInfo", info);
                result.insert_some("instructions", instructions);
                result
            }
            Self::Ping => MethodResult::default(),
        })
    }
}

impl Completion {
    /// Reads `argument` and `ref`.
    ///
    /// # Errors
    ///
    /// -32602 for a member that is missing or of the wrong type.
    pub(crate) fn parse(
        argument: Option<&CheckedJson>,
        reference: Option<&CheckedJson>,
    ) -> Result<Self, RpcError> {
        let [name, value] = texts(argument, ["name", "value"]);
        let [kind, prompt, template] = texts(reference, ["type", "name", "uri"]);
        let invalid = |message: &str| RpcError::invalid_params(message);
        let argument = name.ok_or_else(|| invalid("`argument.name` must be a string"))?;
        let value = value.ok_or_else(|| invalid("`argument.value` must be a string"))?;
        let reference = match kind.as_deref() {
            Some("ref/prompt") => CompletionReference::Prompt(prompt.ok_or_else(unknown_prompt)?),
            Some("ref/resource") => {
                CompletionReference::ResourceTemplate(template.ok_or_else(unknown_template)?)
            }
            _ => return Err(invalid("`ref.type` must be ref/prompt or ref/resource")),
        };
        Ok(Self { reference, argument, value })
    }

    /// What a decision about the completed prompt or template needs to know; `None` if it does not
    /// exist.
    pub fn requirement<'a, C>(&self, registry: &'a Registry<C>) -> Option<Requirement<'a>> {
        match &self.reference {
            CompletionReference::Prompt(name) => registry.prompt(name).map(|it| it.requirement()),
            CompletionReference::ResourceTemplate(uri) => {
                registry.template(uri).map(|it| it.requirement())
            }
        }
    }

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

/// The members of these names that are strings.
fn texts<const N: usize>(json: Option<&CheckedJson>, names: [&str; N]) -> [Option<String>; N] {
    let members = json.and_then(|json| json.members(names));
    members.map_or([const { None }; N], |members| {
        members.map(|member| member.and_then(|member| member.text()))
    })
}

fn unknown_prompt() -> RpcError {
    RpcError::invalid_params("Unknown prompt")
}

fn unknown_template() -> RpcError {
    RpcError::invalid_params("Unknown resource template")
}
