use super::*;

/// Two operations of Google's Calendar API.
pub(crate) const CALENDAR: &str = include_str!("../../google-calendar.json");

const SELECTED: &str = "calendar.events.list calendar.events.insert";

/// What the document offers.
pub(crate) fn api() -> Api {
    Api::read(CALENDAR.as_bytes(), SELECTED, "").unwrap()
}

/// Reads the document with one member changed, by its pointer.
fn changed(pointer: &str, value: Value) -> Result<Api, String> {
    let mut document: Value = serde_json::from_str(CALENDAR).unwrap();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match member.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[member] = value,
    }
    Api::read(document.to_string().as_bytes(), SELECTED, "")
}

#[test]
fn an_operation_becomes_a_tool() {
    let api = api();
    assert_eq!((api.host.as_str(), api.base_path.as_str()), ("www.googleapis.com", "/calendar/v3"));
    let [list, insert] = api.operations.as_slice() else { panic!("two operations") };
    assert_eq!(list.listed["name"], "calendar_events_list");
    assert_eq!(list.listed["annotations"]["readOnlyHint"], true);
    let schema = &list.listed["inputSchema"];
    assert_eq!(schema["required"], json!(["calendarId"]));
    assert_eq!(schema["properties"]["maxResults"]["maximum"], 2500);
    assert!(schema["properties"]["calendarId"]["description"].is_string());
    assert_eq!(insert.body, Some(true));
    assert_eq!(insert.listed["annotations"]["readOnlyHint"], false);
    let body = &insert.listed["inputSchema"]["properties"]["body"];
    assert_eq!(body["properties"]["start"]["properties"]["dateTime"]["type"], "string");
}

#[test]
fn another_server_may_be_given() {
    let api = Api::read(CALENDAR.as_bytes(), SELECTED, "http://127.0.0.1:4000/calendar/v3/");
    let api = api.unwrap();
    assert_eq!((api.host.as_str(), api.base_path.as_str()), ("127.0.0.1:4000", "/calendar/v3"));
    assert!(!api.is_secure);
}

#[test]
fn what_is_odd_is_named() {
    let list = "/paths/~1calendars~1{calendarId}~1events/get";
    let at = |rest: &str| format!("{list}{rest}");
    let id = |member: &str| format!("/components/parameters/calendarId/{member}");
    for (pointer, value, reason) in [
        ("/openapi", json!("2.0"), "OpenAPI 2.0 is not"),
        ("/servers/0/url", json!("http://api.example"), "is not a URL `https://…`"),
        ("/servers/0/url", json!("https://{region}.example"), "has variables"),
        ("/servers/0/url", json!("https://user@api.example"), "odd characters"),
        (&at("/operationId"), json!("other"), "`calendar.events.list`: is not in the document"),
        (&at("/parameters/1/name"), json!("calendarId"), "two parameters have the name"),
        (&id("in"), json!("query"), "its path needs a parameter `calendarId`"),
        (&id("in"), json!("cookie"), "neither in the path"),
        (&id("style"), json!("matrix"), "a style that is not supported"),
        (&id("schema"), json!({ "$ref": "#/x" }), "leads to nothing"),
    ] {
        let refused = changed(pointer, value).unwrap_err();
        assert!(refused.contains(reason), "{pointer}: {refused}");
    }
    for (document, selected, reason) in [
        ("<html>", SELECTED, "is not JSON"),
        ("{}", SELECTED, "is not one of OpenAPI 3"),
        (CALENDAR, "", "does not name 1 to 64"),
        (CALENDAR, "calendar.events.list calendar.events.list", "two operations"),
    ] {
        let refused = Api::read(document.as_bytes(), selected, "").unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    let text = "x".repeat(900);
    let parameter = |at: usize| json!({ "name": format!("p{at}"), "in": "query", "description": text, "schema": {} });
    let many = json!((0..20).map(parameter).collect::<Vec<_>>());
    let refused = changed("/paths/~1calendars~1{calendarId}~1events/parameters", many);
    assert!(refused.unwrap_err().contains("more than 16384 bytes"));
    let large = vec![b' '; MAX_DOCUMENT + 1];
    assert!(Api::read(&large, SELECTED, "").unwrap_err().contains("more than 4194304 bytes"));
}

/// A tool is of use without them.
#[test]
fn optional_parameters_of_odd_kinds_are_left_out() {
    let parameter = "/paths/~1calendars~1{calendarId}~1events/get/parameters/1";
    for value in [
        json!({ "name": "session", "in": "cookie", "schema": {} }),
        json!({ "name": "Authorization", "in": "header", "schema": {} }),
        json!({ "name": "filter", "in": "query", "style": "deepObject", "schema": {} }),
        json!({ "name": "raw", "in": "query", "content": {} }),
    ] {
        let name = value["name"].clone();
        let api = changed(parameter, value).unwrap();
        let parameters = &api.operations[0].parameters;
        assert!(!parameters.iter().any(|it| it.name == name), "{name}");
    }
}
