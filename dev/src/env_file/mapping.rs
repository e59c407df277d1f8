//! Maps the names in an environment file to Spin variables.

use std::collections::BTreeMap;

/// The prefix of Spin's own environment variables.
const SPIN: &str = "SPIN_VARIABLE_";

/// The settings of a real tenant. Not `Debug`, because it holds a secret.
pub(crate) struct RealTenant {
    /// Values for the manifest's variables, by name.
    pub variables: BTreeMap<String, String>,
    /// The port for the server to listen on.
    pub port: Option<u16>,
}

/// A variable of the manifest and its long and short names in environment files.
struct Mapping {
    variable: &'static str,
    names: &'static [&'static str],
    required: bool,
}

const MAPPINGS: [Mapping; 8] = [
    Mapping { variable: "auth0_domain", names: &["AUTH0_DOMAIN", "DOMAIN"], required: true },
    Mapping { variable: "auth0_audience", names: &["AUTH0_AUDIENCE", "AUDIENCE"], required: true },
    Mapping {
        variable: "auth0_client_id",
        names: &["AUTH0_CLIENT_ID", "CLIENT_ID"],
        required: true,
    },
    Mapping { variable: SECRET, names: &["AUTH0_CLIENT_SECRET", "CLIENT_SECRET"], required: true },
    Mapping {
        variable: KEY,
        names: &["AUTH0_CLIENT_ASSERTION_SIGNING_KEY", "CLIENT_ASSERTION_SIGNING_KEY"],
        required: false,
    },
    Mapping {
        variable: "auth0_client_private_key_algorithm",
        names: &["AUTH0_CLIENT_ASSERTION_SIGNING_ALG", "CLIENT_ASSERTION_SIGNING_ALG"],
        required: false,
    },
    Mapping { variable: "public_url", names: &["MCP_SERVER_URL", "BASE_URL"], required: false },
    Mapping { variable: "scopes_supported", names: &["SCOPES"], required: false },
];

/// The secret of a client that authenticates without a private key.
const SECRET: &str = "auth0_client_secret";

/// The private key of a client. A client with a key needs no secret.
const KEY: &str = "auth0_client_private_key";

impl RealTenant {
    /// Reads the entries of an environment file. An empty value counts as missing.
    ///
    /// # Errors
    /// Returns the names of all entries that are missing, invalid or in conflict, without values.
    pub(super) fn from_entries(entries: &BTreeMap<String, String>) -> Result<Self, String> {
        let given = |name: &str| {
            entries.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
        };
        let mut variables: BTreeMap<String, String> = entries
            .iter()
            .filter_map(|(name, value)| {
                Some((name.strip_prefix(SPIN)?.to_lowercase(), value.trim().to_owned()))
            })
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let (mut problems, mut missing) = (Vec::new(), Vec::new());
        for Mapping { variable, names, required } in MAPPINGS {
            let spin = format!("{SPIN}{}", variable.to_uppercase());
            let found: Vec<(&str, String)> = names
                .iter()
                .copied()
                .chain([spin.as_str()])
                .filter_map(|name| Some((name, normalize(variable, given(name)?))))
                .collect();
            if let Some((first, value)) = found.first() {
                if let Some((other, _)) = found.iter().find(|(_, other)| other != value) {
                    problems.push(format!("{first} and {other} have different values; remove one"));
                }
                variables.insert(variable.to_owned(), value.clone());
            } else if required {
                let mut problem = format!("{} is missing (or {spin})", names.join(" or "));
                if variable == SECRET {
                    problem
                        .push_str(", or else a private key in AUTH0_CLIENT_ASSERTION_SIGNING_KEY");
                }
                missing.push((variable, problem));
            }
        }
        missing.retain(|(variable, _)| *variable != SECRET || !variables.contains_key(KEY));
        problems.extend(missing.into_iter().map(|(_, problem)| problem));
        let port = given("PORT").map(str::parse).transpose().unwrap_or_else(|_| {
            problems.push("PORT is not a valid port number".to_owned());
            None
        });
        if problems.is_empty() { Ok(Self { variables, port }) } else { Err(problems.join("\n  ")) }
    }
}

/// Converts a value to the form of the manifest's variable: a domain may be written as a URL, and
/// the public URL with the path of the MCP endpoint.
fn normalize(variable: &str, value: &str) -> String {
    match variable {
        "auth0_domain" => {
            value.strip_prefix("https://").unwrap_or(value).trim_end_matches('/').to_owned()
        }
        "public_url" => {
            let value = value.trim_end_matches('/');
            value.strip_suffix("/mcp").unwrap_or(value).to_owned()
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, &str)]) -> Result<RealTenant, String> {
        RealTenant::from_entries(
            &entries
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn problem(entries: &[(&str, &str)]) -> String {
        read(entries).err().expect("the entries are refused")
    }

    const LONG: [(&str, &str); 4] = [
        ("AUTH0_DOMAIN", "tenant.example"),
        ("AUTH0_AUDIENCE", "https://mcp.example/mcp"),
        ("AUTH0_CLIENT_ID", "id"),
        ("AUTH0_CLIENT_SECRET", "hunter2"),
    ];

    const SHORT: [(&str, &str); 4] = [
        ("DOMAIN", "tenant.example"),
        ("AUDIENCE", "https://mcp.example/mcp"),
        ("CLIENT_ID", "id"),
        ("CLIENT_SECRET", "hunter2"),
    ];

    #[test]
    fn long_and_short_names_give_the_same_variables() {
        let long = read(
            &[&LONG[..], &[("MCP_SERVER_URL", "https://mcp.example"), ("PORT", "3001")]].concat(),
        );
        let short =
            read(&[&SHORT[..], &[("BASE_URL", "https://mcp.example"), ("PORT", "3001")]].concat());
        let (long, short) =
            (long.expect("the long names are read"), short.expect("the short names are read"));
        assert_eq!(long.variables, short.variables);
        assert_eq!((long.port, short.port), (Some(3001), Some(3001)));
        assert_eq!(long.variables["auth0_domain"], "tenant.example");
        assert_eq!(long.variables["auth0_audience"], "https://mcp.example/mcp");
        assert_eq!(long.variables["auth0_client_id"], "id");
        assert_eq!(long.variables["auth0_client_secret"], "hunter2");
        assert_eq!(long.variables["public_url"], "https://mcp.example");
    }

    #[test]
    fn spins_own_names_are_read_for_every_variable() {
        let entries = [
            &SHORT[..3],
            &[("SPIN_VARIABLE_AUTH0_CLIENT_SECRET", "hunter2"), ("SPIN_VARIABLE_ANY_OTHER", "1")],
        ];
        let tenant = read(&entries.concat()).expect("the names are read");
        assert_eq!(tenant.variables["auth0_client_secret"], "hunter2");
        assert_eq!(tenant.variables["any_other"], "1");
    }

    #[test]
    fn scopes_are_passed_on_unchanged() {
        let tenant = read(&[&SHORT[..], &[("SCOPES", "tool:greet tool:whoami")]].concat())
            .expect("the names are read");
        assert_eq!(tenant.variables["scopes_supported"], "tool:greet tool:whoami");
    }

    #[test]
    fn each_missing_entry_is_reported_with_both_names() {
        let problem = problem(&[("AUTH0_DOMAIN", "tenant.example"), ("CLIENT_ID", "")]);
        assert!(!problem.contains("DOMAIN"), "{problem}");
        for names in [
            "AUTH0_AUDIENCE or AUDIENCE",
            "AUTH0_CLIENT_ID or CLIENT_ID",
            "AUTH0_CLIENT_SECRET or CLIENT_SECRET",
        ] {
            assert!(problem.contains(&format!("{names} is missing")), "{problem}");
        }
        let key = "or else a private key in AUTH0_CLIENT_ASSERTION_SIGNING_KEY";
        assert_eq!(problem.matches(key).count(), 1, "{problem}");
    }

    #[test]
    fn a_signing_key_replaces_the_secret() {
        let pem = "-----BEGIN PRIVATE KEY-----";
        for name in [
            "AUTH0_CLIENT_ASSERTION_SIGNING_KEY",
            "CLIENT_ASSERTION_SIGNING_KEY",
            "SPIN_VARIABLE_AUTH0_CLIENT_PRIVATE_KEY",
        ] {
            let entries =
                [&LONG[..3], &[(name, pem), ("AUTH0_CLIENT_ASSERTION_SIGNING_ALG", "ES256")]];
            let tenant = read(&entries.concat()).expect("no secret is needed");
            assert_eq!(tenant.variables["auth0_client_private_key"], pem);
            assert_eq!(tenant.variables["auth0_client_private_key_algorithm"], "ES256");
            assert!(!tenant.variables.contains_key("auth0_client_secret"));
        }
    }

    #[test]
    fn two_names_with_different_values_are_refused_without_showing_them() {
        let problem = problem(&[&LONG[..], &[("CLIENT_SECRET", "hunter3")]].concat());
        assert_eq!(
            problem,
            "AUTH0_CLIENT_SECRET and CLIENT_SECRET have different values; remove one"
        );
        assert!(
            read(&[&LONG[..], &SHORT[..]].concat()).is_ok(),
            "the same value twice is not a conflict"
        );
    }

    #[test]
    fn a_domain_written_as_a_url_and_a_server_url_with_its_path_are_accepted() {
        let entries = [
            &LONG[1..],
            &[("DOMAIN", "https://tenant.example/"), ("BASE_URL", "https://mcp.example/mcp/")],
        ];
        let tenant = read(&entries.concat()).expect("the names are read");
        assert_eq!(tenant.variables["auth0_domain"], "tenant.example");
        assert_eq!(tenant.variables["public_url"], "https://mcp.example");
    }

    #[test]
    fn an_invalid_port_is_refused() {
        assert_eq!(
            problem(&[&LONG[..], &[("PORT", "many")]].concat()),
            "PORT is not a valid port number"
        );
    }
}
