//! Reading the arguments of a call as the type that a tool takes.

use serde::{
    Deserializer,
    de::{DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Error, Map, Value};

use crate::{CallError, error::truncated};

/// Reads arguments without copying them.
///
/// # Errors
///
/// Returns [`CallError::InvalidParams`], which names the wrong member, if they are not of the type.
pub(crate) fn read<A: DeserializeOwned>(arguments: &Map<String, Value>) -> Result<A, CallError> {
    serde_path_to_error::deserialize(Arguments(arguments)).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!(" `{}`:", truncated(&path)) };
        let problem = error.into_inner().to_string();
        CallError::InvalidParams(format!("Invalid arguments:{place} {}", truncated(&problem)))
    })
}

/// `&Map` deserializes neither newtypes nor options; this wrapper adds both without a copy.
struct Arguments<'de>(&'de Map<String, Value>);

impl<'de> Deserializer<'de> for Arguments<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Named {
        name: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(Named);

    #[derive(Debug, PartialEq, Deserialize)]
    enum Either {
        Person(Named),
    }

    fn of<A: DeserializeOwned>(arguments: Value) -> Result<A, CallError> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        read(&arguments)
    }

    #[test]
    fn whatever_an_object_can_become_arguments_can_become() {
        let named = || Named { name: "Ada".to_owned() };
        let arguments = json!({ "name": "Ada" });
        assert_eq!(of::<Named>(arguments.clone()).unwrap(), named());
        assert_eq!(of::<Wrapped>(arguments.clone()).unwrap(), Wrapped(named()));
        assert_eq!(of::<Option<Named>>(arguments.clone()).unwrap(), Some(named()));
        assert_eq!(of::<Box<Named>>(arguments.clone()).unwrap(), Box::new(named()));
        assert_eq!(of::<Value>(arguments.clone()).unwrap(), arguments);
        let either = of::<Either>(json!({ "Person": { "name": "Ada" } })).unwrap();
        assert_eq!(either, Either::Person(named()));
    }

    #[test]
    fn an_error_names_the_member() {
        let Err(CallError::InvalidParams(text)) = of::<Wrapped>(json!({ "name": 7 })) else {
            panic!("a number is no name")
        };
        assert!(text.starts_with("Invalid arguments: `name`: "), "{text}");
    }
}
