use doorward_oauth::testing::caller;
use serde_json::{Value, json};

use super::*;
use crate::permissions::{PermissionError, ToolPolicy};

fn settings(source: PermissionSource) -> Settings {
    Settings {
        source,
        cache_seconds: 10,
        list_filtering: true,
        policy: ToolPolicy::default(),
        effective_permissions: false,
        revocation_secret: None,
    }
}

fn says(names: &[&str]) -> Option<Result<Rc<Permissions>, Undecided>> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Some(Ok(Rc::new(Permissions::new(0, names))))
}

fn unknown() -> Option<Result<Rc<Permissions>, Undecided>> {
    Some(Err(Undecided { error: PermissionError::TimedOut, retry_after: 5 }))
}

fn decided(source: PermissionSource, claims: Value, known: TenantPermissions) -> Decision {
    let scopes = RequiredScopes::default();
    let tool = Requirement { tool: "greet", is_read_only: true, scopes: &scopes };
    let advertised = [Scope::of_tool("greet")];
    decide(&settings(source), &advertised, &tool, &caller(claims), &known)
}

fn user(scope: &str) -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "scope": scope })
}

fn user_with(scope: &str, permissions: &[&str]) -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "scope": scope, "permissions": permissions })
}

fn needs_greet() -> Decision {
    Decision::NeedsScope(vec![Scope::of_tool("greet")])
}

use Decision::{Allowed, LacksPermission, UserUnknown};
use PermissionSource::{Both, Management, Token};

#[test]
fn by_the_tenant_a_tool_is_public_until_the_api_defines_its_permission() {
    let of = |defined: &[&str], held| TenantPermissions { defined: says(defined), held };
    let decided = |known| decided(Management, user(""), known);
    assert_eq!(decided(of(&["tool:greeter"], says(&[]))), Allowed);
    assert_eq!(decided(of(&[], unknown())), Allowed, "the user does not matter then");
    assert_eq!(decided(of(&["tool:greet"], says(&["tool:greet"]))), Allowed);
    assert_eq!(decided(of(&["tool:greet"], says(&["tool:greeter", "tool:gree"]))), LacksPermission);
    assert_eq!(
        decided(of(&["tool:greet"], None)),
        LacksPermission,
        "a question that was not asked allows nothing"
    );
    assert!(matches!(decided(of(&["tool:greet"], unknown())), Decision::Undecided(_)));
    let of_nobody = Some(Ok(Rc::new(Permissions::of_unknown_user(0))));
    assert_eq!(decided(of(&["tool:greet"], of_nobody)), UserUnknown);
    let nothing = TenantPermissions { defined: unknown(), held: says(&["tool:greet"]) };
    assert!(matches!(decided(nothing), Decision::Undecided(_)));
    assert_eq!(decided(TenantPermissions::default()), LacksPermission);
}

#[test]
fn by_the_token_the_scope_counts_and_the_permissions_where_they_are_listed() {
    let decided = |claims| decided(Token, claims, TenantPermissions::default());
    assert_eq!(decided(user("openid tool:greet")), Allowed);
    assert_eq!(decided(user("openid tool:greeter")), needs_greet());
    assert_eq!(decided(user_with("tool:greet", &["tool:greet"])), Allowed);
    assert_eq!(decided(user_with("tool:greet", &[])), LacksPermission, "asking again cannot help");
    assert_eq!(decided(user_with("", &["tool:greet"])), needs_greet(), "one more consent can");
    assert_eq!(decided(user_with("", &["tool:whoami"])), LacksPermission);
}

#[test]
fn by_the_token_a_tool_is_private_if_its_scope_is_advertised() {
    let scopes = RequiredScopes::default();
    let tool = Requirement { tool: "open", is_read_only: true, scopes: &scopes };
    let advertised = [Scope::of_tool("greet")];
    let caller = caller(user(""));
    let decision =
        decide(&settings(Token), &advertised, &tool, &caller, &TenantPermissions::default());
    assert_eq!(decision, Allowed);
}

#[test]
fn by_both_each_must_agree() {
    let decided = |claims, held: &[&str]| {
        decided(
            Both,
            claims,
            TenantPermissions { defined: says(&["tool:greet"]), held: says(held) },
        )
    };
    assert_eq!(decided(user("tool:greet"), &["tool:greet"]), Allowed);
    assert_eq!(decided(user("tool:greet"), &[]), LacksPermission, "a wide token stays as it is");
    assert_eq!(decided(user(""), &["tool:greet"]), needs_greet(), "a narrow token stays narrow");
    assert_eq!(decided(user(""), &[]), LacksPermission);
    assert_eq!(decided(user_with("tool:greet", &[]), &["tool:greet"]), LacksPermission);
}

#[test]
fn a_machine_holds_what_its_scope_says_whatever_the_source() {
    let machine = |scope: &str| json!({ "sub": "m@clients", "azp": "m", "scope": scope });
    for source in [Both, Management, Token] {
        let known = || TenantPermissions { defined: says(&["tool:greet"]), held: None };
        assert_eq!(decided(source, machine("tool:greet"), known()), Allowed);
        assert_eq!(decided(source, machine("tool:whoami"), known()), LacksPermission);
    }
}

#[test]
fn all_scopes_that_are_needed_are_named_at_once() {
    let scopes = RequiredScopes { all_of: vec!["a", "b"], any_of: vec!["c", "d"] };
    let tool = Requirement { tool: "greet", is_read_only: true, scopes: &scopes };
    let advertised = [Scope::of_tool("greet")];
    let needed = |scope: &str| {
        let caller = caller(user(scope));
        match decide(&settings(Token), &advertised, &tool, &caller, &TenantPermissions::default()) {
            Decision::NeedsScope(needed) => doorward_core::scope::join(&needed),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(needed(""), "a b c tool:greet");
    assert_eq!(needed("a d"), "a b d tool:greet");
    assert_eq!(needed("a b c"), "a b c tool:greet");
}
