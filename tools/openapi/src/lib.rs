//! An MCP server of the operations in an OpenAPI document: a tool component without code.
//!
//! Its section of the manifest gives it the document, as the file `openapi.json`, and in the
//! variable `operations` the operations that are tools. See `README.md` beside this crate.

pub mod call;
pub mod document;
pub mod messages;
mod schema;

#[cfg(target_family = "wasm")]
mod component;
