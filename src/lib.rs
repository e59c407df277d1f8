//! Doorward: an OAuth-protected MCP server that runs as one WebAssembly component on Spin. This
//! package is the component that ships: the library's server with the tools in [`tools`].
//!
//! The library is in `crates/`. A server of your own depends on `doorward-spin` alone.

pub mod tools;

doorward_spin::component!(tools::server());
