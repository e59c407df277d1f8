//! Checks the results of the four tools.

use super::report::Mismatch;
use doorward_tenant::Person;
use serde_json::Value;

/// The tools, in the order of the calls.
pub(super) const TOOLS: [&str; 4] = ["whoami", "greet", "get_datetime", "calendar_summary"];

/// Those that are for everybody who signed in.
pub(super) const PUBLIC: [&str; 1] = ["get_datetime"];

/// Checks that a list has exactly those of the four tools that the user may use, and that each tool
/// has a schema. The list may have other tools. Returns the names.
pub(super) fn listed(tools: &[Value], may_use: impl Fn(&str) -> bool) -> Result<String, Mismatch> {
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    if TOOLS.iter().any(|tool| names.contains(tool) != may_use(tool)) {
        let expected: Vec<&str> = TOOLS.into_iter().filter(|tool| may_use(tool)).collect();
        return Err(Mismatch::new(expected.join(", "), names.join(", ")));
    }
    match tools.iter().find(|tool| tool["inputSchema"]["type"] != "object") {
        None => Ok(names.join(", ")),
        Some(tool) => {
            Err(Mismatch::new("an inputSchema of type object for each tool", tool.to_string()))
        }
    }
}

/// Checks the result of a tool for a user who may use it, and returns its text.
pub(super) fn answered(tool: &str, person: &Person, result: &Value) -> Result<String, Mismatch> {
    let text = text(result)?;
    if result["isError"] == true {
        return Err(Mismatch::new("a result without an error", format!("the tool error {text:?}")));
    }
    if !result["structuredContent"].is_object() {
        return Err(Mismatch::new("a result with structuredContent", result.to_string()));
    }
    let (right, expected) = match tool {
        "whoami" => {
            let answer: Value = serde_json::from_str(text).unwrap_or_default();
            (
                answer["user"]["sub"] == person.user_id,
                format!("JSON with the user {}", person.user_id),
            )
        }
        "greet" => {
            // The name comes from the token, to which an Action adds it.
            let name = person.claims.get("name").and_then(Value::as_str).unwrap_or("there");
            (text.starts_with(&format!("Hello, {name}!")), format!("a greeting for {name}"))
        }
        "get_datetime" => (is_datetime(text), "a time like 2026-11-03T09:30:00.000Z".to_owned()),
        "calendar_summary" => {
            (text.starts_with("Calendar Summary for "), "a summary of the calendar".to_owned())
        }
        _ => (false, "one of the four tools".to_owned()),
    };
    if right { Ok(text.to_owned()) } else { Err(Mismatch::new(expected, format!("{text:?}"))) }
}

/// Checks that a tool refused a user who may not use it, and returns its text.
pub(super) fn refused(tool: &str, result: &Value) -> Result<String, Mismatch> {
    let text = text(result)?;
    let expected = format!("You don't have permission to use the '{tool}' tool.");
    if text == expected && result["isError"] == true {
        Ok(format!("denied, as expected: {text}"))
    } else {
        Err(Mismatch::new(
            format!("isError true and {expected:?}"),
            format!("isError {} and {text:?}", result["isError"]),
        ))
    }
}

fn text(result: &Value) -> Result<&str, Mismatch> {
    let block = &result["content"][0];
    let text = block["text"].as_str().filter(|_| block["type"] == "text");
    text.ok_or_else(|| Mismatch::new("a content block with text", result.to_string()))
}

/// Whether the text is a time in UTC with milliseconds (ISO 8601).
fn is_datetime(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    let same = |(form, c): (char, char)| {
        if form == '0' { c.is_ascii_digit() } else { c == form }
    };
    text.len() == form.len() && form.chars().zip(text.chars()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_tenant::Seed;
    use serde_json::json;

    fn owner() -> Person {
        Seed::load_default("a").people.remove(0)
    }

    fn result(text: &str) -> Value {
        json!({ "content": [{ "type": "text", "text": text }], "structuredContent": {}, "isError": false })
    }

    #[test]
    fn each_tool_has_its_own_check() {
        let good = [
            ("whoami", r#"{"user":{"sub":"auth0|owner"},"scopes":[]}"#),
            ("greet", "Hello, Calendar Owner!\n\nand more"),
            ("get_datetime", "2026-11-03T09:30:00.000Z"),
            (
                "calendar_summary",
                "Calendar Summary for Tue Nov 03 2026\n\nNo events scheduled for today.",
            ),
        ];
        for (tool, text) in good {
            assert_eq!(answered(tool, &owner(), &result(text)), Ok(text.to_owned()));
            let other = result("something else");
            assert!(answered(tool, &owner(), &other).is_err(), "{tool} has another result");
        }
    }

    #[test]
    fn a_tool_error_and_missing_structured_content_are_mismatches() {
        let text = "2026-11-03T09:30:00.000Z";
        let error = json!({ "content": [{ "type": "text", "text": text }], "structuredContent": {}, "isError": true });
        assert!(answered("get_datetime", &owner(), &error).is_err());
        let bare = json!({ "content": [{ "type": "text", "text": text }] });
        assert!(answered("get_datetime", &owner(), &bare).is_err());
    }

    #[test]
    fn a_refusal_has_the_exact_text_and_is_an_error() {
        let text = "You don't have permission to use the 'greet' tool.";
        let refusal = |text: &str, is_error: bool| json!({ "content": [{ "type": "text", "text": text }], "isError": is_error });
        assert!(refused("greet", &refusal(text, true)).is_ok());
        assert!(
            refused("greet", &refusal(text, false)).is_err(),
            "a refusal must be visible as an error"
        );
        assert!(refused("whoami", &refusal(text, true)).is_err(), "the text names the tool");
        assert!(refused("greet", &json!({ "isError": true })).is_err());
    }

    #[test]
    fn a_list_must_have_the_tools_that_the_user_may_use_and_may_have_others() {
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
        let mut tools: Vec<Value> = TOOLS.into_iter().map(tool).collect();
        assert_eq!(
            listed(&tools, |_| true),
            Ok("whoami, greet, get_datetime, calendar_summary".to_owned())
        );
        assert!(listed(&tools[..3], |_| true).is_err(), "one is missing");
        let public = |tool: &str| tool == "get_datetime";
        assert_eq!(listed(&tools[2..3], public), Ok("get_datetime".to_owned()));
        assert!(listed(&tools, public).is_err(), "three must not be listed");
        tools.push(tool("another"));
        let all = "whoami, greet, get_datetime, calendar_summary, another";
        assert_eq!(listed(&tools, |_| true), Ok(all.to_owned()));
        tools.truncate(3);
        tools.push(json!({ "name": "calendar_summary" }));
        assert!(listed(&tools, |_| true).is_err(), "a tool must have a schema");
    }
}
