//! Maps the names in an environment file to Spin variables.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::BTreeMap;

/// The prefix of Spin's own environment variables.
const SPIN: &str = "SPIN_VARIABLE_";

/// The settings of a real tenant. Not `Debug`, because it holds a secret.
pub(crate) struct RealTenant {
    /// Values for the manifest's variables, by name.
    pub variables: BTreeMap<String, String>,
    /// The port for the server to listen on.
    pub port: Option<u16>,
    /// Whether there is no secret, so that the token alone decides.
    pub only_verifies: bool,
    /// Whether there is an application all the same, which is left out.
    pub lacks_credential: bool,
}

/// A variable of the manifest and its long and short names in environment files.
struct Mapping {
    variable: &'static str,
    names: &'static [&'static str],
    required: bool,
}

const MAPPINGS: [Mapping; 13] = [
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
    Mapping {
        variable: "auth0_client_private_key_id",
        names: &["AUTH0_CLIENT_ASSERTION_SIGNING_KEY_ID", "CLIENT_ASSERTION_SIGNING_KEY_ID"],
        required: false,
    },
    Mapping {
        variable: "connect_client_id",
        names: &["AUTH0_CONNECT_CLIENT_ID", "CONNECT_CLIENT_ID"],
        required: false,
    },
    Mapping {
        variable: "connect_client_secret",
        names: &["AUTH0_CONNECT_CLIENT_SECRET", "CONNECT_CLIENT_SECRET"],
        required: false,
    },
    Mapping { variable: "revocation_secret", names: &["REVOCATION_SECRET"], required: false },
    Mapping {
        variable: "openai_apps_challenge",
        names: &["OPENAI_APPS_VERIFICATION_TOKEN"],
        required: false,
    },
];

/// The secret of a client that authenticates without a private key.
const SECRET: &str = "auth0_client_secret";

/// The private key of a client. A client with a key needs no secret.
const KEY: &str = "auth0_client_private_key";

/// What the guides write where a value of the reader belongs.
const PLACEHOLDER: &str = "…";

impl RealTenant {
    /// Reads the entries of an environment file. An empty value counts as missing.
    ///
    /// # Errors
    /// Returns the names of all entries that are missing, invalid or in conflict, without values.
    pub(super) fn from_entries(entries: &BTreeMap<String, String>) -> Result<Self, String> {
        Self::with_required(entries, |mapping| mapping.required)
    }

    /// The same for a deployment, whose URL may not be known yet, and whose secrets may be set in
    /// another way.
    ///
    /// # Errors
    /// As [`from_entries`](Self::from_entries).
    pub(super) fn for_deployment(entries: &BTreeMap<String, String>) -> Result<Self, String> {
        Self::with_required(entries, |mapping| {
            matches!(mapping.variable, "auth0_domain" | "auth0_client_id")
        })
    }

    fn with_required(
        entries: &BTreeMap<String, String>,
        is_required: impl Fn(&Mapping) -> bool,
    ) -> Result<Self, String> {
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
        for mapping in MAPPINGS {
            let required = is_required(&mapping);
            let Mapping { variable, names, .. } = mapping;
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
        let placeholders = variables.iter().filter(|(_, value)| *value == PLACEHOLDER);
        problems.extend(placeholders.map(|(name, _)| {
            format!("`{name}` still has the placeholder `{PLACEHOLDER}`; replace it")
        }));
        missing.retain(|(variable, _)| *variable != SECRET || !variables.contains_key(KEY));
        // Servers that only verify tokens have a tenant, or another issuer, and an audience, and
        // perhaps a client's id.
        let has_issuers = variables.contains_key("issuers");
        missing.retain(|(variable, _)| *variable != "auth0_domain" || !has_issuers);
        let only_verifies =
            missing.iter().all(|(variable, _)| ["auth0_client_id", SECRET].contains(variable))
                && missing.iter().any(|(variable, _)| *variable == SECRET);
        let mut lacks_credential = false;
        if only_verifies {
            missing.clear();
            // An id without a secret is of no use to a server.
            lacks_credential = variables.remove("auth0_client_id").is_some();
            for (name, value) in without_client() {
                variables.entry(name).or_insert(value);
            }
        }
        if let Some(domain) = variables.get("auth0_domain").filter(|domain| is_local(domain)) {
            let origin = format!("http://{domain}");
            for name in ["local_tenant_url", "google_api_url"] {
                variables.entry(name.to_owned()).or_insert_with(|| origin.clone());
            }
        }
        problems.extend(missing.into_iter().map(|(_, problem)| problem));
        let port = given("PORT").map(str::parse).transpose().unwrap_or_else(|_| {
            problems.push("PORT is not a valid port number".to_owned());
            None
        });
        match problems.is_empty() {
            true => Ok(Self { variables, port, only_verifies, lacks_credential }),
            false => Err(problems.join("\n  ")),
        }
    }
}

/// The variables of a server without a client: the token alone decides. The secret is new with each
/// start, unless the file has one.
fn without_client() -> Vec<(String, String)> {
    let mut bytes = [0; 32];
    // Without randomness the secret stays empty, and the server refuses to start.
    let secret = getrandom::fill(&mut bytes).map(|()| URL_SAFE_NO_PAD.encode(bytes));
    let values =
        [("server_secret", secret.unwrap_or_default()), ("permission_source", "token".to_owned())];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Whether a domain is that of a local tenant: loopback, with a port.
fn is_local(domain: &str) -> bool {
    ["127.0.0.1:", "localhost:", "[::1]:"].iter().any(|start| domain.starts_with(start))
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
    fn the_files_of_the_servers_that_this_one_grew_from_are_read() {
        let xmcp = "AUTH0_DOMAIN=t.us.auth0.com\nAUTH0_AUDIENCE=http://localhost:3001/mcp\n\
                    AUTH0_CLIENT_ID=id\nAUTH0_CLIENT_SECRET=secret\nPORT=3001\n\
                    MCP_SERVER_URL=http://localhost:3001\n";
        let plugin = "DOMAIN=t.us.auth0.com\nAUDIENCE=http://localhost:3001/\nCLIENT_ID=id\n\
                      CLIENT_SECRET=secret\nBASE_URL=http://localhost:3001/\nSCOPES=openid profile\n";
        let key = "AUTH0_DOMAIN=t.us.auth0.com\nAUTH0_AUDIENCE=http://localhost:3001/mcp\n\
                   AUTH0_CLIENT_ID=id\nAUTH0_CLIENT_ASSERTION_SIGNING_ALG=RS256\n\
                   AUTH0_CLIENT_ASSERTION_SIGNING_KEY=-----BEGIN PRIVATE KEY-----\\n…\n\
                   MCP_SERVER_URL=http://localhost:3001\n";
        let pmcp = "AUTH0_DOMAIN=t.us.auth0.com\nAUTH0_AUDIENCE=https://mcp.example.com\n\
                    AUTH0_CLIENT_ID=id\nMCP_SERVER_URL=http://localhost:3001\n";
        let fastmcp = "# Auth0 tenant domain\nAUTH0_DOMAIN=t.us.auth0.com\n\n\
                       AUTH0_AUDIENCE=http://localhost:3001/\nMCP_SERVER_URL=http://localhost:3001\n";
        for (text, source) in [
            (xmcp, None),
            (key, None),
            (plugin, None),
            (fastmcp, Some("token")),
            (pmcp, Some("token")),
        ] {
            let entries = crate::env_file::syntax::parse(text).expect("it is valid");
            let tenant = RealTenant::from_entries(&entries).map_err(|error| panic!("{error}"));
            let variables = tenant.expect("it is complete").variables;
            assert_eq!(variables["auth0_domain"], "t.us.auth0.com");
            assert_eq!(variables["public_url"], "http://localhost:3001");
            assert_eq!(variables.get("permission_source").map(String::as_str), source);
            let credentials = ["auth0_client_secret", "auth0_client_private_key", "server_secret"];
            assert!(credentials.iter().any(|name| variables.contains_key(*name)), "{text}");
        }
    }

    #[test]
    fn the_token_of_openai_has_the_name_that_xmcp_gives_it() {
        let entries = [&LONG[..], &[("OPENAI_APPS_VERIFICATION_TOKEN", "token")]].concat();
        let variables = read(&entries).expect("it is complete").variables;
        assert_eq!(variables["openai_apps_challenge"], "token");
    }

    #[test]
    fn without_a_secret_the_token_alone_decides() {
        for (entries, has_id) in [(&LONG[..2], false), (&LONG[..3], true)] {
            let tenant = read(entries).expect("the server can verify tokens");
            assert!(tenant.only_verifies);
            assert_eq!(tenant.lacks_credential, has_id);
            assert_eq!(tenant.variables["permission_source"], "token");
        }
        assert!(!read(&LONG).expect("it is complete").only_verifies);
        assert!(problem(&[LONG[0], LONG[2]]).contains("AUDIENCE is missing"));
    }

    #[test]
    fn a_file_without_a_tenant_names_another_issuer() {
        let issuer = ("SPIN_VARIABLE_ISSUERS", r#"[{"issuer":"https://login.example/"}]"#);
        let own = ("SPIN_VARIABLE_SERVER_SECRET", "own");
        for (entries, secret) in
            [(&[LONG[1], issuer][..], None), (&[LONG[1], issuer, own], Some("own"))]
        {
            let variables = read(entries).expect("no tenant is needed").variables;
            assert_eq!(variables["permission_source"], "token");
            assert!(!variables.contains_key("auth0_domain"));
            assert!(secret.is_none_or(|secret| variables["server_secret"] == secret));
            assert!(variables["server_secret"].len() >= 3);
        }
        assert!(problem(&[LONG[1]]).contains("AUTH0_DOMAIN or DOMAIN is missing"));
    }

    #[test]
    fn the_connect_page_and_the_log_stream_have_names_as_well() {
        let entries = [
            &LONG[..],
            &[("AUTH0_CONNECT_CLIENT_ID", "c"), ("AUTH0_CONNECT_CLIENT_SECRET", "s")],
            &[("REVOCATION_SECRET", "r")],
        ];
        let variables = read(&entries.concat()).expect("the names are read").variables;
        let names = ["connect_client_id", "connect_client_secret", "revocation_secret"];
        assert_eq!(names.map(|name| variables[name].as_str()), ["c", "s", "r"]);
    }

    #[test]
    fn a_local_tenant_is_reached_over_plain_http() {
        let entries = [&LONG[1..], &[("AUTH0_DOMAIN", "127.0.0.1:4000")]];
        let variables = read(&entries.concat()).expect("the names are read").variables;
        assert_eq!(variables["local_tenant_url"], "http://127.0.0.1:4000");
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
