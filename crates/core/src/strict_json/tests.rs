use bytes::Bytes;

use super::*;

/// Parses a text and checks it: both must agree.
fn read(text: &[u8], max_values: usize) -> Result<Value, JsonError> {
    let parsed = parse_within(text, max_values);
    let checked = CheckedJson::check(&Bytes::copy_from_slice(text), max_values);
    assert_eq!(checked.map(|json| json.build()), parsed);
    parsed
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn json_is_read_as_by_any_reader() {
    let text = r#" {"a":[1,-2,3.5,true,null,"\u00e4"],"b":{"a":18446744073709551615},"":{}} "#;
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(read(text.as_bytes(), MAX_VALUES), Ok(value));
}

#[test]
fn a_duplicate_member_is_an_error_at_any_depth() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"b":{"a":1,"a":2}}]"#,
        r#"{"a":1,"b":2,"c":{},"a":[]}"#,
    ] {
        assert_eq!(read(text.as_bytes(), MAX_VALUES), Err(JsonError::Duplicate), "{text}");
    }
}

#[test]
fn malformed_json_is_an_error() {
    for text in ["", " ", "{", "1e400", r#""\ud800""#, "\"\u{0}\"", "{}x", "[1,]", "{\"a\"}", "01"]
    {
        assert_eq!(read(text.as_bytes(), MAX_VALUES), Err(JsonError::Malformed), "{text:.20}");
    }
    assert_eq!(read(b"\"\xff\"", MAX_VALUES), Err(JsonError::Malformed));
    assert_eq!(read(b"{\"\xff\":1}", MAX_VALUES), Err(JsonError::Malformed));
}

#[test]
fn nesting_ends_at_64_levels() {
    assert!(read(nested(MAX_DEPTH).as_bytes(), MAX_VALUES).is_ok());
    for levels in [MAX_DEPTH + 1, 10_000] {
        assert_eq!(read(nested(levels).as_bytes(), MAX_VALUES), Err(JsonError::TooDeep));
    }
    let objects = r#"{"":"#.repeat(MAX_DEPTH) + "{}" + &"}".repeat(MAX_DEPTH);
    assert_eq!(read(objects.as_bytes(), MAX_VALUES), Err(JsonError::TooDeep));
    let members = serde_json::from_str::<Members>(&format!("{{\"a\":{}}}", nested(MAX_DEPTH)));
    assert!(members.is_err(), "the object itself is a level");
}

#[test]
fn every_value_counts_wherever_it_is() {
    for text in ["[1,2,3]", r#"{"a":1,"b":[2]}"#, "[[],[],{}]", r#"[{"":{"":0}}]"#] {
        assert!(read(text.as_bytes(), 4).is_ok(), "{text}");
        assert_eq!(read(text.as_bytes(), 3), Err(JsonError::TooManyValues(3)), "{text}");
    }
    let many = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
    assert!(parse(many(MAX_VALUES).as_bytes()).is_ok());
    assert!(parse(many(MAX_VALUES + 1).as_bytes()).is_err());
    let claims = |values| format!("{{\"a\":{}}}", many(values));
    assert!(serde_json::from_str::<Members>(&claims(MAX_VALUES)).is_ok());
    assert!(serde_json::from_str::<Members>(&claims(MAX_VALUES + 1)).is_err());
}
