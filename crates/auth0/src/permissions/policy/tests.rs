use doorward_core::{
    access::{Access, Item},
    scope::RequiredScopes,
};
use doorward_oauth::testing::caller;
use serde_json::json;

use super::*;

fn hidden(policy: &Value, claims: Value) -> Vec<&'static str> {
    let policy: ToolPolicy = policy.to_string().parse().unwrap();
    let caller = caller(claims);
    let tools = [("read", true), ("write", false), ("calendar", true)];
    let is_hidden = |(tool, is_read_only): &(&'static str, bool)| {
        policy.hides(&requirement(ItemKind::Tool, tool, *is_read_only), &caller)
    };
    tools.into_iter().filter(is_hidden).map(|(tool, _)| tool).collect()
}

fn requirement(kind: ItemKind, name: &str, is_read_only: bool) -> Requirement<'_> {
    let (item, access) = (Item { kind, name }, Access::default());
    Requirement { item, access, is_read_only, scopes: RequiredScopes::NONE, permission: None }
}

fn of_organization(id: &str) -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "org_id": id, "org_name": "acme" })
}

fn anybody() -> Value {
    json!({ "sub": "auth0|1", "azp": "client" })
}

#[test]
fn without_a_policy_nothing_is_hidden() {
    assert_eq!("".parse::<ToolPolicy>().unwrap(), ToolPolicy::default());
    assert_eq!(hidden(&json!({ "rules": [] }), anybody()), [""; 0]);
}

#[test]
fn a_rule_hides_tools_or_leaves_some_or_makes_everything_read_only() {
    let rule = |rule: Value| hidden(&json!({ "rules": [rule] }), anybody());
    assert_eq!(rule(json!({ "hide": ["read"] })), ["read"]);
    assert_eq!(rule(json!({ "hide": "read" })), ["read"]);
    assert_eq!(rule(json!({ "only": ["read"] })), ["write", "calendar"]);
    assert_eq!(rule(json!({ "only": [] })), ["read", "write", "calendar"]);
    assert_eq!(rule(json!({ "read_only": true })), ["write"]);
}

#[test]
fn every_rule_that_applies_hides_tools() {
    let policy = json!({ "rules": [{ "only": ["read", "write"] }, { "read_only": true }] });
    assert_eq!(hidden(&policy, anybody()), ["write", "calendar"]);
}

#[test]
fn sets_are_named_with_an_at_sign() {
    let policy = json!({
        "sets": { "planning": ["calendar", "write"] },
        "rules": [{ "hide": ["read", "@planning"] }],
    });
    assert_eq!(hidden(&policy, anybody()), ["read", "write", "calendar"]);
}

#[test]
fn another_issuer_cannot_exempt_its_callers() {
    let other = || {
        let issuer = "https://other.example/";
        json!({ "sub": "auth0|1", "azp": "agent", "org_id": "org_1", "role": "admin", "iss": issuer })
    };
    let rule = |condition: &str, what: Value| {
        hidden(&json!({ "rules": [{ "hide": "read", condition: what }] }), other())
    };
    for what in [
        json!({ "organization": "org_1" }),
        json!({ "client": "agent" }),
        json!({ "claims": { "role": "admin" } }),
    ] {
        assert_eq!(rule("unless", what.clone()), ["read"], "{what}");
        assert_eq!(rule("when", what.clone()), ["read"], "{what}");
        let mut named = what;
        named["issuer"] = json!("https://other.example/");
        assert_eq!(rule("unless", named.clone()), [""; 0], "{named}");
        named["issuer"] = json!(["https://tenant.example.com/"]);
        assert_eq!(rule("unless", named.clone()), ["read"], "{named}");
        assert_eq!(rule("when", named.clone()), [""; 0], "{named}");
    }
    assert_eq!(rule("when", json!({ "issuer": "https://other.example/" })), ["read"]);
    assert_eq!(rule("unless", json!({ "issuer": "https://other.example/" })), [""; 0]);
}

#[test]
fn a_rule_may_be_about_organizations() {
    let policy =
        |list: Value| json!({ "rules": [{ "hide": "read", "when": { "organization": list } }] });
    assert_eq!(hidden(&policy(json!("org_1")), of_organization("org_1")), ["read"]);
    assert_eq!(hidden(&policy(json!(["org_2", "acme"])), of_organization("org_1")), ["read"]);
    assert_eq!(hidden(&policy(json!("org_2")), of_organization("org_1")), [""; 0]);
    assert_eq!(hidden(&policy(json!("Acme")), of_organization("org_1")), ["read"]);
    let mut elsewhere = of_organization("org_1");
    elsewhere["iss"] = json!("https://login.example.com/");
    assert_eq!(hidden(&policy(json!("Acme")), elsewhere.clone()), [""; 0]);
    assert_eq!(hidden(&policy(json!("acme")), elsewhere), ["read"]);
    assert_eq!(hidden(&policy(json!("org_1")), anybody()), [""; 0]);
    let unless = json!({ "rules": [{ "hide": "read", "unless": { "organization": "acme" } }] });
    assert_eq!(hidden(&unless, of_organization("org_1")), [""; 0]);
    assert_eq!(hidden(&unless, anybody()), ["read"]);
}

#[test]
fn a_rule_may_be_about_claims_and_clients() {
    let role = "https://example.com/role";
    let policy = json!({ "rules": [
        { "hide": "read", "when": { "claims": { role: ["guest", "trial"], "email_verified": false } } },
        { "hide": "write", "when": { "client": "agent" } },
    ] });
    let with = |role_held: Value, verified: bool, client: &str| json!({ "sub": "auth0|1", "azp": client, role: role_held, "email_verified": verified });
    assert_eq!(hidden(&policy, with(json!("guest"), false, "client")), ["read"]);
    assert_eq!(hidden(&policy, with(json!(["x", "trial"]), false, "client")), ["read"]);
    assert_eq!(hidden(&policy, with(json!("guest"), true, "client")), [""; 0], "both must hold");
    assert_eq!(hidden(&policy, with(json!("guests"), false, "agent")), ["write"]);
    assert_eq!(hidden(&policy, anybody()), [""; 0]);
}

#[test]
fn a_policy_with_anything_that_is_not_understood_is_refused() {
    for bad in [
        "[]",
        "{",
        "{}",
        r#"{ "rules": {} }"#,
        r#"{ "rules": [], "rule": [] }"#,
        r#"{ "rules": [], "rules": [] }"#,
        r#"{ "rules": [7] }"#,
        r#"{ "rules": [{}] }"#,
        r#"{ "rules": [{ "hide": [7] }] }"#,
        r#"{ "rules": [{ "hide": ["@absent"] }] }"#,
        r#"{ "rules": [{ "hide": ["a"], "only": ["b"] }] }"#,
        r#"{ "rules": [{ "hide": ["a"], "wen": { "client": "b" } }] }"#,
        r#"{ "rules": [{ "hide": ["a"], "when": {} }] }"#,
        r#"{ "rules": [{ "hide": ["a"], "when": { "organisation": "b" } }] }"#,
        r#"{ "rules": [{ "hide": ["a"], "when": { "organization": 7 } }] }"#,
        r#"{ "rules": [{ "hide": ["a"], "when": { "claims": "b" } }] }"#,
        r#"{ "rules": [{ "read_only": false }] }"#,
        r#"{ "sets": { "a": [7] }, "rules": [{ "hide": ["@a"] }] }"#,
        r#"{ "sets": [], "rules": [] }"#,
    ] {
        assert!(bad.parse::<ToolPolicy>().is_err(), "{bad}");
    }
}

#[test]
fn prompts_and_resources_are_not_hidden() {
    for rule in [json!({ "hide": ["read"] }), json!({ "only": [] }), json!({ "read_only": true })] {
        let policy: ToolPolicy = json!({ "rules": [rule] }).to_string().parse().unwrap();
        for (kind, is_hidden) in
            [(ItemKind::Tool, true), (ItemKind::Prompt, false), (ItemKind::Resource, false)]
        {
            let requirement = requirement(kind, "read", false);
            assert_eq!(policy.hides(&requirement, &caller(anybody())), is_hidden, "{policy:?}");
        }
    }
}

#[test]
fn a_rule_may_be_about_who_acts() {
    let agent = |actor: &str| json!({ "sub": "auth0|1", "azp": "c", "act": { "sub": actor } });
    let cimd = || json!({ "sub": "auth0|1", "client_id": "https://a.example/c.json" });
    let machine = || json!({ "sub": "c@clients", "azp": "c" });
    let rule = |when: Value, claims| {
        !hidden(&json!({ "rules": [{ "hide": ["write"], "when": when }] }), claims).is_empty()
    };
    for (when, claims, hides) in [
        (json!({ "kind": "agent" }), agent("a"), true),
        (json!({ "kind": "agent" }), anybody(), false),
        (json!({ "kind": "agent" }), machine(), false),
        (json!({ "kind": ["agent", "machine"] }), machine(), true),
        (json!({ "kind": "user" }), anybody(), true),
        (json!({ "kind": "user" }), cimd(), true),
        (json!({ "kind": "user" }), agent("a"), false),
        (json!({ "actor": "a" }), agent("a"), true),
        (json!({ "actor": ["b", "a"] }), agent("a"), true),
        (json!({ "actor": "a" }), agent("b"), false),
        (json!({ "actor": "a" }), anybody(), false),
        (json!({ "actor": "https://a.example/c.json" }), cimd(), true),
        (json!({ "actor": "c" }), machine(), true),
        (json!({ "actor": "c" }), anybody(), false),
        // Only the present actor counts.
        (
            json!({ "actor": "b" }),
            json!({ "sub": "u", "azp": "c", "act": { "sub": "a", "act": { "sub": "b" } } }),
            false,
        ),
        (json!({ "kind": "agent", "actor": "b" }), agent("a"), false),
    ] {
        assert_eq!(rule(when.clone(), claims.clone()), hides, "{when} {claims}");
    }
    let unless = json!({ "rules": [{ "hide": ["write"], "unless": { "kind": "user" } }] });
    assert_eq!(hidden(&unless, agent("a")), ["write"]);
    assert_eq!(hidden(&unless, anybody()), [""; 0]);
    for bad in [json!("robot"), json!(["agent", "Agent"]), json!(7), json!(null)] {
        let policy = json!({ "rules": [{ "hide": ["write"], "when": { "kind": bad } }] });
        assert!(policy.to_string().parse::<ToolPolicy>().is_err(), "{policy}");
    }
}
