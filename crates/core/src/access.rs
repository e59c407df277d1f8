//! What the code of a tool, a prompt or a resource says about who may use it. Nothing is decided
//! here.

use crate::scope::{RequiredScopes, Scope};

/// What a decision about access can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource or a resource template.
    Resource,
}

/// A tool, a prompt or a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it is.
    pub kind: ItemKind,
    /// Its programmatic name.
    pub name: &'a str,
}

/// Whether the code says who may use an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// It does not. The item needs its permission if the API in the tenant defines it.
    #[default]
    Undeclared,
    /// The item always needs its permission.
    Private,
    /// The item never needs a permission.
    Public,
}

/// What a decision about an item needs to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Requirement<'a> {
    /// The item.
    pub item: Item<'a>,
    /// Whether the code says who may use it.
    pub access: Access,
    /// Whether it only reads.
    pub is_read_only: bool,
    /// The scopes that its code or the operator declares.
    pub scopes: &'a RequiredScopes,
    /// The permission that the operator chose; `None` for [the item's own](Item::permission).
    pub permission: Option<&'a Scope>,
}

impl Requirement<'_> {
    /// The permission that the item needs if it is private.
    #[must_use]
    pub fn permission(&self) -> Scope {
        self.permission.cloned().unwrap_or_else(|| self.item.permission())
    }
}

impl ItemKind {
    const ALL: [Self; 3] = [Self::Tool, Self::Prompt, Self::Resource];

    /// The name of the kind, with which the names of permissions begin.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }
}

impl Item<'_> {
    /// The permission of the item: `tool:<name>`, `prompt:<name>` or `resource:<name>`.
    #[must_use]
    pub fn permission(&self) -> Scope {
        Scope::of_kind(self.kind.as_str(), self.name)
    }
}

/// Whether a permission of this name decides about an item.
#[must_use]
pub fn is_permission_of_an_item(permission: &str) -> bool {
    permission
        .split_once(':')
        .is_some_and(|(kind, _)| ItemKind::ALL.iter().any(|it| it.as_str() == kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_named_after_its_item() {
        for (kind, permission) in [
            (ItemKind::Tool, "tool:greet"),
            (ItemKind::Prompt, "prompt:greet"),
            (ItemKind::Resource, "resource:greet"),
        ] {
            assert_eq!(Item { kind, name: "greet" }.permission().as_str(), permission);
            assert!(is_permission_of_an_item(permission));
        }
        for other in ["read:orders", "tool", "tools:greet", "Tool:greet", ":greet", ""] {
            assert!(!is_permission_of_an_item(other), "{other}");
        }
    }
}
