//! `deploy/kube/`: compared with the schema of the operator, and with what the component reads.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use doorward_spin::declared_variables;
use serde_json::{Map, Value};

use super::read;

const APPLICATION: &str = "deploy/kube/doorward.yaml";

/// The lines of a file in the subset of YAML that the manifests use: their indentation and text,
/// without comments. An entry of a list is a line of its own, with its content below it.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut content = line.trim_start();
        let mut indentation = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        assert!(!content.contains(" #") && !content.contains('\t'), "not in the subset: {line}");
        while let Some(entry) = content.strip_prefix("- ") {
            lines.push((indentation, "-".to_owned()));
            (indentation, content) = (indentation + 2, entry);
        }
        lines.push((indentation, content.trim_end().to_owned()));
    }
    lines
}

/// The value of the lines that are indented at least this far, which are taken away.
fn value(lines: &mut &[(usize, String)], indentation: usize) -> Value {
    let (mut members, mut entries) = (Map::new(), Vec::new());
    while let [(this, text), rest @ ..] = *lines
        && *this >= indentation
    {
        *lines = rest;
        if text == "-" {
            entries.push(value(lines, this + 1));
        } else if let Some(name) = text.strip_suffix(':') {
            members.insert(name.to_owned(), value(lines, this + 1));
        } else if let Some((name, scalar)) = text.split_once(": ") {
            let parsed = serde_json::from_str(scalar);
            members.insert(name.to_owned(), parsed.unwrap_or_else(|_| scalar.into()));
        } else {
            panic!("not in the subset: {text}");
        }
    }
    if entries.is_empty() { members.into() } else { entries.into() }
}

fn yaml(name: &str) -> Value {
    value(&mut lines(&read(name)).as_slice(), 0)
}

/// What of a value is not as its schema says.
fn problems(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => value.is_string() || value.is_u64(),
    };
    if !is_of_type {
        found.push(format!("{path} is {value}, not of the type {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        found.push(format!("{path} is {value}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{path}.{name} is missing"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) if schema["properties"].is_null() => {}
            (Value::Null, Value::Null) => found.push(format!("{path} does not exist")),
            (Value::Null, schema) | (schema, _) => problems(member, schema, &path, found),
        }
    }
    for (entry, number) in value.as_array().into_iter().flatten().zip(0..) {
        problems(entry, &schema["items"], &format!("{path}[{number}]"), found);
    }
}

fn application_problems(application: &Value) -> Vec<String> {
    let schema = serde_json::from_str(&read("deploy/kube/spinapp.schema.json"));
    let mut found = Vec::new();
    problems(application, &schema.expect("the schema is JSON"), "", &mut found);
    found
}

#[test]
fn the_application_for_kubernetes_is_as_the_operator_wants_it() {
    assert_eq!(application_problems(&yaml(APPLICATION)), [""; 0]);
}

#[test]
fn an_application_for_kubernetes_with_a_mistake_is_found() {
    let mut misspelled = yaml(APPLICATION);
    let spec = misspelled["spec"].as_object_mut().expect("an object");
    spec.remove("image");
    spec.insert("replicas".to_owned(), "two".into());
    spec.insert("readiness".to_owned(), true.into());
    spec["variables"][0].as_object_mut().expect("an object").remove("name");
    let problems = application_problems(&misspelled);
    for problem in [
        ".spec.image is missing",
        ".spec.readiness does not exist",
        ".spec.replicas is \"two\", not of the type \"integer\"",
        ".spec.variables[0].name is missing",
    ] {
        assert!(problems.iter().any(|it| it == problem), "{problem} is not in {problems:?}");
    }
}

#[test]
fn the_application_for_kubernetes_has_the_variables_that_have_no_default_and_no_others() {
    let application = yaml(APPLICATION);
    let variables = application["spec"]["variables"].as_array().expect("a list");
    let names: Vec<_> = variables.iter().filter_map(|it| it["name"].as_str()).collect();
    let declared: Vec<_> = declared_variables().collect();
    for name in &names {
        let variable = declared.iter().find(|it| it.name == *name).expect("it is declared");
        let entry = variables.iter().find(|it| it["name"] == *name).expect("it is in the list");
        assert!(!variable.is_secret || entry["value"].is_null(), "{name} stands in the file");
    }
    for required in declared.iter().filter(|it| it.default.is_none()) {
        assert!(names.contains(&required.name), "{} is missing", required.name);
    }
}

#[test]
fn the_autoscaler_scales_the_application() {
    let (application, autoscaler) = (yaml(APPLICATION), yaml("deploy/kube/autoscaler.yaml"));
    assert_eq!(autoscaler["kind"], "HorizontalPodAutoscaler");
    let target = &autoscaler["spec"]["scaleTargetRef"];
    // The operator names the deployment after the application.
    assert_eq!(target["name"], application["metadata"]["name"]);
    assert_eq!(autoscaler["spec"]["minReplicas"], application["spec"]["replicas"]);
    // Utilization is a share of what is requested.
    assert!(application["spec"]["resources"]["requests"]["cpu"].is_string());
}
