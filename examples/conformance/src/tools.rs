//! The tools. Their names are the suite's.

mod content;
mod input;
mod progress;
mod rounds;
mod schema;

use doorward::mcp::Registry;

// The arguments of a tool that takes none. (A doc comment would become part of the schema.)
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

pub(crate) fn register(registry: Registry) -> Registry {
    let tools =
        [content::tools(), progress::tools(), input::tools(), rounds::tools(), schema::tools()];
    tools.into_iter().flatten().fold(registry, Registry::with)
}
