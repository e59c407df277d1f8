//! Partial responses: `fields=a,b(c,d/e)` selects members of a response.

use serde_json::{Map, Value};

use super::Error;

/// The selected members of an object, each with a selection of its own. An empty selection means
/// everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, Self)>);

impl Fields {
    /// Reads the parameter.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let mut rest = text;
        let fields = Self::list(&mut rest).filter(|_| rest.is_empty());
        fields.ok_or_else(|| Error::new(400, "invalidParameter"))
    }

    /// Reads a list like `a,b/c,d(e,f)` up to its end or a closing parenthesis.
    fn list(rest: &mut &str) -> Option<Self> {
        let mut fields = Vec::new();
        loop {
            fields.push(Self::field(rest)?);
            match rest.strip_prefix(',') {
                Some(more) => *rest = more,
                None => return Some(Self(fields)),
            }
        }
    }

    fn field(rest: &mut &str) -> Option<(String, Self)> {
        let is_name = |c: char| c.is_ascii_alphanumeric();
        let (name, more) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        if name.is_empty() {
            return None;
        }
        *rest = more;
        let inner = if let Some(more) = rest.strip_prefix('/') {
            *rest = more;
            Self(vec![Self::field(rest)?])
        } else if let Some(more) = rest.strip_prefix('(') {
            *rest = more;
            let inner = Self::list(rest)?;
            *rest = rest.strip_prefix(')')?;
            inner
        } else {
            Self::default()
        };
        Some((name.to_owned(), inner))
    }

    /// Applies the selection to a value; in an array, to each item.
    pub(super) fn select(&self, value: Value) -> Value {
        match value {
            Value::Object(members) if !self.0.is_empty() => {
                let mut selected = Map::new();
                for (name, value) in members {
                    if let Some((_, fields)) = self.0.iter().find(|(known, _)| *known == name) {
                        selected.insert(name, fields.select(value));
                    }
                }
                Value::Object(selected)
            }
            Value::Array(items) => items.into_iter().map(|item| self.select(item)).collect(),
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_selected_fields_remain() {
        let whole =
            json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": {"h": 5, "i": 6}}], "j": 7});
        for (fields, expected) in [
            ("a", json!({"a": 1})),
            ("b/c,j", json!({"b": {"c": 2}, "j": 7})),
            ("e(f,g/h)", json!({"e": [{"f": 4, "g": {"h": 5}}]})),
            ("b,nothing", json!({"b": {"c": 2, "d": 3}})),
        ] {
            assert_eq!(Fields::read(fields).unwrap().select(whole.clone()), expected, "{fields}");
        }
    }

    #[test]
    fn malformed_selections_are_refused() {
        for bad in ["", "a,", "a(b", "a)", "a/", "a b", "a()", "a(b)c"] {
            assert!(Fields::read(bad).is_err(), "{bad}");
        }
    }
}
