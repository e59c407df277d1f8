//! The tools of a server, in a stable order.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Tool;

/// Every tool of a server.
#[derive(Debug, Default)]
pub struct Registry {
    tools: Vec<Tool>,
    by_name: BTreeMap<&'static str, usize>,
}

impl Registry {
    /// No tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool. Clients see the tools in the order in which they were added; a second one of the same name
    /// replaces the first.
    #[must_use]
    pub fn with(mut self, tool: Tool) -> Self {
        match self.by_name.get(tool.name()).and_then(|index| self.tools.get_mut(*index)) {
            Some(existing) => *existing = tool,
            None => {
                self.by_name.insert(tool.name(), self.tools.len());
                self.tools.push(tool);
            }
        }
        self
    }

    /// The tool of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Tool> {
        self.by_name.get(name).and_then(|index| self.tools.get(*index))
    }

    /// The `tools` of a `tools/list` result.
    pub(super) fn list(&self) -> Value {
        serde_json::to_value(&self.tools).unwrap_or_default()
    }
}
