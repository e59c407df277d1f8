//! What every part of Doorward stands on. It makes no decision about tokens, messages or
//! permissions.
//!
//! | Module | |
//! |---|---|
//! | [`host`] | the ports: everything that is asked of the host |
//! | [`settings`] | declarations of variables, and reading them |
//! | [`secret`], [`keys`] | secrets, and the one key schedule |
//! | [`cache`], [`store`] | the one cache, and its tier in the key-value store |
//! | [`outbound`], [`trace`] | outbound HTTP, and the trace that it continues |
//! | [`audit`] | the audit log |
//! | [`web`] | answers, and the one place through which they leave |
//! | [`origin`], [`issuer`], [`scope`], [`strict_json`] | types that are parsed once |

pub mod audit;
pub mod cache;
pub mod host;
pub mod issuer;
pub mod keys;
pub mod origin;
pub mod outbound;
pub mod scope;
pub mod secret;
pub mod settings;
pub mod store;
pub mod strict_json;
pub mod trace;
pub mod web;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use secret::Secret;
