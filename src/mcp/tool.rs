//! What a tool is: a name, its schemas and an async call.

use std::{fmt, rc::Rc};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::content::ToolResult;
use crate::{context::Context, host::PortFuture};

/// A tool, ready to be registered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input_schema: Value,
    output_schema: Value,
    annotations: Annotations,
    #[serde(skip)]
    call: Box<Call>,
}

type Call = dyn for<'a> Fn(&'a Context<'a>, Map<String, Value>) -> PortFuture<'a, ToolResult>;

/// Hints for clients (`ToolAnnotations`). They protect nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// The tool changes nothing.
    pub read_only_hint: bool,
    /// What the tool changes may be lost.
    pub destructive_hint: bool,
    /// Calling it again changes nothing more.
    pub idempotent_hint: bool,
}

/// What a tool returns: text for people and models, and the same as data.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutput<T> {
    /// The text content.
    pub text: String,
    /// The structured content; its type is the tool's output schema.
    pub structured: T,
}

/// A failure that the caller may read: what went wrong and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolError(String);

impl Annotations {
    /// For a tool that only reads.
    pub const READ_ONLY: Self =
        Self { read_only_hint: true, destructive_hint: false, idempotent_hint: true };
}

impl ToolError {
    /// An error with this text. It must quote no other service.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tool {
    /// A tool that runs `call`. Its schemas are those of the types `A` (arguments) and `R` (structured content), which
    /// must be structs. A read-only tool, unless [`annotations`](Self::annotations) say otherwise.
    pub fn new<A, R, F>(name: &'static str, call: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        F: AsyncFn(&Context<'_>, A) -> Result<ToolOutput<R>, ToolError> + 'static,
    {
        let call = Rc::new(call);
        Self {
            name,
            title: name,
            description: "",
            input_schema: schema::<A>(),
            output_schema: schema::<R>(),
            annotations: Annotations::READ_ONLY,
            call: Box::new(move |context, arguments| {
                let call = Rc::clone(&call);
                Box::pin(async move { run(&*call, context, arguments).await })
            }),
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

    /// The programmatic name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn call<'a>(
        &'a self,
        context: &'a Context<'a>,
        arguments: Map<String, Value>,
    ) -> PortFuture<'a, ToolResult> {
        (self.call)(context, arguments)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tool").field(&self.name).finish()
    }
}

async fn run<A, R, F>(call: &F, context: &Context<'_>, arguments: Map<String, Value>) -> ToolResult
where
    A: DeserializeOwned,
    R: Serialize,
    F: AsyncFn(&Context<'_>, A) -> Result<ToolOutput<R>, ToolError>,
{
    let arguments = match serde_path_to_error::deserialize(Value::Object(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let path = error.path().to_string();
            let place = if path == "." { String::new() } else { format!(" `{path}`:") };
            return ToolResult::error(format!("Invalid arguments:{place} {}", error.into_inner()));
        }
    };
    match call(context, arguments).await {
        Ok(ToolOutput { text, structured }) => ToolResult::success(text, &structured)
            .unwrap_or_else(|| ToolResult::error("The tool's result could not be represented.")),
        Err(error) => ToolResult::error(error.to_string()),
    }
}

/// The JSON Schema 2020-12 of a struct, written out in one piece.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(members) = schema.as_object_mut() {
        members.remove("title");
    }
    without_null(&mut schema);
    schema
}

/// What is optional here is left out and never `null`; many clients do not know types that are lists.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".into(), only);
                }
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}
