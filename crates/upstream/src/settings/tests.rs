use doorward_core::testing::{FakeHost, finish};
use serde_json::json;

use super::*;

fn read(text: &str, secrets: &str) -> Result<Upstreams, String> {
    let host = FakeHost::new();
    host.set_variable("upstreams", text);
    host.set_variable("upstream_secrets", secrets);
    let mut reader = finish(Reader::fetch(&host, VARIABLES));
    let upstreams = Upstreams::read(&mut reader, true);
    reader.finish(upstreams).map_err(|error| error.to_string())
}

fn one(entry: &Value) -> Result<Rc<Upstream>, String> {
    let text = json!({ "weather": entry }).to_string();
    let upstreams = read(&text, r#"{"weather":"s3cret"}"#)?;
    let first = upstreams.iter().next().cloned();
    first.ok_or_else(|| "there is none".to_owned())
}

fn entry(more: Value) -> Value {
    let mut entry =
        json!({ "url": "https://tool-weather.spin.internal/mcp", "tools": ["forecast"] });
    let (Value::Object(entry_members), Value::Object(more)) = (&mut entry, more) else {
        return entry;
    };
    entry_members.extend(more);
    entry
}

#[test]
fn without_a_value_there_are_no_servers() {
    assert!(read("", "").unwrap().is_empty());
}

#[test]
fn a_server_is_private_and_is_told_nothing_unless_the_operator_says_otherwise() {
    let upstream = one(&entry(json!({}))).unwrap();
    assert_eq!(upstream.url, "https://tool-weather.spin.internal/mcp");
    assert_eq!((upstream.prefix.as_str(), upstream.access), ("weather_", Access::Private));
    assert!(upstream.caller.is_empty() && upstream.egress.is_none() && !upstream.is_read_only);
    assert!(matches!(upstream.credential, Credential::None) && upstream.permission.is_none());
    assert_eq!((upstream.limits.total, upstream.limits.body), (Duration::from_secs(4), 1 << 20));
    assert_eq!(upstream.own_name("weather_forecast"), "forecast");
    assert!(upstream.takes(Listing::Tools, "weather_forecast"));
    for other in ["forecast", "weather_", "weather_delete", "Weather_forecast"] {
        assert!(!upstream.takes(Listing::Tools, other), "{other}");
    }
    for listing in [Listing::Prompts, Listing::Resources, Listing::ResourceTemplates] {
        assert!(!upstream.takes(listing, "weather_forecast"), "{listing:?}");
    }
}

#[test]
fn what_is_attached_is_chosen_by_one_member() {
    let credential =
        |attach: Value| one(&entry(json!({ "attach": attach }))).unwrap().credential.clone();
    let audience = json!({ "audience": "https://api.example.com/", "scopes": ["read:x"] });
    assert!(
        matches!(credential(audience), Credential::OnBehalfOf { scopes, .. } if scopes == ["read:x"])
    );
    let connection = json!({ "connection": "google-oauth2" });
    assert!(
        matches!(credential(connection), Credential::Connection { name } if name == "google-oauth2")
    );
    let Credential::Header { name, value } = credential(json!({ "header": "x-api-key" })) else {
        panic!("it is a header")
    };
    assert_eq!((name.as_str(), value.as_bytes()), ("x-api-key", b"s3cret".as_slice()));
    assert!(value.is_sensitive());
}

#[test]
fn every_member_that_is_wrong_is_named_with_its_path() {
    for (more, problem) in [
        (json!({ "url": "http://weather.example.com/mcp" }), "weather.url`, which is plain HTTP"),
        (json!({ "url": "http://127.0.0.1:9/mcp" }), "weather.url`, which is on loopback"),
        (json!({ "url": 7 }), "weather.url`, which is not a non-empty string"),
        (json!({ "prefix": "a b" }), "weather.prefix`"),
        (json!({ "prefix": "" }), "weather.prefix`, which is empty; without it, it is the entry's"),
        (json!({ "prefix": 7 }), "weather.prefix`, which is not a non-empty string"),
        (json!({ "tools": "all" }), "weather.tools`, which is neither `*` nor"),
        (json!({ "tools": [7] }), "weather.tools`, which is not a list of strings"),
        (json!({ "tools": ["read_*"] }), "weather.tools`, which has a name with `*`"),
        (json!({ "prompts": true }), "weather.prompts`, which is neither `*` nor"),
        (json!({ "prompts": ["*", "x"] }), "weather.prompts`, which has a name with `*`"),
        (json!({ "resources": "docs://a" }), "weather.resources`, which is neither `*` nor"),
        (json!({ "resources": [7] }), "weather.resources`, which is not a list of strings"),
        (json!({ "resources": ["docs://*/a"] }), "weather.resources`, which has something other"),
        (json!({ "resources": [""] }), "weather.resources`, which has something other"),
        (json!({ "pins": ["x"] }), "weather.pins`, which is not an object"),
        (json!({ "pins": { "forecast": "x" } }), "weather.pins`, which has something other"),
        (json!({ "pins": { "forecast": 7 } }), "weather.pins`, which has something other"),
        (json!({ "access": "open" }), "weather.access`"),
        (json!({ "permission": "read:x" }), "weather.permission`"),
        (json!({ "permission": "tool:a b" }), "weather.permission`"),
        (json!({ "permission": "tool:x", "access": "public" }), "weather.permission`"),
        (json!({ "scopes": ["a b"] }), "weather.scopes`"),
        (json!({ "caller": ["token"] }), "weather.caller`"),
        (json!({ "read_only": 1 }), "weather.read_only`"),
        (json!({ "seconds": 0 }), "weather.seconds`, which is not a number from 1 to 60"),
        (json!({ "bytes": 1.5 }), "weather.bytes`"),
        (json!({ "attach": {} }), "weather.attach`, which does not have exactly one of"),
        (json!({ "attach": { "audience": "a", "connection": "b" } }), "weather.attach`"),
        (json!({ "attach": { "header": "a b" } }), "weather.attach.header`"),
        (json!({ "attach": 7 }), "weather.attach`, which is not an object"),
        (json!({ "egress": { "connection": "../x" } }), "weather.egress.connection`"),
        (json!({ "egress": { "connection": "x", "hosts": [] } }), "weather.egress.hosts`"),
        (
            json!({ "egress": { "connection": "x", "hosts": ["http://127.0.0.1:1"] } }),
            "weather.egress.hosts`",
        ),
        (
            json!({ "egress": { "connection": "x", "hosts": ["https://a.example"], "methods": ["HEAD"] } }),
            "weather.egress.methods`",
        ),
        (json!({ "timeout": 4 }), "weather.timeout`, which is not a known member"),
    ] {
        let error = one(&entry(more.clone())).unwrap_err();
        assert!(error.contains(problem) && !error.contains("s3cret"), "{more}: {error}");
    }
    for text in ["[]", "{", r#"{"a":{},"a":{}}"#] {
        assert!(read(text, "").is_err(), "{text}");
    }
    let header = json!({ "weather": entry(json!({ "attach": { "header": "x-api-key" } })) });
    let error = read(&header.to_string(), "").unwrap_err();
    assert!(error.contains("weather.attach.header`, which needs a value"), "{error}");
}

#[test]
fn an_api_is_called_at_the_paths_that_its_entry_says_and_at_no_others() {
    for (host, admitted, refused) in [
        ("https://a.example", &["/", "/b", "/b/c"][..], &[][..]),
        ("https://a.example/", &["/", "/b"], &[]),
        ("https://a.example/b", &["/b", "/b/", "/b/c", "/b/c/"], &["/", "/bc", "/c/b", "/B"]),
        ("https://a.example/b/", &["/b/", "/b/c", "/b/c/d"], &["/b", "/", "/bc", "/bc/"]),
        ("https://a.example/b/c", &["/b/c", "/b/c/d"], &["/b", "/b/", "/b/cd"]),
    ] {
        let egress = json!({ "connection": "x", "hosts": [host] });
        let upstream = one(&entry(json!({ "egress": egress }))).unwrap();
        let egress = upstream.egress.as_ref().unwrap();
        for path in admitted {
            assert!(egress.admits("a.example", path).is_some(), "{host} {path}");
            for other in ["b.example", "a.example:8443", "A.example", "a.example.", ""] {
                assert!(egress.admits(other, path).is_none(), "{host} {other}{path}");
            }
        }
        for path in refused {
            assert!(egress.admits("a.example", path).is_none(), "{host} {path}");
        }
        assert!(egress.has_origin("https://a.example") && !egress.has_origin("http://a.example"));
    }
}

#[test]
fn no_two_servers_may_have_a_tool_of_the_same_name() {
    let of = |prefix: &str, tools: Value| entry(json!({ "prefix": prefix, "tools": tools }));
    for (a, b, is_accepted) in [
        (of("a_", json!("*")), of("b_", json!("*")), true),
        (of("", json!("*")), of("b_", json!("*")), false),
        (of("a_", json!("*")), of("a_b_", json!("*")), false),
        (of("a_", json!(["x"])), of("a_", json!(["y"])), true),
        (of("a_", json!(["x"])), of("a_", json!(["x"])), false),
        (of("a_", json!(["b_x"])), of("a_b_", json!(["x"])), false),
        (of("a_", json!(["b_x"])), of("a_b_", json!("*")), false),
        (of("a_", json!(["c"])), of("a_b_", json!("*")), true),
    ] {
        let text = json!({ "one": a, "two": b }).to_string();
        assert_eq!(read(&text, "").is_ok(), is_accepted, "{text}");
    }
}

#[test]
fn no_two_servers_may_have_a_prompt_or_a_resource_that_clients_cannot_tell_apart() {
    let of = |member: &str, prefix: &str, taken: &Value| {
        let mut entry = entry(json!({ "prefix": prefix, "tools": [] }));
        entry[member] = taken.clone();
        entry
    };
    let all = json!("*");
    for (member, prefixes, a, b, is_accepted) in [
        ("prompts", ["a_", "b_"], &all, &all, true),
        ("prompts", ["a_", "a_"], &all, &json!(["x"]), false),
        ("prompts", ["a_", "a_"], &json!(["x"]), &json!(["y"]), true),
        ("prompts", ["a_", "a_"], &json!(["x"]), &json!(["x"]), false),
        ("resources", ["a_", "b_"], &all, &all, false),
        ("resources", ["a_", "b_"], &all, &json!(["x://y"]), false),
        ("resources", ["a_", "b_"], &json!(["x://y"]), &json!(["x://z"]), true),
        ("resources", ["a_", "b_"], &json!(["x://y"]), &json!(["x://y"]), false),
        ("resources", ["a_", "b_"], &json!(["x://*"]), &json!(["y://*", "z://a"]), true),
        ("resources", ["a_", "b_"], &json!(["x://*"]), &json!(["x://a/*"]), false),
        ("resources", ["a_", "b_"], &json!(["x://a"]), &json!(["x://*"]), false),
    ] {
        let entries = (of(member, prefixes[0], a), of(member, prefixes[1], b));
        let text = json!({ "one": entries.0, "two": entries.1 }).to_string();
        let read = read(&text, "");
        assert_eq!(read.is_ok(), is_accepted, "{text}");
        if let Err(error) = read {
            assert!(error.contains(&format!("`two.{member}`, which may have")), "{error}");
        }
    }
}
