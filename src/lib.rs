//! Doorward: an OAuth-protected MCP server that runs as one WebAssembly component on Spin. This
//! package is the component that ships: the library's server with the tools in `src/tools`.
//!
//! A server of your own depends on `doorward-spin` alone.

doorward_spin::component!(doorward_tools::server());
