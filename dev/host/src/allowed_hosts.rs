//! `allowed_outbound_hosts`: where a component may send requests.

mod pattern;

use crate::template::Template;
use pattern::Pattern;
use std::collections::BTreeMap;

/// The destinations that the manifest grants to a component; none at all when an entry is malformed.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts(Result<Vec<Pattern>, Malformed>);

/// An entry of `allowed_outbound_hosts` that can not be understood as the manifest has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed_outbound_hosts: {host:?}: {reason}")]
pub struct InvalidHost {
    /// The entry, with the defaults of its variables in place.
    pub host: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An entry that a supplied value makes malformed. It does not carry the value, which may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowed_outbound_hosts: {entry:?} is no valid entry with the value of {variables}, so every outbound request is denied"
)]
pub(crate) struct Malformed {
    entry: String,
    variables: String,
}

/// Checks what Spin checks before it starts: the entries that are complete with the defaults of their variables.
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
    /// Resolves and reads the entries. As on Spin, a value that makes one malformed does not keep the component from
    /// starting, but it takes all the others away with it.
    pub(crate) fn new(templates: &[Template], values: &BTreeMap<String, String>) -> Self {
        let read = |template: &Template| {
            let pattern = parse(template, &template.resolve(values))?;
            Some(pattern.map_err(|_| Malformed::new(template)))
        };
        Self(templates.iter().filter_map(read).collect())
    }

    /// Whether a request may go there. `port` is the one in the URL, if it has one.
    pub(crate) fn allow(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let matches = |pattern: &Pattern| pattern.matches(scheme, host, port);
        self.0.as_ref().is_ok_and(|patterns| patterns.iter().any(matches))
    }

    /// The entry that takes all permissions away, if there is one.
    pub(crate) fn malformed(&self) -> Option<&Malformed> {
        self.0.as_ref().err()
    }
}

impl Malformed {
    fn new(template: &Template) -> Self {
        let variables: Vec<_> = template.variables().map(|name| format!("`{name}`")).collect();
        Self { entry: template.to_string(), variables: variables.join(" and ") }
    }
}

/// Reads an entry with its variables in place. One that a variable makes empty is none, so that a host can be optional.
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
        AllowedHosts::new(&templates(entries), &values(variables))
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
    fn an_entry_that_a_variable_makes_empty_is_left_out() {
        let entries = ["{{ optional }}", "https://{{ optional }}", "https://api.example"];
        let hosts = hosts(&entries, &[("optional", "")]);
        assert!(hosts.allow("https", "api.example", None));
        assert!(!hosts.allow("https", "", None));
        assert_eq!(check(&templates(&entries), &values(&[("optional", "")])), Ok(()));
    }

    #[test]
    fn an_entry_that_a_variable_makes_malformed_takes_all_others_away() {
        let entries = ["https://{{ domain }}", "https://api.example"];
        let hosts = hosts(&entries, &[("domain", "not a host")]);
        assert!(!hosts.allow("https", "api.example", None));
        let text = hosts.malformed().unwrap().to_string();
        assert!(text.contains("\"https://{{ domain }}\""), "{text}");
        assert!(text.contains("the value of `domain`"), "{text}");
        assert!(!text.contains("not a host"), "{text}");
    }

    #[test]
    fn an_entry_that_is_malformed_by_itself_is_an_error() {
        for entry in ["", "https://", "api.example"] {
            assert!(check(&templates(&[entry]), &values(&[])).is_err(), "{entry}");
        }
    }

    #[test]
    fn an_entry_is_checked_with_defaults_and_left_alone_without_them() {
        let templates = templates(&["https://{{ domain }}"]);
        let error = check(&templates, &values(&[("domain", "a.example/path")])).unwrap_err();
        assert_eq!(error.host, "https://a.example/path");
        assert!(error.to_string().contains("path"), "{error}");
        assert_eq!(check(&templates, &values(&[])), Ok(()));
    }
}
