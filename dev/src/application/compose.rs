//! Composes the manifest of the server with those of tool components.

use super::folder::ToolManifest;
use crate::{Error, spin::make_absolute, tools, tools::Access, workspace};
use serde_json::Map;
use std::{fmt::Display, fs, path::Path};
use toml::{Table, Value};

/// The manifest of an application.
pub(super) struct Composed {
    /// As TOML.
    pub(super) manifest: String,
    /// Its value of `upstreams`.
    pub(super) upstreams: String,
}

/// Composes the manifest of the server with tool components: private routes, their sections, their
/// variables, their entries in `upstreams`, to which `upstreams` belongs as well, and their hosts.
///
/// # Errors
/// Returns an error if a manifest is not as it should be, or if two components have the same name.
pub(super) fn compose(
    server: &Path,
    tools: &[ToolManifest],
    upstreams: &str,
) -> Result<Composed, Error> {
    let invalid = |problem: &dyn Display| unusable(server, problem);
    let text = fs::read_to_string(server).map_err(|error| invalid(&error))?;
    let mut manifest: Table = text.parse().map_err(|error| invalid(&error))?;
    make_absolute(&mut manifest, server.parent().unwrap_or(Path::new(".")));
    let entries = match upstreams.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text).map_err(|error| {
            Error::usage(format!("The variable `upstreams` is not a JSON object: {error}"))
        })?,
    };
    let mut application = Application { manifest, entries, hosts: Vec::new() };
    for tool in tools {
        application.add(tool).map_err(|problem| unusable(&tool.path, &problem))?;
    }
    application.finish().map_err(|problem| invalid(&problem))
}

fn unusable(path: &Path, problem: &dyn Display) -> Error {
    Error::usage(format!("{} cannot be used: {problem}", path.display()))
}

/// An application to which components are added.
struct Application {
    manifest: Table,
    /// The entries of `upstreams`.
    entries: Map<String, serde_json::Value>,
    /// What the server has to reach.
    hosts: Vec<String>,
}

impl Application {
    /// Adds the components of a manifest. An error says what is wrong with it.
    fn add(&mut self, tool: &ToolManifest) -> Result<(), String> {
        let mut content = tool.content.clone();
        make_absolute(&mut content, tool.home());
        let declared = table(&mut self.manifest, &["variables"])?;
        for (name, variable) in std::mem::take(table(&mut content, &["variables"])?) {
            declared.entry(name).or_insert(variable);
        }
        let mut offers_tools = false;
        for (id, component) in std::mem::take(table(&mut content, &["component"])?) {
            let Value::Table(mut component) = component else { continue };
            component.remove("build");
            if let Some(Value::Table(mut programs)) = component.remove("tool")
                && let Some(entry) = programs.remove("doorward")
            {
                offers_tools = true;
                self.offer(&id, entry)?;
            }
            let components = table(&mut self.manifest, &["component"])?;
            if components.insert(id.clone(), Value::Table(component)).is_some() {
                return Err(format!("another component has the name {id:?}"));
            }
            let route = Table::from_iter([("private".to_owned(), Value::Boolean(true))]);
            let trigger =
                [("route", Value::Table(route)), ("component", Value::String(id))].map(own);
            let triggers = list(table(&mut self.manifest, &["trigger"])?, "http")?;
            triggers.push(Value::Table(Table::from_iter(trigger)));
        }
        offers_tools.then_some(()).ok_or_else(|| {
            "no component has [component.<name>.tool.doorward], which says how its tools are \
             offered; see docs/tools.md"
                .to_owned()
        })
    }

    /// Adds the entry of a component to `upstreams`.
    fn offer(&mut self, id: &str, entry: Value) -> Result<(), String> {
        let entry = serde_json::to_value(entry).map_err(|error| error.to_string())?;
        let serde_json::Value::Object(mut entry) = entry else {
            return Err(format!("component.{id}.tool.doorward is not a table"));
        };
        if entry.get("prefix").and_then(serde_json::Value::as_str) == Some("") {
            return Err(format!(
                "component.{id}.tool.doorward has an empty `prefix`; without it, it is `{id}_`"
            ));
        }
        let apis = entry.get("egress").and_then(|egress| egress["hosts"].as_array());
        let apis = apis.into_iter().flatten().filter_map(serde_json::Value::as_str);
        self.hosts.extend(apis.map(|api| origin(api).to_owned()));
        self.hosts.push(format!("https://{id}.spin.internal"));
        entry.insert("url".to_owned(), format!("https://{id}.spin.internal/mcp").into());
        match self.entries.insert(id.to_owned(), entry.into()) {
            None => Ok(()),
            Some(_) => Err(format!("`upstreams` already has an entry {id:?}")),
        }
    }

    fn finish(mut self) -> Result<Composed, String> {
        // Indented, because two braces in a row end a variable in Spin's templates.
        let upstreams =
            serde_json::to_string_pretty(&self.entries).map_err(|error| error.to_string())?;
        let own = table(&mut self.manifest, &["component", workspace::COMPONENT])?;
        let allowed = list(own, "allowed_outbound_hosts")?;
        for host in self.hosts.into_iter().map(Value::from) {
            if !allowed.contains(&host) {
                allowed.push(host);
            }
        }
        table(own, &["variables"])?.insert("upstreams".to_owned(), upstreams.clone().into());
        let scopes = table(&mut self.manifest, &["variables", "scopes_supported"])?;
        if let Some(Value::String(scopes)) = scopes.get_mut("default") {
            for tool in tools::of_upstreams(&upstreams) {
                let permission = tool.permission();
                let is_known = scopes.split(' ').any(|scope| scope == permission);
                if tool.access == Access::Private && !is_known {
                    scopes.push(' ');
                    scopes.push_str(&permission);
                }
            }
        }
        let manifest = toml::to_string(&self.manifest).map_err(|error| error.to_string())?;
        Ok(Composed { manifest, upstreams })
    }
}

/// The origin of an API's URL, which may begin with a variable for it.
fn origin(url: &str) -> &str {
    let authority = match url.find("}}") {
        Some(end) if url.starts_with("{{") => end,
        _ => url.find("://").map_or(0, |at| at + 3),
    };
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    path.and_then(|length| url.get(..authority + length)).unwrap_or(url)
}

fn own((name, value): (&str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

/// The table at a path, which is made if there is none.
fn table<'a>(parent: &'a mut Table, path: &[&str]) -> Result<&'a mut Table, String> {
    let Some((name, rest)) = path.split_first() else { return Ok(parent) };
    match parent.entry(*name).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(next) => table(next, rest),
        _ => Err(format!("{name} is not a table")),
    }
}

/// The list of a table, which is made if there is none.
fn list<'a>(parent: &'a mut Table, name: &str) -> Result<&'a mut Vec<Value>, String> {
    match parent.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(list) => Ok(list),
        _ => Err(format!("{name} is not a list")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test that panics has failed")]

    use super::*;

    const TOOL: &str = r#"
spin_manifest_version = 2
[variables]
public_url = { default = "mine" }
key = { default = "" }
[[trigger.http]]
route = "/open/..."
component = "slow"
[component.slow]
source = "slow.wasm"
files = ["a.json"]
build.command = "make"
[component.slow.tool.doorward]
tools = ["wait"]
[component.slow.tool.doorward.egress]
connection = "github"
hosts = ["https://api.example.com/v1/", "{{ google_api_url }}/calendar/"]
"#;

    fn composed(tools: &[&str], upstreams: &str) -> Result<(Table, Composed), String> {
        let parse = |(text, number): (&&str, usize)| ToolManifest {
            path: format!("/tools/{number}/spin.toml").into(),
            content: text.parse().expect("it is TOML"),
        };
        let tools: Vec<_> = tools.iter().zip(0..).map(parse).collect();
        let composed = compose(&workspace::manifest(), &tools, upstreams);
        let composed = composed.map_err(|error| error.to_string())?;
        Ok((composed.manifest.parse().expect("it is TOML"), composed))
    }

    #[test]
    fn a_tool_component_gets_a_private_route_and_an_entry_and_its_hosts_are_the_servers() {
        let (manifest, composed) = composed(&[TOOL], "").expect("it can be composed");
        let triggers = manifest["trigger"]["http"].as_array().expect("a list");
        let slow: Vec<_> =
            triggers.iter().filter(|it| it["component"].as_str() == Some("slow")).collect();
        assert_eq!(slow.len(), 1);
        assert_eq!(slow[0]["route"]["private"].as_bool(), Some(true));
        let component = manifest["component"]["slow"].as_table().expect("a table");
        assert_eq!(component["source"].as_str(), Some("/tools/0/slow.wasm"));
        assert_eq!(component["files"][0]["source"].as_str(), Some("/tools/0/a.json"));
        assert!(!component.contains_key("tool") && !component.contains_key("build"));
        let server = &manifest["component"]["doorward"];
        let hosts = server["allowed_outbound_hosts"].as_array().expect("a list");
        for host in
            ["https://slow.spin.internal", "https://api.example.com", "{{ google_api_url }}"]
        {
            assert_eq!(hosts.iter().filter(|it| it.as_str() == Some(host)).count(), 1, "{host}");
        }
        let upstreams = server["variables"]["upstreams"].as_str().expect("a text");
        assert_eq!(upstreams, composed.upstreams);
        assert!(upstreams.contains("https://slow.spin.internal/mcp"));
        let templates = upstreams.matches("}}").count();
        assert_eq!(templates, upstreams.matches("{{ ").count(), "{upstreams}");
        let variables = &manifest["variables"];
        assert_eq!(variables["key"]["default"].as_str(), Some(""));
        assert_ne!(variables["public_url"]["default"].as_str(), Some("mine"));
        let scopes = variables["scopes_supported"]["default"].as_str().expect("a text");
        assert!(scopes.ends_with(" tool:slow_wait"), "{scopes}");
    }

    #[test]
    fn entries_of_the_variable_stay() {
        let other = r#"{ "orders": { "url": "https://orders.example.com/mcp", "tools": "*" } }"#;
        let (_, composed) = composed(&[TOOL], other).expect("it can be composed");
        let entries: Map<String, serde_json::Value> =
            serde_json::from_str(&composed.upstreams).expect("it is an object");
        assert_eq!(entries.keys().collect::<Vec<_>>(), ["orders", "slow"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |tools: &[&str], upstreams| match composed(tools, upstreams) {
            Ok(_) => String::new(),
            Err(problem) => problem,
        };
        let text = problem(&[TOOL, TOOL], "");
        assert!(text.contains("/tools/1/spin.toml cannot be used"), "{text}");
        assert!(text.contains("already has an entry \"slow\""), "{text}");
        let text = problem(&["[component.doorward.tool.doorward]"], "");
        assert!(text.contains("another component has the name \"doorward\""), "{text}");
        let text = problem(&["[component.a]"], "");
        assert!(text.contains("[component.<name>.tool.doorward]"), "{text}");
        let empty = TOOL.replace("[\"wait\"]", "[\"wait\"]\nprefix = \"\"");
        let text = problem(&[&empty], "");
        assert!(text.contains("empty `prefix`; without it, it is `slow_`"), "{text}");
        let text = problem(&[TOOL], "[]");
        assert!(text.contains("`upstreams` is not a JSON object"), "{text}");
    }
}
