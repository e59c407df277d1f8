use doorward_oauth::testing::caller;
use serde_json::{Value, json};

use super::*;
use crate::{
    permissions::{PermissionError, ToolPolicy, UndefinedTools},
    testing::requirement,
};

fn settings(source: PermissionSource) -> PermissionSettings {
    PermissionSettings {
        source,
        cache_seconds: 10,
        list_filtering: true,
        policy: ToolPolicy::default(),
        undefined: UndefinedTools::Public,
        undeclared: Vec::new(),
        effective_permissions: false,
        effective_organization_roles: true,
        check_blocked: false,
    }
}

fn says(names: &[&str]) -> Option<Result<Rc<TenantAnswer>, Undecided>> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Some(Ok(Rc::new(TenantAnswer { names, user_exists: true, ..TenantAnswer::default() })))
}

fn unknown() -> Option<Result<Rc<TenantAnswer>, Undecided>> {
    Some(Err(Undecided { error: PermissionError::TimedOut, retry_after: Some(5) }))
}

fn decided(source: PermissionSource, claims: Value, known: TenantPermissions) -> Decision {
    let tool = requirement("greet", Access::Undeclared);
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
    let of_nobody = Some(Ok(Rc::new(TenantAnswer::default())));
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
    let tool = requirement("open", Access::Undeclared);
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
    let scopes = RequiredScopes {
        all_of: ["a", "b"].map(Scope::from_static).into(),
        any_of: ["c", "d"].map(Scope::from_static).into(),
    };
    let tool = Requirement { scopes: &scopes, ..requirement("greet", Access::Undeclared) };
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

/// What the API may define: nothing, nothing that is spelled right, the permission; and the answer
/// may be unknown, or not asked for.
fn definitions() -> [Option<Result<Rc<TenantAnswer>, Undecided>>; 6] {
    let misspelt =
        ["tool:gret", "tool:Greet", "tool:greet ", "tool: greet", "greet", "prompt:greet"];
    [None, says(&[]), says(&misspelt), says(&["tool:greet", "tool:other"]), unknown(), says(&[""])]
}

#[test]
fn a_private_tool_needs_its_permission_whatever_is_defined() {
    const HELD: &[&str] = &["tool:greet"];
    let tool = requirement("greet", Access::Private);
    let undeclared = requirement("greet", Access::Undeclared);
    for (source, scope, held, expected) in [
        (Management, "", HELD, Allowed),
        (Management, "tool:greet", &[], LacksPermission),
        (Management, "tool:greet", &["tool:gret", "prompt:greet"], LacksPermission),
        (Both, "tool:greet", HELD, Allowed),
        (Both, "tool:gret", HELD, needs_greet()),
        (Both, "", HELD, needs_greet()),
        (Both, "tool:greet", &[], LacksPermission),
        (Both, "", &[], LacksPermission),
        (Token, "openid tool:greet", &[], Allowed),
        (Token, "tool:gret", HELD, needs_greet()),
        (Token, "", HELD, needs_greet()),
    ] {
        for defined in definitions() {
            for advertised in [&[][..], &[Scope::of_tool("greet")], &[Scope::of_tool("gret")]] {
                let known = TenantPermissions { defined: defined.clone(), held: says(held) };
                let caller = caller(user(scope));
                let settings = settings(source);
                let decision = decide(&settings, advertised, &tool, &caller, &known);
                assert_eq!(decision, expected, "{source:?} {scope:?} {held:?} {known:?}");
                let settings = PermissionSettings { undefined: UndefinedTools::Refuse, ..settings };
                let decision = decide(&settings, advertised, &undeclared, &caller, &known);
                assert_eq!(decision, expected, "`refuse` makes what says nothing private");
            }
        }
    }
}

#[test]
fn a_private_tool_is_not_open_to_those_who_could_not_be_looked_up() {
    let tool = requirement("greet", Access::Private);
    for source in [Both, Management] {
        for (held, expected) in [
            (None, LacksPermission),
            (unknown(), Decision::Undecided(unknown().unwrap().unwrap_err())),
            (Some(Ok(Rc::new(TenantAnswer::default()))), UserUnknown),
        ] {
            for defined in definitions() {
                let known = TenantPermissions { defined, held: held.clone() };
                let caller = caller(user("tool:greet"));
                assert_eq!(decide(&settings(source), &[], &tool, &caller, &known), expected);
            }
        }
    }
}

#[test]
fn a_private_tool_is_for_machines_and_other_issuers_by_their_scope_alone() {
    let tool = requirement("greet", Access::Private);
    for source in [Both, Management, Token] {
        for defined in definitions() {
            let known = TenantPermissions { defined, held: None };
            let decided = |claims| decide(&settings(source), &[], &tool, &caller(claims), &known);
            let machine = |scope| json!({ "sub": "m@clients", "azp": "m", "scope": scope });
            assert_eq!(decided(machine("tool:greet")), Allowed);
            assert_eq!(decided(machine("tool:gret")), LacksPermission);
            let other = |scope| json!({ "iss": "https://other.example/", "sub": "auth0|1", "azp": "client", "scope": scope });
            assert_eq!(decided(other("tool:greet")), Allowed);
            assert_eq!(decided(other("")), needs_greet());
        }
    }
}

#[test]
fn a_public_tool_never_needs_a_permission() {
    let scopes = RequiredScopes { all_of: vec![Scope::from_static("read:orders")], any_of: vec![] };
    let tool = requirement("greet", Access::Public);
    let scoped = Requirement { scopes: &scopes, ..tool };
    let advertised = [Scope::of_tool("greet")];
    for source in [Both, Management, Token] {
        for undefined in [UndefinedTools::Public, UndefinedTools::Refuse] {
            let settings = PermissionSettings { undefined, ..settings(source) };
            for defined in definitions() {
                let known = TenantPermissions { defined, held: unknown() };
                let decided = |tool, scope| {
                    decide(&settings, &advertised, tool, &caller(user(scope)), &known)
                };
                assert_eq!(decided(&tool, ""), Allowed);
                let needed = Decision::NeedsScope(vec![Scope::from_static("read:orders")]);
                assert_eq!(decided(&scoped, "tool:greet"), needed, "scopes of its code count");
                assert_eq!(decided(&scoped, "read:orders"), Allowed);
            }
        }
    }
}

#[test]
fn a_prompt_and_a_resource_have_permissions_of_their_own() {
    use doorward_core::access::Item;
    for kind in [ItemKind::Tool, ItemKind::Prompt, ItemKind::Resource] {
        let item = Item { kind, name: "greet" };
        for (permission, allowed) in [
            ("tool:greet", ItemKind::Tool),
            ("prompt:greet", ItemKind::Prompt),
            ("resource:greet", ItemKind::Resource),
        ] {
            for access in [Access::Private, Access::Undeclared] {
                let requirement = Requirement { item, ..requirement("greet", access) };
                let all = ["tool:greet", "prompt:greet", "resource:greet"];
                let known = TenantPermissions { defined: says(&all), held: says(&[permission]) };
                let caller = caller(user(permission));
                let decision = decide(&settings(Both), &[], &requirement, &caller, &known);
                let expected = if kind == allowed { Allowed } else { LacksPermission };
                assert_eq!(decision, expected, "{kind:?} {permission}");
            }
        }
    }
}

/// A challenge with such a name would ask for two scopes, or end its own quotes.
#[test]
fn a_name_that_cannot_be_a_scope_is_asked_for_in_no_challenge() {
    use doorward_core::access::Item;
    for name in ["my notes", "a\"b", "a\\b", "n\u{f6}tes", "a\nb"] {
        let item = Item { kind: ItemKind::Resource, name };
        let requirement = Requirement { item, ..requirement(name, Access::Private) };
        let permission = item.permission();
        let held = || says(&[permission.as_str()]);
        let decided = |source| {
            let known = TenantPermissions { defined: held(), held: held() };
            decide(&settings(source), &[], &requirement, &caller(user(permission.as_str())), &known)
        };
        assert_eq!(decided(Both), LacksPermission);
        assert_eq!(decided(Token), LacksPermission);
        assert_eq!(decided(Management), Allowed, "no token is asked there");
    }
}

#[test]
fn the_tenant_is_asked_no_more_than_a_decision_needs() {
    let (nothing, defined, held) = (
        Needs::default(),
        Needs { defined: true, held: false },
        Needs { defined: false, held: true },
    );
    let machine = json!({ "sub": "m@clients", "azp": "m" });
    for (source, claims, access, undefined, expected) in [
        (Both, user(""), Access::Private, UndefinedTools::Public, held),
        (Both, user(""), Access::Public, UndefinedTools::Public, nothing),
        (Both, user(""), Access::Undeclared, UndefinedTools::Public, defined.and(held)),
        (Both, user(""), Access::Undeclared, UndefinedTools::Refuse, held),
        (Management, user(""), Access::Undeclared, UndefinedTools::Public, defined.and(held)),
        (Both, machine.clone(), Access::Undeclared, UndefinedTools::Public, defined),
        (Both, machine, Access::Private, UndefinedTools::Public, nothing),
        (Token, user(""), Access::Undeclared, UndefinedTools::Public, nothing),
        (Token, user(""), Access::Private, UndefinedTools::Public, nothing),
    ] {
        let settings = PermissionSettings { undefined, ..settings(source) };
        let needs = Needs::new(&settings, &requirement("greet", access), &caller(claims));
        assert_eq!(needs, expected, "{source:?} {access:?} {undefined:?}");
    }
    let policy = r#"{ "rules": [{ "hide": ["greet"] }] }"#.parse().unwrap();
    let settings = PermissionSettings { policy, ..settings(Both) };
    let hidden = requirement("greet", Access::Undeclared);
    assert_eq!(Needs::new(&settings, &hidden, &caller(user(""))), nothing);
}
