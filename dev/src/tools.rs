//! The tools that this build has, those of other servers behind it, and who may use them.

use crate::workspace;
use serde_json::Value;
use std::fs;

/// A tool of this build, or of another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its name.
    pub(crate) name: String,
    /// Its title, or else its description, for the consent page.
    pub(crate) description: String,
    /// What its code, or the operator, says about who may use it.
    pub(crate) access: Access,
    /// The permission that the operator chose; `None` for `tool:<name>`.
    chosen_permission: Option<String>,
}

/// What the code of a tool says about who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Only who holds its permission.
    Private,
    /// Everybody who signed in.
    Public,
    /// Nothing: the tenant decides.
    Undeclared,
}

impl Tool {
    /// The permission of the tool.
    pub(crate) fn permission(&self) -> String {
        self.chosen_permission.clone().unwrap_or_else(|| format!("tool:{}", self.name))
    }
}

/// Reads the tools from the list that the tests keep true, and their access from their code. A
/// tool without a file of its name counts as undeclared.
pub(crate) fn of_this_build() -> Vec<Tool> {
    let folder = workspace::root().join("src/tools");
    let list = fs::read_to_string(folder.join("tools.golden.json")).unwrap_or_default();
    let list: Value = serde_json::from_str(&list).unwrap_or_default();
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|tool| {
            let name = tool["name"].as_str()?.to_owned();
            let code = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let says = |what: &str| lines.clone().any(|line| line.contains(what));
            let access = match (says(".private()"), says(".public()")) {
                (true, _) => Access::Private,
                (_, true) => Access::Public,
                _ => Access::Undeclared,
            };
            let description = tool["description"].as_str().unwrap_or_default().to_owned();
            Some(Tool { name, description, access, chosen_permission: None })
        })
        .collect()
}

/// The tools that `upstreams` names one by one. Which ones an entry with `*` has is not known here.
pub(crate) fn of_upstreams(upstreams: &str) -> Vec<Tool> {
    let entries: Value = serde_json::from_str(upstreams).unwrap_or_default();
    let mut tools = Vec::new();
    for (server, entry) in entries.as_object().into_iter().flatten() {
        let prefix = entry["prefix"].as_str().map_or_else(|| format!("{server}_"), str::to_owned);
        let names = entry["tools"].as_array().into_iter().flatten().filter_map(Value::as_str);
        tools.extend(names.map(|name| Tool {
            name: format!("{prefix}{name}"),
            description: format!("A tool of {server}"),
            access: if entry["access"] == "public" { Access::Public } else { Access::Private },
            chosen_permission: entry["permission"].as_str().map(str::to_owned),
        }));
    }
    tools
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_of_other_servers_are_private_unless_the_operator_says_otherwise() {
        let tools = of_upstreams(
            r#"{
                "a": { "tools": ["x"] },
                "b": { "tools": ["y"], "prefix": "an-", "access": "public" },
                "c": { "tools": ["z"], "permission": "tool:c" },
                "d": { "tools": "*" }
            }"#,
        );
        let of = |tool: &Tool| (tool.name.clone(), tool.access, tool.permission());
        let found: Vec<_> = tools.iter().map(of).collect();
        let expected = [
            ("a_x", Access::Private, "tool:a_x"),
            ("an-y", Access::Public, "tool:an-y"),
            ("c_z", Access::Private, "tool:c"),
        ];
        assert_eq!(found, expected.map(|(name, access, it)| (name.into(), access, it.into())));
        assert!(of_upstreams("").is_empty() && of_upstreams("{").is_empty());
    }

    #[test]
    fn the_tools_of_this_build_say_who_may_use_them() {
        let tools = of_this_build();
        let access =
            |name: &str| tools.iter().find(|tool| tool.name == name).map(|tool| tool.access);
        assert_eq!(access("whoami"), Some(Access::Private));
        assert_eq!(access("calendar_summary"), Some(Access::Private));
        assert_eq!(access("get_datetime"), Some(Access::Public));
    }
}
