//! `allowed_outbound_hosts`: where a component may send requests.

mod pattern;

use crate::template::Template;
use pattern::Pattern;
use std::collections::{BTreeMap, BTreeSet};

/// The destinations that the manifest allows a component to reach. One malformed entry denies all.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    patterns: Result<Vec<Pattern>, Malformed>,
    /// The components of the application.
    components: BTreeSet<String>,
}

/// An entry of `allowed_outbound_hosts` that is invalid in the manifest itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed_outbound_hosts: {host:?}: {reason}")]
pub struct InvalidHost {
    /// The entry, with its variables replaced by their defaults.
    pub host: String,
    /// The reason.
    pub reason: String,
}

/// An entry that a supplied value makes malformed. It omits the value: a secret may have been
/// entered for the wrong variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowed_outbound_hosts: {entry:?} is invalid with the value of {variables}, so every outbound \
     request is denied; correct that value and restart"
)]
pub(crate) struct Malformed {
    entry: String,
    variables: String,
}

/// Checks the entries whose variables all have defaults, as Spin does before it starts.
pub(crate) fn check(
    templates: &[Template],
    defaults: &BTreeMap<String, String>,
) -> Result<(), InvalidHost> {
    let complete = |template: &&Template| template.variables().all(|v| defaults.contains_key(v));
    for template in templates.iter().filter(complete) {
        let host = template.resolve(defaults);
        if let Some(Err(reason)) = parse(template, &host) {
            return Err(InvalidHost { host, reason });
        }
    }
    Ok(())
}

impl AllowedHosts {
    /// Resolves and parses the entries. As on Spin, a value that makes an entry malformed does not
    /// prevent the start, but invalidates all entries.
    pub(crate) fn new(
        templates: &[Template],
        values: &BTreeMap<String, String>,
        components: &BTreeSet<String>,
    ) -> Self {
        let read = |template: &Template| {
            let pattern = parse(template, &template.resolve(values))?;
            Some(pattern.map_err(|_| Malformed::new(template)))
        };
        let patterns = templates.iter().filter_map(read).collect();
        Self { patterns, components: components.clone() }
    }

    /// Whether the component may send a request to this destination. `port` is that of the URL.
    pub(crate) fn allow(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let matches = |pattern: &Pattern| pattern.matches(scheme, host, port, &self.components);
        self.patterns.as_ref().is_ok_and(|patterns| patterns.iter().any(matches))
    }

    /// The malformed entry because of which all requests are denied, if any.
    pub(crate) fn malformed(&self) -> Option<&Malformed> {
        self.patterns.as_ref().err()
    }
}

impl Malformed {
    fn new(template: &Template) -> Self {
        let variables: Vec<_> = template.variables().map(|name| format!("`{name}`")).collect();
        Self { entry: template.to_string(), variables: variables.join(" and ") }
    }
}

/// Parses a resolved entry. Returns `None` if a variable makes it empty, so that a host can be
/// optional.
fn parse(template: &Template, host: &str) -> Option<Result<Pattern, String>> {
    let empty = matches!(host, "" | "http://" | "https://");
    if empty && !template.is_literal() { None } else { Some(Pattern::parse(host)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(entries: &[&str]) -> Vec<Template> {
        entries.iter().map(|entry| Template::parse(entry).unwrap()).collect()
    }

    fn values(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn hosts(entries: &[&str], variables: &[(&str, &str)]) -> AllowedHosts {
        AllowedHosts::new(&templates(entries), &values(variables), &BTreeSet::new())
    }

    #[test]
    fn nothing_is_allowed_without_an_entry() {
        assert!(!hosts(&[], &[]).allow("https", "api.example", None));
    }

    #[test]
    fn a_variable_may_name_the_host_and_its_port() {
        let hosts = hosts(&["https://{{ domain }}"], &[("domain", "127.0.0.1:4000")]);
        assert!(hosts.allow("https", "127.0.0.1", Some(4000)));
        assert!(!hosts.allow("https", "127.0.0.1", None));
        assert!(!hosts.allow("http", "127.0.0.1", Some(4000)));
    }

    #[test]
    fn an_entry_that_a_variable_makes_empty_is_ignored() {
        let entries = ["{{ optional }}", "https://{{ optional }}", "https://api.example"];
        let hosts = hosts(&entries, &[("optional", "")]);
        assert!(hosts.allow("https", "api.example", None));
        assert!(!hosts.allow("https", "", None));
        assert_eq!(check(&templates(&entries), &values(&[("optional", "")])), Ok(()));
    }

    #[test]
    fn an_entry_that_a_variable_makes_malformed_denies_everything() {
        let entries = ["https://{{ domain }}", "https://api.example"];
        let hosts = hosts(&entries, &[("domain", "not a host")]);
        assert!(!hosts.allow("https", "api.example", None));
        let text = hosts.malformed().unwrap().to_string();
        assert!(text.contains("\"https://{{ domain }}\""), "{text}");
        assert!(text.contains("the value of `domain`"), "{text}");
        assert!(!text.contains("not a host"), "{text}");
    }

    #[test]
    fn an_entry_that_is_invalid_in_the_manifest_is_an_error() {
        for entry in ["", "https://", "api.example"] {
            assert!(check(&templates(&[entry]), &values(&[])).is_err(), "{entry}");
        }
    }

    #[test]
    fn an_entry_is_checked_only_if_its_variables_have_defaults() {
        let templates = templates(&["https://{{ domain }}"]);
        let error = check(&templates, &values(&[("domain", "a.example/path")])).unwrap_err();
        assert_eq!(error.host, "https://a.example/path");
        assert!(error.to_string().contains("path"), "{error}");
        assert_eq!(check(&templates, &values(&[])), Ok(()));
    }
}
