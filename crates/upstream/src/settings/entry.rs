//! The members of one JSON object of the list, and the errors about them.

use doorward_core::scope::Scope;
use serde_json::{Map, Value};

/// An object of the list.
pub(super) struct Entry<'a> {
    pub(super) members: &'a Map<String, Value>,
    /// Where it is: `weather.attach`.
    pub(super) path: String,
}

impl<'a> Entry<'a> {
    pub(super) fn new(value: &'a Value, path: String) -> Result<Self, String> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(wrong(&path, "is not an object")),
        }
    }

    fn at(&self, member: &str) -> String {
        [&self.path, ".", member].concat()
    }

    pub(super) fn wrong(&self, member: &str, problem: &str) -> String {
        wrong(&self.at(member), problem)
    }

    pub(super) fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.members.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.wrong(name, "is not a known member")),
        }
    }

    /// The object in a member, if there is one.
    pub(super) fn object(&self, member: &str) -> Result<Option<Self>, String> {
        self.members.get(member).map(|value| Self::new(value, self.at(member))).transpose()
    }

    pub(super) fn flag(&self, member: &str) -> Result<bool, String> {
        match self.members.get(member) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(member, "is neither `true` nor `false`")),
        }
    }

    pub(super) fn text(&self, member: &str) -> Result<Option<&'a str>, String> {
        match self.members.get(member) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(member, "is not a non-empty string")),
        }
    }

    /// A list of strings; none if it is absent.
    pub(super) fn texts(&self, member: &str) -> Result<Vec<String>, String> {
        let Some(list) = self.members.get(member) else { return Ok(Vec::new()) };
        let texts = list.as_array().and_then(|list| {
            list.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.ok_or_else(|| self.wrong(member, "is not a list of strings"))
    }

    pub(super) fn scopes(&self) -> Result<Vec<String>, String> {
        let scopes = self.texts("scopes")?;
        match scopes.iter().all(|scope| scope.parse::<Scope>().is_ok()) {
            true => Ok(scopes),
            false => Err(self.wrong("scopes", "holds a scope with a character that no scope has")),
        }
    }

    pub(super) fn number(&self, member: &str, default: u64, most: u64) -> Result<u64, String> {
        let number = self.members.get(member).map_or(Some(default), Value::as_u64);
        let number = number.filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| {
            self.wrong(member, &["is not a number from 1 to ", &most.to_string()].concat())
        })
    }
}

pub(super) fn wrong(path: &str, problem: &str) -> String {
    ["has `", path, "`, which ", problem].concat()
}
