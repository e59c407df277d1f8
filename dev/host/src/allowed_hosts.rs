//! `allowed_outbound_hosts`: where a component may send requests.

mod pattern;

use crate::template::Template;
use pattern::Pattern;
use std::collections::BTreeMap;

/// The destinations that the manifest grants to a component.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts(Vec<Pattern>);

/// An entry of `allowed_outbound_hosts` that can not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed_outbound_hosts: {host:?}: {reason}")]
pub struct InvalidHost {
    /// The entry, with its variables in place.
    pub host: String,
    /// What is wrong with it.
    pub reason: String,
}

impl AllowedHosts {
    /// Resolves and reads the entries. An entry that a variable makes empty is left out, so that a host can be optional.
    pub(crate) fn new(
        templates: &[Template],
        values: &BTreeMap<String, String>,
    ) -> Result<Self, InvalidHost> {
        let mut patterns = Vec::new();
        for template in templates {
            let host = template.resolve(values);
            let empty = matches!(host.as_str(), "" | "http://" | "https://");
            if empty && !template.is_literal() {
                continue;
            }
            match Pattern::parse(&host) {
                Ok(pattern) => patterns.push(pattern),
                Err(reason) => return Err(InvalidHost { host, reason }),
            }
        }
        Ok(Self(patterns))
    }

    /// Whether a request may go there. `port` is the one in the URL, if it has one.
    pub(crate) fn allow(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.0.iter().any(|pattern| pattern.matches(scheme, host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[&str], variables: &[(&str, &str)]) -> Result<AllowedHosts, InvalidHost> {
        let templates: Vec<_> = entries.iter().map(|e| Template::parse(e).unwrap()).collect();
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        AllowedHosts::new(&templates, &variables.iter().map(owned).collect())
    }

    #[test]
    fn nothing_is_allowed_without_an_entry() {
        assert!(!hosts(&[], &[]).unwrap().allow("https", "api.example", None));
    }

    #[test]
    fn a_variable_may_name_the_host_and_its_port() {
        let hosts = hosts(&["https://{{ domain }}"], &[("domain", "127.0.0.1:4000")]).unwrap();
        assert!(hosts.allow("https", "127.0.0.1", Some(4000)));
        assert!(!hosts.allow("https", "127.0.0.1", None));
        assert!(!hosts.allow("http", "127.0.0.1", Some(4000)));
    }

    #[test]
    fn an_entry_that_a_variable_makes_empty_is_left_out() {
        let entries = ["{{ optional }}", "https://{{ optional }}", "https://api.example"];
        let hosts = hosts(&entries, &[("optional", "")]).unwrap();
        assert!(hosts.allow("https", "api.example", None));
        assert!(!hosts.allow("https", "", None));
    }

    #[test]
    fn an_entry_that_is_empty_by_itself_is_an_error() {
        assert!(hosts(&[""], &[]).is_err());
        assert!(hosts(&["https://"], &[]).is_err());
    }

    #[test]
    fn an_error_shows_the_resolved_entry() {
        let error = hosts(&["https://{{ domain }}"], &[("domain", "a.example/path")]).unwrap_err();
        assert_eq!(error.host, "https://a.example/path");
        assert!(error.to_string().contains("path"), "{error}");
    }
}
