//! The members `tools`, `prompts` and `resources`: what of a server is taken.

use serde_json::Value;

use super::entry::Entry;

/// Names or URIs; with `*` at the end, all that begin like it.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<String>);

impl Patterns {
    /// The names here of the items in a member, which is `*` or a list of their names there.
    pub(super) fn names(entry: &Entry<'_>, member: &str, prefix: &str) -> Result<Self, String> {
        let names = match entry.members.get(member) {
            None if member != "tools" => Vec::new(),
            Some(Value::String(all)) if all == "*" => vec!["*".to_owned()],
            Some(Value::Array(_)) => entry.texts(member)?,
            _ => return Err(entry.wrong(member, "is neither `*` nor a list of names")),
        };
        let is_one = matches!(names.as_slice(), [all] if all == "*");
        if !is_one && names.iter().any(|name| name.contains('*')) {
            return Err(entry.wrong(member, "has a name with `*`, which no name has"));
        }
        Ok(Self(names.iter().map(|name| [prefix, name].concat()).collect()))
    }

    /// The URIs in a member, which is `*` or a list of URIs and of beginnings of URIs.
    pub(super) fn uris(entry: &Entry<'_>, member: &str) -> Result<Self, String> {
        let uris = match entry.members.get(member) {
            None => Vec::new(),
            Some(Value::String(all)) if all == "*" => vec![all.clone()],
            Some(Value::Array(_)) => entry.texts(member)?,
            _ => return Err(entry.wrong(member, "is neither `*` nor a list of URIs")),
        };
        let is_one = |uri: &String| uri.strip_suffix('*').unwrap_or(uri).contains(['*', '{']);
        if uris.iter().any(|uri| uri.is_empty() || is_one(uri)) {
            let problem = "has something other than URIs, with or without `*` at the end";
            return Err(entry.wrong(member, problem));
        }
        Ok(Self(uris))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn includes(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => text.starts_with(beginning),
            None => text == pattern,
        })
    }

    /// Whether all URIs of this template are included.
    pub(super) fn includes_template(&self, template: &str) -> bool {
        let (beginning, _) = template.split_once('{').unwrap_or((template, ""));
        let mut beginnings = self.0.iter().filter_map(|pattern| pattern.strip_suffix('*'));
        beginnings.any(|it| beginning.starts_with(it))
    }

    /// Whether both include some text.
    pub(super) fn overlap_with(&self, other: &Self) -> bool {
        self.0.iter().any(|ours| other.0.iter().any(|theirs| overlap(ours, theirs)))
    }
}

fn overlap(a: &str, b: &str) -> bool {
    match (a.strip_suffix('*'), b.strip_suffix('*')) {
        (None, None) => a == b,
        (Some(beginning), None) => b.starts_with(beginning),
        (None, Some(beginning)) => a.starts_with(beginning),
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
    }
}
