//! Partial responses: `fields=a,b(c,d/e)` leaves nothing but these of an answer.

use serde_json::{Map, Value};

use super::Error;

/// What is wanted of an object: members, and what is wanted of each; nothing said means all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, Self)>);

impl Fields {
    /// Reads the parameter.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let mut rest = text;
        let fields = Self::list(&mut rest).filter(|_| rest.is_empty());
        fields.ok_or_else(|| Error::new(400, "invalidParameter"))
    }

    /// `a,b/c,d(e,f)` up to its end or a closing bracket.
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

    /// What is wanted of a value; of a list, of each entry.
    pub(super) fn of(&self, value: Value) -> Value {
        match value {
            Value::Object(members) if !self.0.is_empty() => {
                let mut wanted = Map::new();
                for (name, value) in members {
                    if let Some((_, fields)) = self.0.iter().find(|(known, _)| *known == name) {
                        wanted.insert(name, fields.of(value));
                    }
                }
                Value::Object(wanted)
            }
            Value::Array(items) => items.into_iter().map(|item| self.of(item)).collect(),
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_asked_for_is_left_out() {
        let whole =
            json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": {"h": 5, "i": 6}}], "j": 7});
        for (fields, expected) in [
            ("a", json!({"a": 1})),
            ("b/c,j", json!({"b": {"c": 2}, "j": 7})),
            ("e(f,g/h)", json!({"e": [{"f": 4, "g": {"h": 5}}]})),
            ("b,nothing", json!({"b": {"c": 2, "d": 3}})),
        ] {
            assert_eq!(Fields::read(fields).unwrap().of(whole.clone()), expected, "{fields}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for bad in ["", "a,", "a(b", "a)", "a/", "a b", "a()", "a(b)c"] {
            assert!(Fields::read(bad).is_err(), "{bad}");
        }
    }
}
