//! What the measured baselines have in common: they read the body and answer a constant, as fast as
//! possible.

#![cfg(target_family = "wasm")]

#[cfg(target_env = "p1")]
mod wasi02;
#[cfg(target_env = "p2")]
mod wasi03;

#[cfg(target_env = "p1")]
pub use wasi02::{answer, bindings, read};
#[cfg(target_env = "p2")]
pub use wasi03::{answer, read};

/// The answer of Doorward's tool `greet` to the owner in the seed.
pub const ANSWER: &[u8] = br#"{"id":1,"jsonrpc":"2.0","result":{"content":[{"text":"Hello, Calendar Owner!\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward.","type":"text"}],"isError":false,"structuredContent":{"greeting":"Hello, Calendar Owner!"}}}"#;
