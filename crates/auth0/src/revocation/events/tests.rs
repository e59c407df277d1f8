use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

const LATEST: u64 = 1_800_000_060;
const RULES: Rules = Rules { latest: LATEST, any_organization: false };

/// When all events happened, and the second after it.
const DATE: &str = "2027-01-15T07:59:59.001Z";
const MOMENT: Option<u64> = Some(1_800_000_000);

fn parsed(body: &Value) -> Revocation {
    let revocation = Revocation::parse(body.to_string().as_bytes(), RULES);
    assert_eq!(revocation.wrong, [], "{body}");
    revocation
}

fn of(subjects: &[&str]) -> Revocation {
    let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
    Revocation { subjects, ..Revocation::default() }
}

fn cut_off(target: Target) -> Revocation {
    let cut_offs = vec![CutOff { target, issued_before: MOMENT }];
    Revocation { cut_offs, ..Revocation::default() }
}

fn user() -> Target {
    Target::User("auth0|1".to_owned())
}

fn roles() -> Revocation {
    Revocation { roles: true, ..Revocation::default() }
}

fn everything() -> Revocation {
    Revocation { everything: true, ..Revocation::default() }
}

/// A log event about an operation of the Management API.
fn operation(method: &str, path: &str, body: &Value) -> Value {
    let request = json!({ "method": method, "path": path, "body": body, "userAgent": "x" });
    json!({ "log_id": "9002", "data": {
        "type": "sapi", "description": "x", "user_id": "auth0|the-administrator", "date": DATE,
        "details": { "request": request, "response": { "statusCode": 201 } },
    } })
}

#[test]
fn operations_on_a_user_are_about_that_user() {
    for (method, path) in [
        ("post", "/api/v2/users/auth0%7C1/roles"),
        ("DELETE", "/api/v2/users/auth0%7C1/permissions?x"),
        ("patch", "/api/v2/users/auth0|1"),
        ("delete", "/api/v2/users/auth0%7C1/federated-connections-tokensets/1"),
        ("delete", "https://example.eu.auth0.com/api/v2/users/auth0%7C1/permissions"),
        ("delete", "/v2/users/auth0%7C1/permissions"),
        ("delete", "v2/users/auth0%7C1/permissions"),
        ("delete", "/api/v2/organizations/org_1/members/auth0%7C1/roles"),
        ("post", "/api/v2/organizations/org_1/members/auth0%7C1/roles"),
    ] {
        assert_eq!(parsed(&operation(method, path, &json!({}))), of(&["auth0|1"]), "{path}");
    }
    let several = json!([
        operation("post", "/api/v2/users/auth0%7C1/roles", &json!({})),
        operation("post", "/api/v2/users/auth0%7C2/roles", &json!({})),
        operation("post", "/api/v2/users/auth0%7C1/permissions", &json!({})),
    ]);
    assert_eq!(parsed(&several), of(&["auth0|1", "auth0|2"]));
}

#[test]
fn operations_that_list_users_are_about_those() {
    for (method, path, body) in [
        ("post", "/api/v2/roles/rol_1/users", json!({ "users": ["auth0|1", "auth0|2"] })),
        (
            "delete",
            "/api/v2/organizations/org_1/members",
            json!({ "members": ["auth0|1", "auth0|2"] }),
        ),
    ] {
        let subjects = parsed(&operation(method, path, &body)).subjects;
        assert_eq!(subjects, of(&["auth0|1", "auth0|2"]).subjects, "{path}");
        assert_eq!(parsed(&operation(method, path, &json!({}))), roles(), "{path} without a list");
    }
}

#[test]
fn operations_on_roles_and_apis_are_about_everybody() {
    for (method, path) in [
        ("post", "/api/v2/roles/rol_1/permissions"),
        ("delete", "/api/v2/roles/rol_1/permissions"),
        ("delete", "/api/v2/roles/rol_1"),
        ("patch", "/api/v2/resource-servers/6500"),
        ("post", "/api/v2/resource-servers"),
        ("delete", "/api/v2/groups/grp_1/members"),
        ("post", "/api/v2/organizations/org_1/groups/grp_1/roles"),
        ("post", "/api/v2/users/%FF/roles"),
    ] {
        assert_eq!(parsed(&operation(method, path, &json!({}))), roles(), "{method} {path}");
    }
    let without_path =
        json!({ "data": { "type": "sapi", "description": "Remove permissions from a role" } });
    assert_eq!(parsed(&without_path), roles());
}

#[test]
fn operations_that_end_access_cut_it_off() {
    let client = || TokenProperty::Client("c".to_owned());
    let organization = || TokenProperty::Organization("org_1".to_owned());
    let blocked = json!({ "blocked": true });
    let password = json!({ "password": "***", "connection": "x" });
    for (method, path, body, target) in [
        ("patch", "/api/v2/users/auth0%7C1", &blocked, user()),
        ("patch", "/api/v2/users/auth0%7C1", &password, user()),
        ("delete", "/api/v2/users/auth0%7C1", &json!({}), user()),
        ("delete", "/api/v2/users/auth0%7C1/sessions", &json!({}), user()),
        ("delete", "/api/v2/users/auth0%7C1/refresh-tokens", &json!({}), user()),
        ("post", "/api/v2/users/auth0%7C1/revoke-access", &json!({}), user()),
        ("delete", "/api/v2/grants/?user_id=auth0%7C1", &json!({}), user()),
        ("delete", "/api/v2/clients/c", &json!({}), Target::All(client())),
        ("post", "/api/v2/clients/c/rotate-secret", &json!({}), Target::All(client())),
        ("delete", "/api/v2/clients/c/credentials/cred_1", &json!({}), Target::All(client())),
    ] {
        assert_eq!(parsed(&operation(method, path, body)), cut_off(target), "{method} {path}");
    }
    let removed = json!({ "members": ["auth0|1"] });
    let removed = operation("delete", "/api/v2/organizations/org_1/members", &removed);
    let expected = cut_off(Target::OfUser("auth0|1".to_owned(), organization()));
    assert_eq!(parsed(&removed), Revocation { subjects: of(&["auth0|1"]).subjects, ..expected });
    let deleted = operation("delete", "/api/v2/organizations/org_1", &json!({}));
    let expected = cut_off(Target::All(organization()));
    assert_eq!(parsed(&deleted), Revocation { roles: true, ..expected });
    // Neither of these takes access away.
    for body in [json!({ "blocked": false }), json!({ "name": "x" })] {
        let changed = operation("patch", "/api/v2/users/auth0%7C1", &body);
        assert_eq!(parsed(&changed), of(&["auth0|1"]));
    }
}

/// Auth0's events have the query beside the path.
#[test]
fn a_user_whose_grants_are_deleted_is_cut_off() {
    let with_query = |path: &str, query: &Value| {
        let mut event = operation("delete", path, &json!({}));
        event["data"]["details"]["request"]["query"] = query.clone();
        event
    };
    for path in ["/api/v2/grants", "/api/v2/grants/", "/v2/grants/"] {
        let event = with_query(path, &json!({ "user_id": "auth0|1" }));
        assert_eq!(parsed(&event), cut_off(user()), "{path}");
    }
    let revoked = json!({ "user_id": "auth0|1" });
    let revoked = operation("post", "/api/v2/refresh-tokens/revoke", &revoked);
    assert_eq!(parsed(&revoked), cut_off(user()));
    let unknown = Revocation { unknown_users: 1, ..Revocation::default() };
    for query in [json!({}), json!({ "user_id": "" }), json!({ "user_id": 7 }), json!(null)] {
        assert_eq!(parsed(&with_query("/api/v2/grants/", &query)), unknown, "{query}");
    }
    for (method, path) in [
        ("delete", "/api/v2/grants/cgr_1"),
        ("delete", "/api/v2/sessions/s_1"),
        ("post", "/api/v2/sessions/s_1/revoke"),
        ("delete", "/api/v2/refresh-tokens/rt_1"),
        ("post", "/api/v2/refresh-tokens/revoke"),
        ("delete", "/api/v2/device-credentials/dcr_1"),
    ] {
        assert_eq!(parsed(&operation(method, path, &json!({}))), unknown, "{method} {path}");
    }
}

#[test]
fn events_of_users_who_lose_access_cut_it_off() {
    for (kind, target) in [
        ("scp", user()),
        ("sdu", user()),
        ("universal_logout_succeeded", user()),
        ("srrt", Target::OfUser("auth0|1".to_owned(), TokenProperty::Client("c".to_owned()))),
    ] {
        let event = |user: Value| {
            let data = json!({ "type": kind, "user_id": user, "client_id": "c", "date": DATE });
            json!({ "data": data })
        };
        assert_eq!(parsed(&event(json!("auth0|1"))), cut_off(target), "{kind}");
        for unknown in [json!(""), json!(null), json!(7)] {
            assert_eq!(parsed(&event(unknown)), roles(), "{kind}: it may be anybody");
        }
    }
    let without_client = json!({ "type": "srrt", "user_id": "auth0|1", "date": DATE });
    assert_eq!(parsed(&without_client), cut_off(user()));
}

#[test]
fn a_cut_off_counts_from_the_moment_of_the_event() {
    for (date, moment) in [
        (json!(DATE), MOMENT),
        (json!("2027-01-15T08:59:59.500+01:00"), MOMENT),
        (json!("2027-01-15T08:00:00Z"), MOMENT),
        // A moment in the future would keep the user out until then.
        (json!("2027-02-15T08:00:00Z"), Some(LATEST)),
        (json!("yesterday"), None),
        (json!(1_800_000_000), None),
        (json!(null), None),
    ] {
        let event = json!({ "type": "scp", "user_id": "auth0|1", "date": date });
        assert_eq!(parsed(&event).cut_offs[0].issued_before, moment, "{date}");
    }
}

#[test]
fn a_user_who_disconnects_an_account_is_meant() {
    for kind in ["connected_accounts_delete_succeeded"] {
        let event = |user: Value| json!({ "data": { "type": kind, "user_id": user } });
        assert_eq!(parsed(&event(json!("auth0|1"))), of(&["auth0|1"]), "{kind}");
        for unknown in [json!(""), json!(null), json!(7)] {
            assert_eq!(parsed(&event(unknown)), roles(), "{kind}: it may be anybody");
        }
    }
}

#[test]
fn events_that_take_nothing_away_are_ignored() {
    for event in [
        operation("get", "/api/v2/roles/rol_1", &json!({})),
        operation("post", "/api/v2/roles", &json!({})),
        operation("post", "/api/v2/clients", &json!({})),
        operation("post", "/api/v2/users", &json!({})),
        operation("post", "/api/v2/organizations", &json!({})),
        operation("post", "/api/v2/organizations/org_1/invitations", &json!({})),
        operation("delete", "/api/v2/organizations/org_1/invitations/uinv_1", &json!({})),
        operation("post", "/api/v2/organizations/org_1/members", &json!({ "members": ["a"] })),
        operation("post", "/api/v2/organizations/org_1/enabled_connections", &json!({})),
        operation("patch", "/api/v2/organizations/org_1", &json!({})),
        operation("post", "/api/v2/jobs/roles", &json!({})),
        json!({ "data": { "type": "s", "user_id": "auth0|1" } }),
        json!({ "data": { "type": "fsdu", "user_id": "auth0|1" } }),
        json!({ "data": { "type": "limit_wc", "user_id": "auth0|1" } }),
        json!({ "data": { "type": "an_event_of_next_year", "user_id": "auth0|1" } }),
        json!({ "data": { "type": "sapi", "description": "Create a log stream" } }),
        json!([]),
    ] {
        assert_eq!(parsed(&event), Revocation::default(), "{event}");
    }
}

#[test]
fn events_may_come_as_lines() {
    let one = operation("post", "/api/v2/users/auth0%7C1/roles", &json!({}));
    let other = operation("post", "/api/v2/users/auth0%7C2/roles", &json!({}));
    let lines = format!("{one}\n\n{other}\n");
    assert_eq!(Revocation::parse(lines.as_bytes(), RULES), of(&["auth0|1", "auth0|2"]));
    // An object may span lines.
    let event = serde_json::to_string_pretty(&one).unwrap();
    for body in [event.clone(), format!("[\n{event}\n]"), format!("{event}\r\n\r\n{event}")] {
        assert_eq!(Revocation::parse(body.as_bytes(), RULES), of(&["auth0|1"]), "{body}");
    }
}

/// Users choose their metadata, which is in the event of its change.
#[test]
fn an_entry_that_is_not_understood_does_not_keep_others_from_being_carried_out() {
    use EntryError::{Json, Unknown};
    let deep = "[".repeat(100) + &"]".repeat(100);
    let many = format!("[{}0]", "0,".repeat(strict_json::MAX_VALUES));
    for (metadata, error) in [
        (deep.as_str(), Json(JsonError::TooDeep)),
        (many.as_str(), Json(JsonError::TooManyValues(strict_json::MAX_VALUES))),
        (r#""\ud800""#, Json(JsonError::Malformed)),
        ("1e999", Json(JsonError::Malformed)),
        (r#"{ "a": 1, "a": 2 }"#, Json(JsonError::Duplicate)),
        (r#""\"},{\\""#, Unknown),
    ] {
        let wrong = match error {
            Unknown => format!(r#"{{ "metadata": {metadata} }}"#),
            _ => format!(r#"{{ "type": "sapi", "metadata": {metadata} }}"#),
        };
        let other = |id: u8| json!({ "type": "sdu", "user_id": format!("auth0|{id}") });
        let entries = [other(1).to_string(), wrong, other(2).to_string()];
        for body in [format!("[{}]", entries.join(" , ")), entries.join("\n")] {
            let revocation = Revocation::parse(body.as_bytes(), RULES);
            let target: Vec<_> = revocation.cut_offs.into_iter().map(|it| it.target).collect();
            assert_eq!(target, [user(), Target::User("auth0|2".to_owned())], "{metadata:.20}");
            assert_eq!(revocation.wrong, [WrongEntry { number: 2, error }], "{metadata:.20}");
        }
    }
}

#[test]
fn an_operator_may_say_plainly_who_is_meant() {
    assert_eq!(parsed(&json!({ "subject": "auth0|1" })), of(&["auth0|1"]));
    assert_eq!(parsed(&json!([{ "subject": "a" }, { "subject": "b" }])), of(&["a", "b"]));
    assert_eq!(parsed(&json!({ "everything": true })), everything());
    assert_eq!(parsed(&json!([{ "subject": "a" }, { "everything": true }])), everything());
    let both = json!([{ "subject": "a" }, { "cut_off": { "subject": "auth0|1" } }]);
    let cut_offs = vec![CutOff { target: user(), issued_before: None }];
    assert_eq!(parsed(&both), Revocation { cut_offs, ..of(&["a"]) });
}

#[test]
fn too_many_users_are_everybody() {
    let plain = |count| -> Vec<Value> {
        (0..count).map(|number: usize| json!({ "subject": number.to_string() })).collect()
    };
    assert_eq!(parsed(&json!(plain(100))).subjects.len(), 100);
    assert_eq!(parsed(&json!(plain(101))), everything());
    let events: Vec<Value> = (0..101)
        .map(|number| operation("patch", &format!("/api/v2/users/{number}"), &json!({})))
        .collect();
    assert_eq!(parsed(&json!(events)), everything(), "which counts at once");
    let cut_offs = |count| json!(vec![json!({ "cut_off": { "client": "c" } }); count]).to_string();
    assert_eq!(Revocation::parse(cut_offs(1000).as_bytes(), RULES).wrong, []);
    let one_more = Revocation::parse(cut_offs(1001).as_bytes(), RULES);
    assert_eq!(one_more.cut_offs.len(), 1000, "nobody else is cut off");
    assert_eq!(one_more.wrong, [WrongEntry { number: 1001, error: EntryError::TooMany }]);
}

/// Reproduction: 40,000 subjects took 3 seconds.
#[test]
fn forty_thousand_subjects_take_no_time() {
    let body = |count| {
        let subject = |number| json!({ "subject": format!("auth0|{number}") });
        json!((0..count).map(subject).collect::<Vec<Value>>()).to_string()
    };
    for count in [16_000, 40_000] {
        let body = body(count);
        let started_at = Instant::now();
        assert_eq!(Revocation::parse(body.as_bytes(), RULES), everything());
        // They are compared with 100 others, and not with each other.
        assert!(started_at.elapsed() < Duration::from_secs(1), "{:?}", started_at.elapsed());
    }
}

#[test]
fn what_is_not_understood_is_named() {
    use EntryError::{Unknown, Value};
    let cut_off = EntryError::CutOff(CutOffError::Invalid);
    let malformed = EntryError::Json(JsonError::Malformed);
    let duplicate = EntryError::Json(JsonError::Duplicate);
    for (body, number, error) in [
        ("{", 1, malformed),
        ("\u{0}", 1, malformed),
        ("[", 2, malformed),
        ("[7", 2, malformed),
        (r#"[{ "subject": "a" }"#, 2, malformed),
        (r#"[{ "subject": "a" },]"#, 2, malformed),
        (r#"[{ "subject": "a" }]]"#, 1, malformed),
        (r#"[{ "subject": "a" }] [{ "subject": "b" }]"#, 1, malformed),
        (r#"[{ "subject": "a" } { "subject": "b" }]"#, 1, malformed),
        (r#"[[{ "subject": "a" }]]"#, 1, Unknown),
        ("{\"subject\": \"a\"}\n{", 2, malformed),
        (r#"{ "subject": "a", "subject": "b" }"#, 1, duplicate),
        ("7", 1, Unknown),
        ("null", 1, Unknown),
        ("{}", 1, Unknown),
        ("[{}]", 1, Unknown),
        (r#"[{ "subject": "a" }, 7]"#, 2, Unknown),
        (r#"{ "subjet": "auth0|1" }"#, 1, Unknown),
        (r#"{ "data": {} }"#, 1, Unknown),
        (r#"{ "subject": 7 }"#, 1, Value("subject")),
        (r#"{ "subject": "" }"#, 1, Value("subject")),
        (r#"{ "everything": "true" }"#, 1, Value("everything")),
        (r#"{ "everything": false }"#, 1, Value("everything")),
        (r#"{ "data": { "type": 7 } }"#, 1, Value("type")),
        (r#"{ "cut_off": true }"#, 1, cut_off),
        (r#"{ "cut_off": { "user": "auth0|1" } }"#, 1, cut_off),
        (r#"{ "cut_off": { "subject": "a", "issued_before": 1800000061 } }"#, 1, cut_off),
    ] {
        let revocation = Revocation::parse(body.as_bytes(), RULES);
        assert_eq!(revocation.wrong.last(), Some(&WrongEntry { number, error }), "{body}");
        assert!(number != 1 || revocation.is_empty(), "{body}");
    }
}
