//! The application's variables, and those that a component can read.

use crate::template::Template;
use std::collections::BTreeMap;

/// Reads the variables from this process's environment, by Spin's names:
/// `SPIN_VARIABLE_AUTH0_DOMAIN` is the value of `auth0_domain`.
///
/// The host itself never reads the environment, so that tests do not depend on it. To behave like
/// `spin up`, pass the result as [`Options::variables`](crate::Options::variables).
pub fn variables_from_env() -> BTreeMap<String, String> {
    from_pairs(std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let value = value.into_string().ok()?;
        Some((name, value))
    }))
}

/// A variable that the manifest declares in `[variables]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration {
    /// The default. A variable without a default is required.
    pub(crate) default: Option<String>,
}

/// The required variables that have no value, in alphabetical order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no provider resolved required variable(s): {0:?}")]
pub struct MissingVariables(pub Vec<String>);

/// The error that a component receives instead of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// The name is invalid.
    InvalidName(String),
    /// The component has no variable of this name.
    Undefined(String),
}

/// Returns the values of all declared variables: the supplied value, or else the default. Values
/// for undeclared names are ignored, as on Spin.
///
/// # Errors
/// Returns all required variables that have no value, if any.
pub(crate) fn resolve(
    declared: &BTreeMap<String, Declaration>,
    supplied: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, MissingVariables> {
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, declaration) in declared {
        match supplied.get(name).or(declaration.default.as_ref()) {
            Some(value) => {
                values.insert(name.clone(), value.clone());
            }
            None => missing.push(name.clone()),
        }
    }
    if missing.is_empty() { Ok(values) } else { Err(MissingVariables(missing)) }
}

/// Returns the defaults of the declared variables.
pub(crate) fn defaults(declared: &BTreeMap<String, Declaration>) -> BTreeMap<String, String> {
    let default = |(name, declaration): (&String, &Declaration)| {
        Some((name.clone(), declaration.default.clone()?))
    };
    declared.iter().filter_map(default).collect()
}

/// The variables that a component can read through `spin:variables`.
#[derive(Clone, Debug)]
pub(crate) struct ComponentVariables {
    component: String,
    values: BTreeMap<String, String>,
}

impl ComponentVariables {
    /// Resolves the component's templates with the application's values.
    pub(crate) fn new(
        component: &str,
        templates: &BTreeMap<String, Template>,
        values: &BTreeMap<String, String>,
    ) -> Self {
        let resolved =
            templates.iter().map(|(name, template)| (name.clone(), template.resolve(values)));
        Self { component: component.to_owned(), values: resolved.collect() }
    }

    /// Returns the value of a variable.
    ///
    /// # Errors
    /// Returns Spin's error if the name is invalid or undefined.
    pub(crate) fn get(&self, name: &str) -> Result<String, LookupError> {
        if let Some(reason) = name_problem(name) {
            return Err(LookupError::InvalidName(format!("{name:?}: {reason}")));
        }
        self.values.get(name).cloned().ok_or_else(|| {
            LookupError::Undefined(format!("no variable for {:?}.{name:?}", self.component))
        })
    }
}

/// Returns why `name` is invalid as the name of a variable, or `None` if it is valid.
pub(crate) fn name_problem(name: &str) -> Option<String> {
    let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_';
    if name.is_empty() {
        Some("must not be empty".to_owned())
    } else if let Some(invalid) = name.chars().find(|c| !allowed(c)) {
        Some(format!(
            "invalid character {invalid:?}. Variable names may contain only lower-case letters, numbers, and underscores."
        ))
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("must start with a lowercase ASCII letter".to_owned())
    } else if name.ends_with('_') {
        Some("must end with a lowercase ASCII letter or digit".to_owned())
    } else if name.contains("__") {
        Some("must not contain multiple consecutive underscores".to_owned())
    } else {
        None
    }
}

fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let variable = |(name, value): (String, String)| {
        let name = name.strip_prefix("SPIN_VARIABLE_")?.to_ascii_lowercase();
        Some((name, value))
    };
    pairs.filter_map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        pairs.iter().map(owned).collect()
    }

    fn declared(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Declaration> {
        let declaration = |(name, default): &(&str, Option<&str>)| {
            let default = default.map(str::to_owned);
            (name.to_string(), Declaration { default })
        };
        pairs.iter().map(declaration).collect()
    }

    #[test]
    fn a_supplied_value_overrides_the_default() {
        let declared = declared(&[("a", Some("default")), ("b", Some("default")), ("c", None)]);
        let supplied = text(&[("a", "supplied"), ("c", ""), ("undeclared", "x")]);
        assert_eq!(
            resolve(&declared, &supplied).unwrap(),
            text(&[("a", "supplied"), ("b", "default"), ("c", "")])
        );
    }

    #[test]
    fn every_missing_required_variable_is_named() {
        let declared = declared(&[("b", None), ("a", None), ("c", Some(""))]);
        let error = resolve(&declared, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.to_string(), r#"no provider resolved required variable(s): ["a", "b"]"#);
    }

    #[test]
    fn a_component_can_read_its_own_variables_only() {
        let templates = BTreeMap::from([(
            "issuer".to_owned(),
            Template::parse("https://{{ domain }}/").unwrap(),
        )]);
        let values = text(&[("domain", "tenant.example")]);
        let variables = ComponentVariables::new("doorward", &templates, &values);
        assert_eq!(variables.get("issuer"), Ok("https://tenant.example/".to_owned()));
        assert_eq!(
            variables.get("domain"),
            Err(LookupError::Undefined(r#"no variable for "doorward"."domain""#.to_owned()))
        );
    }

    #[test]
    fn invalid_names_are_refused_with_a_reason() {
        let variables = ComponentVariables::new("c", &BTreeMap::new(), &BTreeMap::new());
        for name in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y", "é"] {
            assert!(matches!(variables.get(name), Err(LookupError::InvalidName(_))), "{name:?}");
        }
        for name in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3"] {
            assert_eq!(name_problem(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_environment_names_variables_in_capitals() {
        let environment = [("SPIN_VARIABLE_AUTH0_DOMAIN", "x"), ("PATH", "/bin")];
        let owned = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(from_pairs(owned.into_iter()), text(&[("auth0_domain", "x")]));
    }
}
