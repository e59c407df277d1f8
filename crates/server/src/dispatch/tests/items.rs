//! Prompts, resources and completions: by the same decision as tools, in lists and in calls.

use http::header::WWW_AUTHENTICATE;

use super::*;
use crate::prelude::{
    Content, Prompt, PromptMessage, Resource, ResourceContents, ResourceTemplate,
};

const AUDIENCE: &str = "https://mcp.example.com/mcp";

/// A private, a public and an undeclared one of everything.
fn registry() -> Registry {
    let tool = |name| Tool::new(name, async |_, NoArguments {}| Ok(String::from("ran")));
    let prompt = |name| {
        let get = async |_: &Context, _: &_| Ok(vec![PromptMessage::User(Content::text("ran"))]);
        Prompt::new(name, "A prompt.", get)
            .argument("who", "Whom.", false)
            .complete(|_| vec!["Ada".to_owned()])
    };
    let resource = |uri, name| {
        let read =
            async |_: &Context| Ok(vec![ResourceContents::text("test://x", "text/plain", "ran")]);
        Resource::new(uri, name, "A resource.", "text/plain", read)
    };
    let template = |uri, name| {
        let read = async |_: &Context, _| {
            Ok(vec![ResourceContents::text("test://x", "text/plain", "ran")])
        };
        ResourceTemplate::new(uri, name, "Some resources.", "text/plain", read)
            .complete("id", |_| vec!["7".to_owned()])
    };
    Registry::new()
        .with(tool("private").private())
        .with(tool("public").public())
        .with(tool("silent"))
        .with_prompt(prompt("private").private())
        .with_prompt(prompt("public").public())
        .with_prompt(prompt("silent"))
        .with_resource(resource("test://private", "private").private())
        .with_resource(resource("test://public", "public").public())
        .with_resource(resource("test://silent", "silent"))
        .with_template(template("test://private/{id}", "private").private())
        .with_template(template("test://public/{id}", "public").public())
        .with_template(template("test://silent/{id}", "silent"))
}

/// Every method that runs something, with the kind of what it is about.
const METHODS: [(&str, &str); 6] = [
    ("tools/call", "tool"),
    ("prompts/get", "prompt"),
    ("resources/read", "resource"),
    ("resources/read", "template"),
    ("completion/complete", "prompt"),
    ("completion/complete", "template"),
];

const NAMES: [&str; 3] = ["private", "public", "silent"];

fn params(method: &str, kind: &str, name: &str) -> Value {
    match (method, kind) {
        ("completion/complete", "prompt") => json!({
            "ref": { "type": "ref/prompt", "name": name },
            "argument": { "name": "who", "value": "" },
        }),
        ("completion/complete", _) => json!({
            "ref": { "type": "ref/resource", "uri": format!("test://{name}/{{id}}") },
            "argument": { "name": "id", "value": "" },
        }),
        (_, "resource") => json!({ "uri": format!("test://{name}") }),
        (_, "template") => json!({ "uri": format!("test://{name}/7") }),
        _ => json!({ "name": name }),
    }
}

fn permission(kind: &str, name: &str) -> String {
    let kind = if kind == "template" { "resource" } else { kind };
    format!("{kind}:{name}")
}

/// A tenant whose API defines these permissions, and whose user holds those.
fn tenant(defined: &[&str], held: &[&str]) -> Rc<FakeHost> {
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(defined));
    let row =
        |name: &&str| json!({ "resource_server_identifier": AUDIENCE, "permission_name": name });
    let rows: Vec<Value> = held.iter().map(row).collect();
    host.answers(USER_PERMISSIONS, 200, &json!({ "total": rows.len(), "permissions": rows }));
    host
}

fn answer(host: &Rc<FakeHost>, scope: &str, method: &str, params: Value) -> Answer {
    let claims = json!({ "sub": "auth0|1", "azp": "client", "scope": scope });
    let (headers, body) = modern_request(method, params);
    Instance::new(host, registry()).answer(claims, &headers, &body)
}

fn asked(host: &Rc<FakeHost>, scope: &str, method: &str, params: Value) -> Value {
    read(answer(host, scope, method, params).body().unwrap())
}

/// Whether the item ran, or was completed.
fn ran(answer: &Value) -> bool {
    let text = answer.to_string();
    text.contains("\"ran\"") || text.contains("\"values\":[\"")
}

fn reason(host: &FakeHost) -> (String, Value) {
    let line = decisions(host).pop().unwrap();
    (line["reason"].as_str().unwrap().to_owned(), line)
}

#[test]
fn an_api_that_defines_nothing_or_misspells_it_opens_nothing_private() {
    for api in [
        json!({ "identifier": AUDIENCE, "scopes": [] }),
        json!({ "identifier": AUDIENCE }),
        json!({ "identifier": AUDIENCE, "scopes": [
            { "value": "tool:Private" }, { "value": "prompt: private" }, { "value": "resources:private" },
        ] }),
    ] {
        for source in ["both", "management"] {
            for (method, kind) in METHODS {
                let host = tenant(&[], &[]);
                host.answers(RESOURCE_SERVER, 200, &api);
                host.set_variable("permission_source", source);
                let scope = permission(kind, "private");
                let answer = asked(&host, &scope, method, params(method, kind, "private"));
                assert!(!ran(&answer), "{method} {kind} {answer}");
                let kind = if kind == "template" { "resource" } else { kind };
                let denied = format!("You don't have permission to use the 'private' {kind}.");
                assert!(answer.to_string().contains(&denied), "{answer}");
                let (reason, line) = reason(&host);
                assert_eq!(reason, format!("{kind}_permission_undefined"));
                assert_eq!((&line[kind], &line["outcome"]), (&json!("private"), &json!("denied")));
            }
        }
    }
}

#[test]
fn an_api_that_was_deleted_opens_nothing_but_what_is_declared_public() {
    for (method, kind) in METHODS {
        for name in NAMES {
            let host = tenant(&[], &[]);
            host.answers(
                RESOURCE_SERVER,
                404,
                &json!({ "errorCode": "inexistent_resource_server" }),
            );
            let answer = asked(&host, "", method, params(method, kind, name));
            assert_eq!(ran(&answer), name == "public", "{method} {kind} {name} {answer}");
        }
    }
}

#[test]
fn a_private_item_is_for_those_who_hold_its_permission_and_granted_it() {
    for (method, kind) in METHODS {
        let permission = permission(kind, "private");
        let held = [permission.as_str()];
        for (source, scope, held, may) in [
            ("both", permission.as_str(), &held[..], true),
            ("both", permission.as_str(), &[], false),
            ("both", "", &held, false),
            ("management", "", &held, true),
            ("management", permission.as_str(), &[], false),
            ("token", permission.as_str(), &[], true),
            ("token", "", &held, false),
        ] {
            for defined in [&[][..], &[permission.as_str()]] {
                let host = tenant(defined, held);
                host.set_variable("permission_source", source);
                let answer = answer(&host, scope, method, params(method, kind, "private"));
                let body = answer.body().unwrap();
                let body: Value = serde_json::from_slice(body).unwrap();
                let case = format!("{method} {kind} {source} {scope:?} {held:?} {body}");
                assert_eq!(ran(&body), may, "{case}");
                let kind = if kind == "template" { "resource" } else { kind };
                let expected = match (may, held.is_empty(), defined.is_empty()) {
                    (true, ..) => "allowed",
                    (false, true, true) => "permission_undefined",
                    (false, true, false) => "permission_missing",
                    (false, false, _) => "scope_missing",
                };
                assert_eq!(reason(&host).0, format!("{kind}_{expected}"), "{case}");
                if expected == "scope_missing" {
                    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
                    let challenge = answer.header(&WWW_AUTHENTICATE).unwrap();
                    assert!(challenge.contains(&format!("scope=\"{permission}\"")), "{challenge}");
                }
            }
        }
    }
}

#[test]
fn what_says_nothing_is_public_until_its_permission_is_defined_and_private_with_refuse() {
    for (method, kind) in METHODS {
        let permission = permission(kind, "silent");
        for (undefined, defined, held, may) in [
            ("public", &[][..], &[][..], true),
            ("public", &[permission.as_str()], &[], false),
            ("public", &[permission.as_str()], &[permission.as_str()], true),
            ("refuse", &[], &[], false),
            ("refuse", &[permission.as_str()], &[], false),
            ("refuse", &[permission.as_str()], &[permission.as_str()], true),
        ] {
            let host = tenant(defined, held);
            host.set_variable("undefined_tools", undefined);
            let answer = asked(&host, &permission, method, params(method, kind, "silent"));
            assert_eq!(ran(&answer), may, "{method} {kind} {undefined} {defined:?} {answer}");
        }
    }
}

#[test]
fn what_is_public_runs_while_the_tenant_is_down_and_asks_nobody() {
    for (method, kind) in METHODS {
        let host = tenant(&["tool:public", "prompt:public", "resource:public"], &[]);
        for broken in
            [RESOURCE_SERVER, USER_PERMISSIONS, "POST https://tenant.example.com/oauth/token"]
        {
            host.answers(broken, 403, &json!({}));
        }
        let answer = asked(&host, "", method, params(method, kind, "public"));
        assert!(ran(&answer), "{method} {kind} {answer}");
        assert!(host.sent.borrow().is_empty());
    }
}

/// The statuses of a fault that passes and of one that only the operator can fix: whether the
/// answer names a time, how its text ends, and the reason.
const FAULTS: [(u16, bool, &str, &str); 2] = [
    (400, true, " just now. Try again in a moment.", "permission_source_unexpected"),
    (403, false, "Tell its operator; trying again will not help.", "permission_source_forbidden"),
];

#[test]
fn what_cannot_be_decided_says_whether_and_when_to_try_again() {
    for (method, kind) in METHODS {
        for (name, broken) in [("private", USER_PERMISSIONS), ("silent", RESOURCE_SERVER)] {
            for (status, passes, end, code) in FAULTS {
                let host = tenant(&[], &[]);
                host.answers(broken, status, &json!({}));
                let text = asked(&host, "", method, params(method, kind, name)).to_string();
                assert!(text.contains("could not be checked") && text.contains(end), "{text}");
                assert_eq!(text.contains("\"doorward/retryAfter\":5"), passes, "{text}");
                assert_eq!(reason(&host).0, code);
            }
        }
    }
}

/// The names in each list.
fn listed(host: &Rc<FakeHost>, scope: &str) -> [Vec<String>; 4] {
    [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ]
    .map(|(method, member)| {
        let answer = asked(host, scope, method, json!({}));
        let items = answer["result"][member].as_array().unwrap_or_else(|| panic!("{answer}"));
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    })
}

#[test]
fn every_list_shows_what_the_caller_may_use_by_the_decision_of_calls() {
    let all = ["tool:private", "prompt:private", "resource:private"];
    let silent = ["tool:silent", "prompt:silent", "resource:silent"];
    for (source, undefined, defined, held, scope, expected) in [
        ("both", "public", &[][..], &[][..], "", &["public", "silent"][..]),
        ("both", "refuse", &[], &[], "", &["public"]),
        ("both", "public", &silent, &[], "", &["public"]),
        ("both", "public", &[], &all, all.join(" ").as_str(), &NAMES),
        ("both", "public", &[], &all, "", &NAMES),
        ("management", "public", &[], &all, "", &NAMES),
        ("management", "public", &[], &[], all.join(" ").as_str(), &["public", "silent"]),
        ("token", "public", &[], &[], all.join(" ").as_str(), &NAMES),
    ] {
        let host = tenant(defined, held);
        host.set_variable("permission_source", source);
        host.set_variable("undefined_tools", undefined);
        for list in listed(&host, scope) {
            assert_eq!(list, expected, "{source} {undefined} {defined:?} {held:?} {scope:?}");
        }
    }
}

/// Whatever the user holds outside of the organization, and whatever another organization gives.
#[test]
fn in_an_organization_everything_is_decided_by_the_members_roles_there() {
    let names: Vec<String> =
        ["tool", "prompt", "resource"].iter().map(|kind| permission(kind, "private")).collect();
    let rows: Vec<Value> = names
        .iter()
        .map(|name| json!({ "resource_server_identifier": AUDIENCE, "permission_name": name }))
        .collect();
    let rows = json!({ "total": rows.len(), "permissions": rows });
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    for (roles, held, may) in
        [(json!([{ "id": "rol_1" }]), &[][..], true), (json!([]), &all[..], false)]
    {
        let host = tenant(&all, held);
        let member = "GET https://tenant.example.com/api/v2/organizations/org_1/members/auth0%7C1/";
        host.answers(&format!("{member}effective-roles"), 200, &json!({ "roles": roles }));
        host.answers("GET https://tenant.example.com/api/v2/roles/rol_1/permissions", 200, &rows);
        let ask = |method: &str, params| {
            let claims =
                json!({ "sub": "auth0|1", "azp": "c", "org_id": "org_1", "scope": all.join(" ") });
            let (headers, body) = modern_request(method, params);
            let answer = Instance::new(&host, registry()).answer(claims, &headers, &body);
            read(answer.body().unwrap())
        };
        for (method, kind) in METHODS {
            let answer = ask(method, params(method, kind, "private"));
            assert_eq!(ran(&answer), may, "{method} {kind}: {answer}");
        }
        for list in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
            let answer = ask(list, json!({})).to_string();
            let is_listed = answer.contains(r#""name":"private""#);
            assert_eq!(is_listed, may, "{list}: {answer}");
        }
        let asked = host.sent.borrow().iter().any(|sent| sent.contains("/api/v2/users/"));
        assert!(!asked, "what the user holds elsewhere does not matter");
    }
}

#[test]
fn a_list_that_is_not_filtered_shows_everything() {
    let host = tenant(&[], &[]);
    host.set_variable("list_filtering", "false");
    assert!(listed(&host, "").iter().all(|list| list == &NAMES));
    assert!(host.sent.borrow().is_empty());
}

#[test]
fn a_list_that_cannot_be_decided_is_an_error() {
    for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
        for (status, passes, end, code) in FAULTS {
            let host = tenant(&[], &[]);
            host.answers(RESOURCE_SERVER, status, &json!({}));
            let error = &asked(&host, "", method, json!({}))["error"];
            let retry_after = error["data"]["doorward/retryAfter"].as_u64();
            assert_eq!(retry_after, passes.then_some(5), "{method} {error}");
            assert!(error["message"].as_str().unwrap().ends_with(end), "{method} {error}");
            assert_eq!(reason(&host).0, code);
        }
    }
}

#[test]
fn what_does_not_exist_is_unknown_before_anybody_is_asked() {
    let host = tenant(&[], &[]);
    for (method, params, message) in [
        ("prompts/get", json!({ "name": "none" }), "Unknown prompt: none"),
        ("resources/read", json!({ "uri": "test://none/x/y" }), "Resource not found"),
    ] {
        let answer = asked(&host, "", method, params);
        assert_eq!(answer["error"]["message"], message);
    }
    assert!(host.sent.borrow().is_empty());
}
