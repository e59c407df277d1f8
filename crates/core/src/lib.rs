//! The foundation of the other crates. It makes no decision about tokens, messages or permissions.
//!
//! | Module | |
//! |---|---|
//! | [`host`] | the ports: everything that is asked of the host |
//! | [`settings`] | declarations of variables, and reading them |
//! | [`secret`], [`keys`] | secrets, and the one key schedule |
//! | [`cache`], [`store`] | the one cache, and its tier in the key-value store |
//! | [`outbound`], [`trace`] | outbound HTTP, and the trace that it continues |
//! | [`audit`] | the audit log |
//! | [`text`] | text that others wrote, for models, people and logs |
//! | [`web`] | answers, and the one place through which they leave |
//! | [`access`] | what code says about who may use a tool, a prompt or a resource |
//! | [`origin`], [`issuer`], [`scope`], [`strict_json`] | types that are parsed once |

pub mod access;
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
pub mod text;
pub mod trace;
pub mod web;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use secret::Secret;
