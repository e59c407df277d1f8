//! The variables of the server, as `cargo run` reads them.

use crate::{Error, env_file, workspace};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The defaults of variables that are origins or hosts: there is none.
const UNUSED: [&str; 2] = ["https://unused.invalid", "unused.invalid"];

/// The variables that hold secrets.
pub(crate) const SECRETS: [&str; 9] = [
    "auth0_client_secret",
    "auth0_client_private_key",
    "connect_client_secret",
    "introspection_client_secret",
    "management_client_secret",
    "revocation_secret",
    "revocation_secret_previous",
    "upstream_secrets",
    "server_secret",
];

/// The values of the variables. Not `Debug`, because some are secrets.
#[derive(Clone, Default)]
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
    /// Where they come from, for people.
    pub(crate) source: String,
    /// The file that they come from.
    pub(crate) file: Option<PathBuf>,
    /// Whether the file names an application without its secret or key, which is left out.
    pub(crate) lacks_credential: bool,
}

impl Variables {
    /// Reads a file, or else `.env` in the root folder, and the environment. `None` if neither
    /// describes a tenant.
    ///
    /// # Errors
    /// Returns an error if the file is invalid.
    pub(crate) fn at_hand(file: Option<&Path>) -> Result<Option<Self>, Error> {
        let usual = workspace::root().join(".env");
        let file: Option<PathBuf> =
            file.map(Path::to_owned).or_else(|| usual.is_file().then_some(usual));
        let mut values = doorward_host::variables_from_env();
        let mut lacks_credential = false;
        let source = match &file {
            Some(file) => {
                let tenant = env_file::read(file)?;
                lacks_credential = tenant.lacks_credential;
                let port = tenant.port;
                values.extend(tenant.variables);
                if let Some(port) = port {
                    let local = format!("http://127.0.0.1:{port}");
                    values.entry("public_url".to_owned()).or_insert(local);
                }
                file.display().to_string()
            }
            None if ["auth0_domain", "issuers"].iter().any(|it| values.contains_key(*it)) => {
                "the environment".to_owned()
            }
            None => return Ok(None),
        };
        Ok(Some(Self { file, lacks_credential, ..Self::new(values, source) }))
    }

    /// Adds the defaults of the manifest.
    pub(crate) fn new(values: BTreeMap<String, String>, source: String) -> Self {
        let mut all = defaults();
        all.extend(values);
        Self { values: all, source, file: None, lacks_credential: false }
    }

    /// Every value that is set, empty or not, by name.
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// A value; `None` if it is empty or unused.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name).map(|value| value.trim());
        value.filter(|value| !value.is_empty() && !UNUSED.contains(value))
    }

    /// Sets a value.
    #[cfg(test)]
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// The values that differ from others.
    #[cfg(test)]
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<(String, String)> {
        let all = self.values.clone().into_iter();
        all.filter(|(name, value)| before.values.get(name) != Some(value)).collect()
    }

    /// The words of a value.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        self.get(name).unwrap_or_default().split_ascii_whitespace().collect()
    }

    /// The audience of which clients are told: the first one.
    pub(crate) fn audience(&self) -> &str {
        self.words("auth0_audience").first().copied().unwrap_or_default()
    }

    /// The origin at which clients reach the server.
    pub(crate) fn public_url(&self) -> &str {
        self.get("public_url").unwrap_or_default().trim_end_matches('/')
    }

    /// Whether the server is on this machine only.
    pub(crate) fn is_loopback(&self) -> bool {
        let url = self.public_url();
        ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|start| {
            url.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    }

    /// The tenant under its own name, which may differ from a custom domain.
    pub(crate) fn tenant_origin(&self) -> String {
        match self.get("management_url") {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => crate::management::origin(self.get("auth0_domain").unwrap_or_default()),
        }
    }

    /// The identifier of the Management API.
    pub(crate) fn management_audience(&self) -> String {
        let own = || format!("{}/api/v2/", self.tenant_origin());
        self.get("management_audience").map_or_else(own, str::to_owned)
    }

    /// The scopes of the Management API that the server needs.
    pub(crate) fn management_scopes(&self) -> Vec<&'static str> {
        let is = |name: &str, value: &str| self.get(name) == Some(value);
        let asks = !is("permission_source", "token");
        let effective = is("effective_permissions", "true");
        let mut scopes = Vec::new();
        if asks {
            scopes.push("read:resource_servers");
        }
        if asks && effective {
            scopes.push("read:user_effective_permissions");
        }
        if (asks && !effective) || is("check_blocked", "true") {
            scopes.push("read:users");
        }
        if self.get("allowed_organizations").is_some() {
            scopes.extend(self.organization_scopes());
        }
        scopes
    }

    /// The scopes with which the server reads what members hold in their organization.
    pub(crate) fn organization_scopes(&self) -> Vec<&'static str> {
        match (self.get("permission_source"), self.get("effective_organization_roles")) {
            (Some("token"), _) => Vec::new(),
            (_, Some("false")) => vec!["read:organization_member_roles", "read:roles"],
            _ => vec!["read:organization_member_effective_roles", "read:roles"],
        }
    }

    /// The secrets, which must not be printed.
    pub(crate) fn secrets(&self) -> Vec<String> {
        SECRETS.iter().filter_map(|name| self.get(name)).map(str::to_owned).collect()
    }
}

/// The defaults of the manifest.
pub(crate) fn defaults() -> BTreeMap<String, String> {
    let manifest = fs::read_to_string(workspace::manifest()).unwrap_or_default();
    let table: Table = manifest.parse().unwrap_or_default();
    let variables = table.get("variables").and_then(Value::as_table);
    variables
        .into_iter()
        .flatten()
        .filter_map(|(name, entry)| {
            Some((name.clone(), entry.get("default")?.as_str()?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_variable_that_is_not_set_has_the_manifests_default() {
        let values = BTreeMap::from([("auth0_domain".to_owned(), "t.example".to_owned())]);
        let variables = Variables::new(values, String::new());
        assert_eq!(variables.public_url(), "http://127.0.0.1:3000");
        assert!(variables.is_loopback());
        assert_eq!(variables.get("management_url"), None, "the default means unused");
        assert_eq!(variables.tenant_origin(), "https://t.example");
        assert_eq!(variables.management_audience(), "https://t.example/api/v2/");
        assert_eq!(variables.words("token_algorithms"), ["RS256"]);
    }

    /// The manifest is compared with the declarations by `tests/documents.rs`.
    #[test]
    fn the_secrets_are_those_of_the_manifest() {
        let manifest = fs::read_to_string(workspace::manifest()).expect("it can be read");
        let manifest: Table = manifest.parse().expect("it is TOML");
        let variables = manifest["variables"].as_table().expect("a table");
        let is_secret = |entry: &Value| entry.get("secret").and_then(Value::as_bool) == Some(true);
        let declared = variables.iter().filter(|(_, entry)| is_secret(entry));
        let declared: BTreeSet<&str> = declared.map(|(name, _)| name.as_str()).collect();
        assert_eq!(BTreeSet::from(SECRETS), declared);
    }

    #[test]
    fn the_scopes_are_those_of_the_questions_that_the_server_asks() {
        let (apis, users, roles) = ("read:resource_servers", "read:users", "read:roles");
        let effective = "read:user_effective_permissions";
        let (of_groups, assigned) =
            ("read:organization_member_effective_roles", "read:organization_member_roles");
        let organizations = ("allowed_organizations", "acme");
        for (values, expected) in [
            (vec![], vec![apis, users]),
            (vec![("effective_permissions", "true")], vec![apis, effective]),
            (
                vec![("effective_permissions", "true"), ("check_blocked", "true")],
                vec![apis, effective, users],
            ),
            (vec![("permission_source", "token")], vec![]),
            (vec![("permission_source", "token"), ("check_blocked", "true")], vec![users]),
            (vec![("permission_source", "token"), organizations], vec![]),
            (vec![organizations], vec![apis, users, of_groups, roles]),
            (
                vec![organizations, ("effective_organization_roles", "false")],
                vec![apis, users, assigned, roles],
            ),
        ] {
            let mut variables = Variables::new(BTreeMap::new(), String::new());
            values.iter().for_each(|(name, value)| variables.set(name, value));
            assert_eq!(variables.management_scopes(), expected, "{values:?}");
        }
    }
}
