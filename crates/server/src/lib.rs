//! The library for authors of MCP servers: tools, prompts and resources go into a
//! [`Registry`](prelude::Registry), the registry into a [`Server`]. Every caller is verified,
//! authorized and written into the audit log before any of them runs.
//!
//! ```
//! use doorward_server::prelude::*;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Arguments {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! async fn greet(context: &Context, arguments: Arguments) -> Result<String, CallError> {
//!     let caller = context.caller().subject();
//!     Ok(format!("Hello, {}! {caller} says hello.", arguments.name))
//! }
//!
//! fn server() -> Server {
//!     let info = ServerInfo { name: "greeter", title: "Greeter", version: "1.0.0" };
//!     let tool = Tool::new("greet", greet).description("Greets somebody.");
//!     Server::new(info, Registry::new().with(tool))
//! }
//! # let _ = server();
//! ```
//!
//! A component exports such a server with `doorward_spin::component!(server());`.
//!
//! A request travels one way: [`Server::serve`] routes it, the resource server (`doorward-oauth`)
//! proves its caller, `dispatch` finds method and tool (`doorward-mcp`) and asks the tenant whether
//! the caller may use it (`doorward-auth0`), and the tool acts through its
//! [`Context`](prelude::Context).

mod admission;
mod call;
mod cleanup;
mod connection;
mod context;
mod discovery;
mod dispatch;
mod egress;
mod landing;
mod limits;
mod notes;
pub mod prelude;
mod request;
mod route;
mod server;
mod settings;
mod upstream;

pub use server::{Server, declared_reasons};
pub use settings::{ServerSettings, declared_variables};

/// The core, for hosts that serve requests: its ports, and answers.
#[doc(hidden)]
pub use doorward_core as core;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
