//! A stand-in for an Auth0 tenant on loopback: authorization server, Management API, My Account API
//! and Token Vault, with Google Calendar behind the vault.
//!
//! Doorward talks to it in `cargo run` and in the tests. It verifies every request and refuses what
//! Auth0 would refuse, with Auth0's error texts. It keeps its state in memory and is not meant for
//! production.
//!
//! A [`Seed`] provides the people, APIs and clients. Tests control a running tenant through
//! [`Control`], in process or over HTTP under `/_control/`.

mod authorize;
mod calls;
mod control;
mod cors;
mod directory;
mod discovery;
mod endpoint;
mod fault_response;
mod faults;
mod google;
mod intake;
mod jose;
mod json;
mod keys;
mod limits;
mod management;
mod my_account;
mod oauth;
mod random;
mod register;
mod routes;
mod seed;
mod serve;
mod state;
mod tenant;
mod token;
mod tokens;
mod userinfo;

pub use calls::{Calls, Received};
pub use control::{Control, Unknown};
pub use endpoint::{Endpoint, Group};
pub use faults::{Fault, What};
pub use keys::{KeyError, KeyKind, SigningKey, rsa_key_pair};
pub use limits::RateLimit;
pub use seed::{
    Action, Api, AppType, Calendar, Client, ClientAuth, ClientGrant, ConnectedAccount, Connection,
    Event, EventStatus, MetadataDocument, Organization, OrganizationGroup, Person, ProfileAction,
    PublicKey, Repeat, Response, Role, Scope, Seed, SeedError, Settings, SubjectType, TokenDialect,
    TokenExchange, TokenExchangeProfile,
};
pub use tenant::{Options, StartError, Tenant};

/// The current time in Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
