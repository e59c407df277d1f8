use super::*;

const MANIFEST: &str = r#"
#:schema https://schemas.spinframework.dev/spin/manifest-v2/latest.json
spin_manifest_version = 2

[application]
name = "example"
version = "0.1.0"

[variables]
domain = { required = true }
secret = { required = true, secret = true }
level = { default = "info" }

[[trigger.http]]
route = "/..."
component = "example"

[component.example]
description = "An example"
source = "target/example.wasm"
allowed_outbound_hosts = ["https://{{ domain }}"]
key_value_stores = ["default"]
[component.example.variables]
issuer = "https://{{ domain }}/"
[component.example.build]
command = "cargo build"
watch = ["src/**/*.rs"]
"#;

/// Parses the example manifest with one passage replaced.
fn changed(from: &str, to: &str) -> Result<Manifest, ManifestError> {
    assert!(MANIFEST.contains(from), "{from:?}");
    Manifest::parse(&MANIFEST.replace(from, to))
}

fn message(result: Result<Manifest, ManifestError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_manifest_describes_its_component() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let component = manifest.component;
    assert_eq!(component.id, "example");
    assert_eq!(component.source, "target/example.wasm");
    assert_eq!(component.build.as_deref(), Some("cargo build"));
    assert!(component.key_value_stores.contains("default"));
    assert_eq!(component.allowed_hosts.len(), 1);
    assert!(component.variables.contains_key("issuer"));
    assert!(manifest.routes.find("/anything").is_some());
}

#[test]
fn a_variable_name_with_a_word_that_begins_with_a_digit_is_refused() {
    let refused = message(changed("level =", "level_2 ="));
    assert!(refused.contains("words must start with an ASCII letter; got \"2\""), "{refused}");
    assert!(changed("level =", "level2 =").is_ok());
}

#[test]
fn a_variable_without_a_default_is_required() {
    let variables = Manifest::parse(MANIFEST).unwrap().variables;
    assert_eq!(variables["domain"].default, None);
    assert_eq!(variables["level"].default.as_deref(), Some("info"));
}

#[test]
fn several_build_commands_are_joined() {
    let manifest = changed(r#""cargo build""#, r#"["make", "cargo build"]"#).unwrap();
    assert_eq!(manifest.component.build.as_deref(), Some("make && cargo build"));
}

#[test]
fn a_variable_is_required_or_has_a_default_but_not_both() {
    for declaration in
        ["{ secret = true }", "{ required = true, default = '' }", "{ required = false }"]
    {
        let error = message(changed(r#"{ default = "info" }"#, declaration));
        assert_eq!(error, r#"variable "level" must be `required` OR have a `default`"#);
    }
}

#[test]
fn a_template_with_an_undeclared_variable_is_refused() {
    let error = message(changed(r#""https://{{ domain }}/""#, r#""{{ tenant }}""#));
    assert_eq!(error, r#"invalid variable template: unknown variable "tenant""#);
    let error = message(changed(r#"["https://{{ domain }}"]"#, r#"["{{ issuer }}"]"#));
    assert_eq!(error, r#"invalid variable template: unknown variable "issuer""#);
}

#[test]
fn an_invalid_variable_name_is_refused() {
    assert!(message(changed("domain = {", "Domain = {")).contains(r#""Domain""#));
    assert!(message(changed("issuer =", "issuer_ =")).contains(r#""issuer_""#));
}

#[test]
fn an_unknown_store_is_refused_by_name() {
    let error = message(changed(r#"["default"]"#, r#"["default", "cache"]"#));
    assert_eq!(error, r#"unknown key_value_stores label "cache" for component "example""#);
}

#[test]
fn an_unsupported_field_is_refused_by_name() {
    let error = message(changed("description =", "sqlite_databases = [\"x\"]\ndescription ="));
    assert!(error.contains("sqlite_databases"), "{error}");
    let error = message(changed("[[trigger.http]]", "[[trigger.redis]]"));
    assert!(error.contains("redis"), "{error}");
}

#[test]
fn another_manifest_version_is_refused() {
    let error = message(changed("spin_manifest_version = 2", "spin_manifest_version = 1"));
    assert!(error.contains("is 1"), "{error}");
}

#[test]
fn all_triggers_must_name_one_defined_component() {
    let second = "[[trigger.http]]\nroute = \"/b\"\ncomponent = \"b\"\n[component.example]";
    let error = message(changed("[component.example]", second));
    assert!(error.contains(r#"["b", "example"]"#), "{error}");
    let error = message(changed(r#"component = "example""#, r#"component = "other""#));
    assert!(error.contains(r#""other""#), "{error}");
}
