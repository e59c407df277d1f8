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
    let component = &manifest.components["example"];
    assert_eq!(component.id, "example");
    assert_eq!(manifest.main, "example");
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
    assert_eq!(manifest.components["example"].build.as_deref(), Some("make && cargo build"));
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

/// The example with a tool that only it can reach.
fn with_tool(trigger: &str, hosts: &str) -> Result<Manifest, ManifestError> {
    let tool = format!(
        "[[trigger.http]]\n{trigger}\n[component.tool]\nsource = \"tool.wasm\"\n[component.example]"
    );
    let host = r#"["https://{{ domain }}"]"#;
    Manifest::parse(&MANIFEST.replace("[component.example]", &tool).replace(host, hosts))
}

const PRIVATE: &str = "route = { private = true }\ncomponent = \"tool\"";

#[test]
fn a_component_with_a_private_route_has_no_public_one() {
    let manifest = with_tool(PRIVATE, r#"["http://tool.spin.internal"]"#).unwrap();
    assert_eq!(manifest.components.keys().collect::<Vec<_>>(), ["example", "tool"]);
    assert_eq!(manifest.routes.find("/tool").unwrap().component, "example");
    assert_eq!(manifest.main, "example");
}

#[test]
fn components_may_have_routes_of_their_own() {
    let trigger = "route = \"/tool/...\"\ncomponent = \"tool\"";
    let manifest = with_tool(trigger, "[]").unwrap();
    assert_eq!(manifest.routes.find("/tool/x").unwrap().component, "tool");
    assert_eq!(manifest.routes.find("/x").unwrap().component, "example");
}

#[test]
fn a_host_that_names_no_component_is_refused() {
    let error = message(with_tool(PRIVATE, r#"["http://other.spin.internal"]"#));
    assert!(error.contains("\"example\" may reach \"other\""), "{error}");
    assert!(with_tool(PRIVATE, r#"["http://*.spin.internal"]"#).is_ok());
}

#[test]
fn an_odd_trigger_is_refused() {
    for (trigger, reason) in [
        ("route = { private = false }\ncomponent = \"tool\"", "must be a path or"),
        ("route = { private = true }\ncomponent = \"other\"", "\"other\""),
        (&format!("{PRIVATE}\n[[trigger.http]]\n{PRIVATE}"), "more than one trigger"),
    ] {
        let error = message(with_tool(trigger, "[]"));
        assert!(error.contains(reason), "{error}");
    }
    let private = "route = { private = true }";
    let error = message(changed("route = \"/...\"", private));
    assert_eq!(error, "no HTTP trigger has a public route");
}

#[test]
fn a_component_reads_single_files() {
    let files = "files = [\"api.json\", { source = \"a/b.json\", destination = \"/c/d.json\" }]";
    let manifest = changed("description = \"An", &format!("{files}\ndescription = \"An")).unwrap();
    let files = &manifest.components["example"].files;
    assert_eq!(files["api.json"], "api.json");
    assert_eq!(files["c/d.json"], "a/b.json");
    for file in ["\"*.json\"", "{ source = \"a\", destination = \"/\" }", "\"../a\""] {
        let refused =
            changed("description = \"An", &format!("files = [{file}]\ndescription = \"An"));
        assert!(message(refused).contains("single files only"), "{file}");
    }
}
