//! `tools/call`, `prompts/get` and `resources/read`: the methods that run something and may ask
//! back.

use std::rc::Rc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{access::Item, strict_json::CheckedJson};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    CallError, Era, InputRequired, LegacyVersion, MethodResult, ProgressSink, ProgressToken,
    Prompt, PromptCall, ReadCall, Readable, ResourceContents, RoundTrip, RpcError, Seal, Tool,
    ToolCall, ToolResult,
    coercion::coerce,
    request::FollowUp,
    request_state::{Binding, LIFETIME_SECONDS},
};

/// A call that may run: it exists, and its parameters are valid.
pub struct Prepared<C> {
    target: Target<C>,
    era: Era,
    arguments: Rc<Map<String, Value>>,
    round_trip: RoundTrip,
    seal: Seal,
}

/// How a call ended, whichever form its client is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It has a result.
    Succeeded,
    /// It reported an error.
    Failed,
    /// Its arguments are wrong.
    InvalidArguments,
    /// It asked something back.
    InputRequired,
    /// Its client lacks a capability.
    MissingCapability,
}

/// What runs.
enum Target<C> {
    Tool(Rc<Tool<C>>),
    Prompt(Rc<Prompt<C>>),
    Resource(String, Readable<C>),
}

impl ToolCall {
    /// Prepares a call of the tool that the server found, and that the caller may use.
    ///
    /// # Errors
    ///
    /// -32602 for `arguments`, `inputResponses` or a `requestState` that are invalid for this call;
    /// -32020 if a header does not match an argument; -32603 for a tool that no client can call,
    /// because its schema mirrors arguments in a way that is not permitted.
    pub fn prepare<C>(
        self,
        tool: &Rc<Tool<C>>,
        headers: &HeaderMap,
        seal: Seal,
    ) -> Result<Prepared<C>, RpcError> {
        let mut arguments = self.arguments.build()?;
        if !arguments.is_empty() {
            coerce(tool.input_schema(), &mut arguments);
        }
        if self.follow_up.era == Era::Modern {
            for header in tool.parameter_headers().ok_or_else(RpcError::invalid_tool)? {
                header.check(headers, &arguments)?;
            }
        }
        let target = Target::Tool(Rc::clone(tool));
        Prepared::new(target, Rc::new(arguments), self.follow_up, seal)
    }
}

impl PromptCall {
    /// Prepares a call of the prompt that the server found, and that the caller may use.
    ///
    /// # Errors
    ///
    /// -32602 for `arguments`, `inputResponses` or a `requestState` that are invalid for this call.
    pub fn prepare<C>(self, prompt: &Rc<Prompt<C>>, seal: Seal) -> Result<Prepared<C>, RpcError> {
        let mut arguments = self.arguments.build()?;
        prompt.leave_out(&mut arguments);
        let target = Target::Prompt(Rc::clone(prompt));
        Prepared::new(target, Rc::new(arguments), self.follow_up, seal)
    }
}

impl ReadCall {
    /// -32602 in the modern era and -32002 in the legacy one: there is no such resource.
    #[must_use]
    pub fn not_found(&self) -> RpcError {
        RpcError::resource_not_found(self.follow_up.era, &self.uri)
    }

    /// Prepares reading what the server found, and what the caller may read.
    ///
    /// # Errors
    ///
    /// -32602 for `inputResponses` or a `requestState` that are invalid for this call.
    pub fn prepare<C>(self, readable: Readable<C>, seal: Seal) -> Result<Prepared<C>, RpcError> {
        Prepared::new(Target::Resource(self.uri, readable), Rc::default(), self.follow_up, seal)
    }
}

impl<C> Prepared<C> {
    fn new(
        target: Target<C>,
        arguments: Rc<Map<String, Value>>,
        follow_up: FollowUp,
        seal: Seal,
    ) -> Result<Self, RpcError> {
        let era = follow_up.era;
        let Binding { method, name, .. } = target.binding(&arguments);
        let round_trip = follow_up.open(method, name, &arguments, &seal)?;
        Ok(Self { target, era, arguments, round_trip, seal })
    }

    /// What is called.
    #[must_use]
    pub fn item(&self) -> Item<'_> {
        match &self.target {
            Target::Tool(tool) => tool.requirement().item,
            Target::Prompt(prompt) => prompt.requirement().item,
            Target::Resource(_, readable) => readable.requirement().item,
        }
    }

    /// Lets the call report its progress, and returns the queue of its notifications. Without this
    /// the progress is dropped.
    pub fn progress_sink(&mut self, token: ProgressToken) -> Rc<ProgressSink> {
        let sink = Rc::new(ProgressSink::new(token));
        self.round_trip.progress = Some(Rc::clone(&sink));
        sink
    }
}

impl<C: 'static> Prepared<C> {
    /// Runs the call in the context that `context` makes of its round trip, and says how it ended.
    ///
    /// # Errors
    ///
    /// The error of the call in the form of its era, unless that form is a result: tools report
    /// failures to the model, and modern clients get the questions of a call that asks back.
    pub async fn run(
        self,
        context: impl FnOnce(Rc<RoundTrip>) -> C,
    ) -> (CallOutcome, Result<MethodResult, RpcError>) {
        let Self { mut target, era, arguments, round_trip, seal } = self;
        let round_trip = Rc::new(round_trip);
        let context = context(Rc::clone(&round_trip));
        let mut call_outcome = CallOutcome::Succeeded;
        let outcome = match &mut target {
            Target::Tool(tool) => {
                let outcome = tool.call(context, Rc::clone(&arguments)).await;
                if outcome.as_ref().is_ok_and(ToolResult::is_error) {
                    call_outcome = CallOutcome::Failed;
                }
                outcome.map(MethodResult::from)
            }
            Target::Prompt(prompt) => prompt.get(context, Rc::clone(&arguments)).await,
            Target::Resource(_, Readable::Resource(resource)) => {
                resource.read(context).await.map(contents)
            }
            Target::Resource(uri, Readable::Template(template, variables)) => {
                let variables = std::mem::take(variables);
                template.read(context, uri.clone(), variables).await.map(contents)
            }
        };
        match outcome {
            Ok(result) => (call_outcome, Ok(result)),
            Err(error) => {
                let call_outcome = CallOutcome::from(&error);
                (call_outcome, target.report(error, era, &round_trip, &arguments, &seal))
            }
        }
    }
}

impl From<&CallError> for CallOutcome {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::InputRequired(_) => Self::InputRequired,
            CallError::InvalidParams(_) => Self::InvalidArguments,
            CallError::MissingCapability(_) => Self::MissingCapability,
            CallError::Failed(_) | CallError::NeedsScopes(_) | CallError::NotFound => Self::Failed,
        }
    }
}

impl<C> Target<C> {
    fn binding<'a>(&'a self, arguments: &'a Map<String, Value>) -> Binding<'a> {
        let (method, name) = match self {
            Self::Tool(tool) => ("tools/call", tool.name()),
            Self::Prompt(prompt) => ("prompts/get", prompt.name()),
            Self::Resource(uri, _) => ("resources/read", uri.as_str()),
        };
        Binding { method, name, arguments }
    }

    /// What the client gets instead of the result of the call.
    fn report(
        &self,
        error: CallError,
        era: Era,
        round_trip: &RoundTrip,
        arguments: &Map<String, Value>,
        seal: &Seal,
    ) -> Result<MethodResult, RpcError> {
        match (error, era) {
            (CallError::InputRequired(input), Era::Modern) => {
                let missing = input.missing_from(&round_trip.capabilities);
                if !missing.is_empty() {
                    return Err(RpcError::missing_capability(missing));
                }
                let mut result = MethodResult::input_required();
                let requests = input.requests();
                result.insert_some("inputRequests", (!requests.is_empty()).then_some(requests));
                if let Some(state) = input.state() {
                    let sealed =
                        seal.seal(self.binding(arguments), state.clone(), LIFETIME_SECONDS);
                    result.insert("requestState", &sealed.ok_or_else(RpcError::internal)?);
                }
                Ok(result)
            }
            (CallError::InputRequired(input), Era::Legacy(version)) => {
                match url_elicitation(version, &input) {
                    Some(error) => Err(error),
                    None => self.fail(input.in_words()),
                }
            }
            (CallError::MissingCapability(missing), Era::Modern) => {
                Err(RpcError::missing_capability(missing))
            }
            (CallError::MissingCapability(missing), Era::Legacy(_)) => {
                let names: Vec<&str> = missing.keys().map(String::as_str).collect();
                let names = names.join(", ");
                self.fail(format!("This needs a client that speaks MCP 2026-07-28 with {names}."))
            }
            (CallError::Failed(text), _) => self.fail(text),
            (CallError::InvalidParams(text), _) => match self {
                Self::Tool(_) => self.fail(text),
                _ => Err(RpcError::invalid_params(text)),
            },
            (CallError::NeedsScopes(scopes), _) => Err(RpcError::insufficient_scope(scopes)),
            (CallError::NotFound, _) => match self {
                Self::Tool(_) => self.fail("Not found.".to_owned()),
                Self::Prompt(_) => Err(RpcError::invalid_params("Not found")),
                Self::Resource(uri, _) => Err(RpcError::resource_not_found(era, uri)),
            },
        }
    }

    /// A failure: for the model if a tool failed, for the client otherwise.
    fn fail(&self, text: String) -> Result<MethodResult, RpcError> {
        match self {
            Self::Tool(_) => Ok(ToolResult::error(text).into()),
            _ => Err(RpcError::failed(text)),
        }
    }
}

impl FollowUp {
    /// # Errors
    ///
    /// -32602 for a `requestState` that was not made for this call, or invalid `inputResponses`.
    fn open(
        self,
        method: &str,
        name: &str,
        arguments: &Map<String, Value>,
        seal: &Seal,
    ) -> Result<RoundTrip, RpcError> {
        let open = |sealed: CheckedJson| {
            let binding = Binding { method, name, arguments };
            let state = sealed.text().and_then(|sealed| seal.open(binding, &sealed));
            state.ok_or_else(RpcError::invalid_request_state)
        };
        let object = |json: CheckedJson| {
            let object = json.build_object();
            object.ok_or_else(|| RpcError::invalid_params("`inputResponses` must be an object"))
        };
        let state = self.state.map(open).transpose()?;
        let responses = self.responses.map(object).transpose()?.unwrap_or_default();
        let capabilities = self.capabilities.and_then(|json| json.build_object());
        let capabilities = capabilities.unwrap_or_default();
        Ok(RoundTrip { capabilities, responses, state, progress: None })
    }
}

/// The result of `resources/read`.
fn contents(contents: Vec<ResourceContents>) -> MethodResult {
    MethodResult::with("contents", &contents).cacheable()
}

/// -32042: the user has to open pages. `None` if the client does not know the error (2025-11-25,
/// client/elicitation), or if no question is a page.
fn url_elicitation(version: LegacyVersion, input: &InputRequired) -> Option<RpcError> {
    let elicitations: Vec<Value> = input
        .pages()
        .map(|(message, url)| {
            let id = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(url));
            json!({ "mode": "url", "elicitationId": id, "url": url, "message": message })
        })
        .collect();
    let message = "This request needs something to be done in a browser";
    (version >= LegacyVersion::V2025_11_25 && !elicitations.is_empty()).then(|| {
        RpcError::new(-32042, StatusCode::OK, message)
            .with_data(json!({ "elicitations": elicitations }))
    })
}
