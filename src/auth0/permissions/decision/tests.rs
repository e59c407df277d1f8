use std::rc::Rc;

use serde_json::{Value, json};

use super::*;
use crate::auth0::permissions::{PermissionFault, ToolPolicy, memory::Answer, testing::caller};

fn rules(source: PermissionSource) -> Rules {
    Rules {
        source,
        cache_seconds: 10,
        list_filtering: true,
        policy: ToolPolicy::default(),
        effective_permissions: false,
        revocation_secret: None,
    }
}

fn known(names: &[&str]) -> Option<Result<Rc<Answer>, Undecided>> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Some(Ok(Rc::new(Answer::new(0, names))))
}

fn unknown() -> Option<Result<Rc<Answer>, Undecided>> {
    Some(Err(Undecided { fault: PermissionFault::TimedOut, retry_after: 5 }))
}

fn decided(source: PermissionSource, claims: Value, knowledge: Knowledge) -> Decision {
    let scopes = RequiredScopes::default();
    let tool = Requirement { tool: "greet", is_read_only: true, scopes: &scopes };
    let advertised = ["tool:greet".to_owned()];
    decide(&rules(source), &advertised, &tool, &caller(claims), &knowledge)
}

fn user(scope: &str) -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "scope": scope })
}

fn user_with(scope: &str, permissions: &[&str]) -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "scope": scope, "permissions": permissions })
}

fn needs_greet() -> Decision {
    Decision::NeedsScope(vec!["tool:greet".to_owned()])
}

use Decision::{Allowed, LacksPermission, UserUnknown};
use PermissionSource::{Both, Management, Token};

#[test]
fn by_the_tenant_a_tool_is_public_until_the_api_defines_its_permission() {
    let of = |defined: &[&str], held| Knowledge { defined: known(defined), held };
    let decided = |knowledge| decided(Management, user(""), knowledge);
    assert_eq!(decided(of(&["tool:greeter"], known(&[]))), Allowed);
    assert_eq!(decided(of(&[], unknown())), Allowed, "the user does not matter then");
    assert_eq!(decided(of(&["tool:greet"], known(&["tool:greet"]))), Allowed);
    assert_eq!(
        decided(of(&["tool:greet"], known(&["tool:greeter", "tool:gree"]))),
        LacksPermission
    );
    assert_eq!(
        decided(of(&["tool:greet"], None)),
        LacksPermission,
        "what was not asked allows nothing"
    );
    assert!(matches!(decided(of(&["tool:greet"], unknown())), Decision::Undecided(_)));
    let of_nobody = Some(Ok(Rc::new(Answer::user_unknown(0))));
    assert_eq!(decided(of(&["tool:greet"], of_nobody)), UserUnknown);
    let nothing = Knowledge { defined: unknown(), held: known(&["tool:greet"]) };
    assert!(matches!(decided(nothing), Decision::Undecided(_)));
    assert_eq!(decided(Knowledge::default()), LacksPermission);
}

#[test]
fn by_the_token_the_scope_counts_and_the_permissions_where_they_are_listed() {
    let decided = |claims| decided(Token, claims, Knowledge::default());
    assert_eq!(decided(user("openid tool:greet")), Allowed);
    assert_eq!(decided(user("openid tool:greeter")), needs_greet());
    assert_eq!(decided(user_with("tool:greet", &["tool:greet"])), Allowed);
    assert_eq!(decided(user_with("tool:greet", &[])), LacksPermission, "asking again cannot help");
    assert_eq!(decided(user_with("", &["tool:greet"])), needs_greet(), "one more consent can");
    assert_eq!(decided(user_with("", &["tool:whoami"])), LacksPermission);
}

#[test]
fn by_the_token_a_tool_is_private_if_clients_are_told_to_ask_for_its_scope() {
    let scopes = RequiredScopes::default();
    let tool = Requirement { tool: "open", is_read_only: true, scopes: &scopes };
    let advertised = ["tool:greet".to_owned()];
    let caller = caller(user(""));
    let decision = decide(&rules(Token), &advertised, &tool, &caller, &Knowledge::default());
    assert_eq!(decision, Allowed);
}

#[test]
fn by_both_each_must_agree() {
    let decided = |claims, held: &[&str]| {
        decided(Both, claims, Knowledge { defined: known(&["tool:greet"]), held: known(held) })
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
        let knowledge = || Knowledge { defined: known(&["tool:greet"]), held: None };
        assert_eq!(decided(source, machine("tool:greet"), knowledge()), Allowed);
        assert_eq!(decided(source, machine("tool:whoami"), knowledge()), LacksPermission);
    }
}

#[test]
fn all_scopes_that_are_needed_are_named_at_once() {
    let scopes = RequiredScopes { all_of: vec!["a", "b"], any_of: vec!["c", "d"] };
    let tool = Requirement { tool: "greet", is_read_only: true, scopes: &scopes };
    let advertised = ["tool:greet".to_owned()];
    let needed = |scope: &str| {
        let caller = caller(user(scope));
        match decide(&rules(Token), &advertised, &tool, &caller, &Knowledge::default()) {
            Decision::NeedsScope(needed) => needed,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(needed(""), ["a", "b", "c", "tool:greet"]);
    assert_eq!(needed("a d"), ["a", "b", "d", "tool:greet"]);
    assert_eq!(needed("a b c"), ["a", "b", "c", "tool:greet"]);
}
