//! An Auth0-shaped tenant on loopback: authorization server, Management API, Token Vault, and Google Calendar behind it.
//!
//! It is what Doorward talks to in `cargo run` and in the tests. It verifies what it is sent and refuses what Auth0
//! would refuse, in Auth0's words; it keeps everything in memory and is never a product.
//!
//! Who and what it knows comes from a [`Seed`]; a test steers it through [`Control`], in process or under `/_control/`.

mod authorize;
mod calls;
mod control;
mod cors;
mod directory;
mod discovery;
mod endpoint;
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
mod spoil;
mod state;
mod tenant;
mod token;
mod tokens;
mod userinfo;

pub use calls::{Calls, Received};
pub use control::{Control, Unknown};
pub use endpoint::{Endpoint, Group};
pub use faults::{Fault, What};
pub use keys::{KeyError, KeyKind, SigningKey};
pub use limits::RateLimit;
pub use seed::{
    Api, AppType, Calendar, Client, ClientAuth, ClientGrant, ConnectedAccount, Connection, Event,
    EventStatus, Organization, Person, ProfileAction, PublicKey, Repeat, Response, Role, Scope,
    Seed, SeedError, Settings, SubjectType, TokenDialect, TokenExchange, TokenExchangeProfile,
};
pub use tenant::{Options, StartError, Tenant};

/// Unix seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
