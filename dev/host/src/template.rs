//! The `{{ variable }}` templates of the manifest's component variables and allowed hosts.

use std::collections::BTreeMap;
use std::fmt;

/// Text with references to the application's variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

/// A template with a `{{` but no matching `}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unmatched '{{{{' in template")]
pub struct UnmatchedBraces;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

impl Template {
    /// Parses a template. White space inside the braces is ignored.
    ///
    /// # Errors
    /// Returns an error if a `{{` has no matching `}}`.
    pub(crate) fn parse(text: &str) -> Result<Self, UnmatchedBraces> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, opened)) = rest.split_once("{{") {
            let (name, after) = opened.split_once("}}").ok_or(UnmatchedBraces)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The names of the variables in the template.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(name) => Some(name.as_str()),
        })
    }

    /// Whether the template has no variables.
    pub(crate) fn is_literal(&self) -> bool {
        self.variables().next().is_none()
    }

    /// Replaces the variables by their values. The manifest's check guarantees that every variable
    /// has a value; one without a value would be replaced by the empty string.
    pub(crate) fn resolve(&self, values: &BTreeMap<String, String>) -> String {
        let part_text = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Variable(name) => values.get(name).cloned().unwrap_or_default(),
        };
        self.0.iter().map(part_text).collect()
    }
}

/// Formats the template as written, with one space inside the braces.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Variable(name) => write!(f, "{{{{ {name} }}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(template: &str) -> String {
        let values = BTreeMap::from([
            ("domain".to_owned(), "tenant.example".to_owned()),
            ("port".to_owned(), "8443".to_owned()),
            ("braces".to_owned(), "{{ domain }}".to_owned()),
        ]);
        Template::parse(template).unwrap().resolve(&values)
    }

    #[test]
    fn text_without_braces_is_unchanged() {
        assert_eq!(resolve(""), "");
        assert_eq!(resolve("https://api.example"), "https://api.example");
        assert_eq!(resolve("a } b }} c"), "a } b }} c");
        assert!(Template::parse("plain").unwrap().is_literal());
    }

    #[test]
    fn variables_are_replaced_everywhere() {
        assert_eq!(resolve("{{ domain }}"), "tenant.example");
        assert_eq!(resolve("https://{{domain}}:{{ port }}/x"), "https://tenant.example:8443/x");
        assert_eq!(resolve("{{port}}{{port}}"), "84438443");
    }

    #[test]
    fn a_value_is_not_parsed_as_a_template() {
        assert_eq!(resolve("{{ braces }}"), "{{ domain }}");
    }

    #[test]
    fn a_template_names_its_variables() {
        let template = Template::parse("https://{{ domain }}:{{port}}").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["domain", "port"]);
        assert!(!template.is_literal());
        assert_eq!(template.to_string(), "https://{{ domain }}:{{ port }}");
    }

    #[test]
    fn unmatched_braces_are_refused() {
        assert_eq!(Template::parse("{{ domain"), Err(UnmatchedBraces));
        assert_eq!(Template::parse("{{ a }} {{ b"), Err(UnmatchedBraces));
    }
}
