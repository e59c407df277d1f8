//! The baseline of the benchmark: a component that reads the body and answers a constant.
//!
//! No HTTP server on the same host can be faster, so Doorward is compared with this one.

#![cfg(target_family = "wasm")]

#[cfg(target_env = "p1")]
mod wasi02;
#[cfg(target_env = "p2")]
mod wasi03;
