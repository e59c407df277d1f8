//! JSON within limits, in which a duplicate member is an error.
//!
//! JSON lets the reader choose between two members of one name, and two readers may choose
//! differently: a proxy that filters tools by name would see one tool, and this server run the
//! other.
//!
//! Parsed JSON takes far more memory than its text. An object with one member can be six bytes
//! long and takes about 400 in a Wasm component, so the number of values and their depth are
//! limited, and what may never be needed stays text: see [`CheckedJson`].

mod checked;

use std::{borrow::Cow, cell::Cell, error, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

pub use checked::CheckedJson;

/// The deepest nesting: that of `[[]]` is two.
pub const MAX_DEPTH: usize = 64;

/// The most values in a text: one for each 32 bytes of 256 KiB.
pub const MAX_VALUES: usize = max_values(256 * 1024);

/// The most values in a text whose size has this limit, in bytes.
#[must_use]
pub const fn max_values(max_bytes: usize) -> usize {
    max_bytes / 32
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Two members of an object have the same name.
    Duplicate,
    /// It is not JSON.
    Malformed,
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// It has more values than this.
    TooManyValues(usize),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("has an object with two members of the same name"),
            Self::Malformed => f.write_str("is not valid JSON"),
            Self::TooDeep => write!(f, "is nested deeper than {MAX_DEPTH} levels"),
            Self::TooManyValues(most) => write!(f, "has more than {most} JSON values"),
        }
    }
}

impl error::Error for JsonError {}

/// Parses a JSON text of at most [`MAX_VALUES`] values.
///
/// # Errors
///
/// Returns [`JsonError`] for malformed JSON, a duplicate member, and too many or too deep values.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    parse_within(text, MAX_VALUES)
}

/// Parses a JSON text of at most this many values.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_within(text: &[u8], max_values: usize) -> Result<Value, JsonError> {
    visit(text, max_values, true)
}

/// Visits all of a text, and builds its value if `builds` says so.
fn visit(text: &[u8], max_values: usize, builds: bool) -> Result<Value, JsonError> {
    let budget = Budget::new(max_values);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict { budget: &budget, depth: 0, builds }.deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|_| budget.error.take().unwrap_or(JsonError::Malformed))
}

/// The members of an object, where something else deserializes the text: the rest of a structure
/// (`serde(flatten)`), or the claims of a token. The limits are those of [`parse`].
#[derive(Clone, Debug, Default)]
pub struct Members(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let budget = Budget::new(MAX_VALUES);
        let strict = Strict { budget: &budget, depth: 1, builds: true };
        deserializer.deserialize_map(MembersVisitor(strict)).map(Self)
    }
}

struct MembersVisitor<'a>(Strict<'a>);

impl<'de> Visitor<'de> for MembersVisitor<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = items.next_key::<String>()? {
            let value = items.next_value_seed(self.0)?;
            if members.insert(name, value).is_some() {
                return Err(self.0.budget.fail(JsonError::Duplicate));
            }
        }
        Ok(members)
    }
}

/// What is left of the limits, and which one was exceeded.
struct Budget {
    max_values: usize,
    values: Cell<usize>,
    error: Cell<Option<JsonError>>,
}

impl Budget {
    fn new(max_values: usize) -> Self {
        Self { max_values, values: Cell::new(0), error: Cell::new(None) }
    }

    fn fail<E: Error>(&self, error: JsonError) -> E {
        self.error.set(Some(error));
        E::custom(error)
    }
}

/// Visits one value. Without `builds` the result is `null`, whatever the value is.
#[derive(Clone, Copy)]
struct Strict<'a> {
    budget: &'a Budget,
    /// How many arrays and objects the value is in.
    depth: usize,
    builds: bool,
}

impl Strict<'_> {
    /// A visitor for what is in an array or an object.
    fn inside<E: Error>(self) -> Result<Self, E> {
        match self.depth < MAX_DEPTH {
            true => Ok(Self { depth: self.depth + 1, ..self }),
            false => Err(self.budget.fail(JsonError::TooDeep)),
        }
    }

    fn built(self, value: impl FnOnce() -> Value) -> Value {
        if self.builds { value() } else { Value::Null }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Budget { max_values, values, .. } = self.budget;
        if values.get() >= *max_values {
            return Err(self.budget.fail(JsonError::TooManyValues(*max_values)));
        }
        values.set(values.get() + 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.built(|| Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(self.built(|| Value::String(value)))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inside)? {
            if self.builds {
                values.push(value);
            }
        }
        Ok(self.built(|| Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        if self.builds {
            return MembersVisitor(inside).visit_map(items).map(Value::Object);
        }
        let mut names = Vec::new();
        while let Some(Name(name)) = items.next_key()? {
            items.next_value_seed(inside)?;
            names.push(name);
        }
        match has_duplicate(&mut names) {
            true => Err(self.budget.fail(JsonError::Duplicate)),
            false => Ok(Value::Null),
        }
    }
}

fn has_duplicate(names: &mut [Cow<'_, str>]) -> bool {
    if let [] | [_] = names {
        return false;
    }
    names.sort_unstable();
    names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
}

/// The name of a member, copied only if it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

#[cfg(test)]
mod tests;
