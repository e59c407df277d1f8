//! The names of the tools, read from the golden file, and which are private.

use serde_json::Value;

/// The names of all tools, in the order of the golden file.
pub(crate) fn all_tools() -> Vec<String> {
    let golden = include_str!("../../src/tools/tools.golden.json");
    tool_names(&serde_json::from_str(golden).expect("the golden file is JSON"))
}

/// The names of the public tools, and of the tools that these permissions allow.
pub(crate) fn tools_with(permissions: &[&str]) -> Vec<String> {
    const PRIVATE: [&str; 3] = ["whoami", "greet", "calendar_summary"];
    let may_use = |name: &&str| permissions.contains(name) || !PRIVATE.contains(name);
    all_tools().into_iter().filter(|name| may_use(&name.as_str())).collect()
}

/// The names in a list of tools.
pub(crate) fn tool_names(tools: &Value) -> Vec<String> {
    let tools = tools.as_array().unwrap_or_else(|| panic!("not a list of tools: {tools}"));
    tools.iter().map(|tool| tool["name"].as_str().expect("a tool has a name").to_owned()).collect()
}
