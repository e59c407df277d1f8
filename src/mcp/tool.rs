//! What a tool is: a name, its schemas and an async call.

use std::{
    cell::{LazyCell, OnceCell},
    fmt,
    rc::Rc,
};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    CallError, arguments,
    mirror::Mirror,
    result::{ToolReply, ToolResult},
    schema::schema_of,
};
use crate::{
    auth0::{RequiredScopes, Requirement},
    context::Context,
    host::PortFuture,
};

/// A tool, ready to be registered.
pub struct Tool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// Made once, by the first list or modern call that is in need of it: those of all tools are much of the work of a new
    /// instance.
    input_schema: LazyCell<Value, Box<MakeSchema>>,
    output_schema: fn() -> Option<Value>,
    annotations: Annotations,
    scopes: RequiredScopes,
    reports_progress: bool,
    mirrors: OnceCell<Vec<Mirror>>,
    listed: OnceCell<Option<String>>,
    call: Box<Call>,
}

/// What lists say of a tool. The members are in the order in which they are sent, that of their names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    annotations: Annotations,
    description: &'static str,
    input_schema: &'a Value,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<Value>,
    title: &'static str,
}

type MakeSchema = dyn FnOnce() -> Value;

type Outcome = Result<ToolResult, CallError>;
type Call = dyn Fn(Context, Rc<Map<String, Value>>) -> PortFuture<'static, Outcome>;

/// Hints for clients (`ToolAnnotations`). They protect nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// What the tool changes may be lost.
    pub destructive_hint: bool,
    /// Calling it again changes nothing more.
    pub idempotent_hint: bool,
    /// The tool changes nothing.
    pub read_only_hint: bool,
}

impl Annotations {
    /// For a tool that only reads.
    pub const READ_ONLY: Self =
        Self { read_only_hint: true, destructive_hint: false, idempotent_hint: true };
}

impl Tool {
    /// A tool that runs `call`. The schema of its arguments is that of the type `A`, which must be a struct; that of
    /// its structured content comes from the reply. A read-only tool, unless [`annotations`](Self::annotations) say
    /// otherwise.
    pub fn new<A, R, F>(name: &'static str, call: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: ToolReply,
        F: AsyncFn(&Context, A) -> Result<R, CallError> + 'static,
    {
        let call = Rc::new(call);
        let input_schema: fn() -> Value = schema_of::<A>;
        Self::of(name, Box::new(input_schema), R::output_schema, move |context, arguments| {
            let call = Rc::clone(&call);
            Box::pin(async move {
                let arguments = arguments::read(&arguments)?;
                into_result(call(&context, arguments).await?)
            })
        })
    }

    /// A tool whose arguments no Rust type describes: `schema` is their JSON Schema 2020-12, an object's, and the call
    /// checks them itself.
    pub fn raw<R, F>(name: &'static str, schema: Value, call: F) -> Self
    where
        R: ToolReply,
        F: AsyncFn(&Context, Map<String, Value>) -> Result<R, CallError> + 'static,
    {
        let call = Rc::new(call);
        Self::of(name, Box::new(|| schema), R::output_schema, move |context, arguments| {
            let call = Rc::clone(&call);
            let arguments = Map::clone(&arguments);
            Box::pin(async move { into_result(call(&context, arguments).await?) })
        })
    }

    fn of(
        name: &'static str,
        input_schema: Box<MakeSchema>,
        output_schema: fn() -> Option<Value>,
        call: impl Fn(Context, Rc<Map<String, Value>>) -> PortFuture<'static, Outcome> + 'static,
    ) -> Self {
        Self {
            name,
            title: name,
            description: "",
            input_schema: LazyCell::new(input_schema),
            output_schema,
            annotations: Annotations::READ_ONLY,
            scopes: RequiredScopes::default(),
            reports_progress: false,
            mirrors: OnceCell::new(),
            listed: OnceCell::new(),
            call: Box::new(call),
        }
    }

    /// Sets the name for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// Sets the description, which is what a model chooses the tool by.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the hints for clients.
    #[must_use]
    pub fn annotations(mut self, annotations: Annotations) -> Self {
        self.annotations = annotations;
        self
    }

    /// Says that a token must have all of these scopes, beside whatever the tenant says about its user.
    #[must_use]
    pub fn all_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.all_of.extend(scopes);
        self
    }

    /// Says that a token must have one of these scopes. A client whose token has none is told to ask for the first.
    #[must_use]
    pub fn any_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.any_of.extend(scopes);
        self
    }

    /// Says that the tool reports its progress. A client that asks for it is answered with a stream of events.
    #[must_use]
    pub fn reports_progress(mut self) -> Self {
        self.reports_progress = true;
        self
    }

    /// The programmatic name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it takes to use the tool.
    #[must_use]
    pub fn requirement(&self) -> Requirement<'_> {
        Requirement {
            tool: self.name,
            is_read_only: self.annotations.read_only_hint,
            scopes: &self.scopes,
        }
    }

    pub(super) fn can_report_progress(&self) -> bool {
        self.reports_progress
    }

    pub(super) fn mirrors(&self) -> &[Mirror] {
        self.mirrors.get_or_init(|| Mirror::in_schema(&self.input_schema))
    }

    /// What lists say of the tool, as JSON, made once. It is the same for everybody who may see the tool at all.
    ///
    /// Serializing our own types cannot fail; should it ever, the tool is in no list.
    pub(super) fn listed(&self) -> Option<&str> {
        let listed = self.listed.get_or_init(|| {
            serde_json::to_string(&Listed {
                annotations: self.annotations,
                description: self.description,
                input_schema: &self.input_schema,
                name: self.name,
                output_schema: (self.output_schema)(),
                title: self.title,
            })
            .ok()
        });
        listed.as_deref()
    }

    pub(super) fn call(
        &self,
        context: Context,
        arguments: Rc<Map<String, Value>>,
    ) -> PortFuture<'static, Outcome> {
        (self.call)(context, arguments)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tool").field(&self.name).finish()
    }
}

fn into_result(reply: impl ToolReply) -> Outcome {
    reply.into_result().ok_or_else(|| CallError::new("The tool's result could not be represented."))
}
