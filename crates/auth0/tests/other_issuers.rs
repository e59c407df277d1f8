//! The tenant is asked about its own users only: another issuer's subject may be spelled like one
//! of theirs.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use doorward_auth0::{
    ExchangeError, Exchanges, LastExchange, permissions::Decision, testing::Instance,
};
use doorward_core::{
    scope::Scope,
    testing::{FakeHost, finish},
};
use doorward_oauth::{Caller, testing::caller};
use serde_json::json;

const API: &str = "GET https://tenant.example.com/api/v2/resource-servers/";
const USERS: &str = "GET https://tenant.example.com/api/v2/users/";
const TOKENS: &str = "POST https://tenant.example.com/oauth/token";

/// A tenant whose user `auth0|owner` holds `tool:greet`, which the API defines.
fn host() -> FakeHost {
    let host = FakeHost::new();
    let audience = "https://mcp.example.com/mcp";
    host.answers(TOKENS, 200, &json!({ "access_token": "of-the-tenant", "expires_in": 86400 }));
    host.answers(
        API,
        200,
        &json!({ "identifier": audience, "scopes": [{ "value": "tool:greet" }] }),
    );
    let held = json!({ "resource_server_identifier": audience, "permission_name": "tool:greet" });
    host.answers(USERS, 200, &json!({ "total": 1, "permissions": [held] }));
    host
}

fn owner(issuer: &str, scope: &str) -> Caller {
    caller(json!({ "iss": issuer, "sub": "auth0|owner", "azp": "client", "scope": scope }))
}

fn decision(host: &FakeHost, caller: &Caller, tool: &str) -> Decision {
    finish(Instance::new(host).decide(host, caller, &[tool])).remove(0)
}

#[test]
fn a_namesake_of_another_issuer_has_nothing_of_the_users_permissions() {
    let host = host();
    let user = owner("https://tenant.example.com/", "tool:greet");
    assert_eq!(decision(&host, &user, "greet"), Decision::Allowed);
    assert_eq!(host.count(USERS), 1);
    let namesake = owner("https://other.example/", "");
    let needed = vec![Scope::of_tool("greet")];
    assert_eq!(decision(&host, &namesake, "greet"), Decision::NeedsScope(needed));
    assert_eq!(host.count(USERS), 1, "nobody was asked about");
}

#[test]
fn a_caller_of_another_issuer_holds_what_its_token_says() {
    let namesake = owner("https://other.example/", "openid tool:greet");
    assert_eq!(decision(&host(), &namesake, "greet"), Decision::Allowed);
}

#[test]
fn a_public_tool_is_for_every_caller() {
    let namesake = owner("https://other.example/", "");
    assert_eq!(decision(&host(), &namesake, "get_datetime"), Decision::Allowed);
}

#[test]
fn the_vault_gives_a_namesake_nothing_and_does_not_see_its_token() {
    let host = host();
    let token = |issuer| {
        let (instance, caller) = (Instance::new(&host), owner(issuer, ""));
        let last = LastExchange::default();
        let exchanges = Exchanges::new(instance.tenant(&host), &caller, &last);
        finish(exchanges.connection_token("google-oauth2", &[], None)).map(|_| ())
    };
    assert_eq!(token("https://tenant.example.com/"), Ok(()));
    assert_eq!(token("https://other.example/"), Err(ExchangeError::NotATenantUser));
    assert_eq!(host.count(TOKENS), 1);
}
