//! Breaks one thing at a time of a server, and sees which check says so.

use super::*;
use crate::check::outcome::Verdict;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

#[test]
fn an_http_date_is_read() {
    assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    assert_eq!(http_date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    assert_eq!(http_date("yesterday"), None);
}

#[test]
fn a_url_without_a_path_is_that_of_a_doorward() {
    assert_eq!(endpoint("https://mcp.example.com"), "https://mcp.example.com/mcp");
    assert_eq!(endpoint("https://mcp.example.com/"), "https://mcp.example.com/");
    assert_eq!(endpoint("https://mcp.example.com/api"), "https://mcp.example.com/api");
    assert_eq!(endpoint("nonsense"), "nonsense");
}

/// A request, with the names of its headers in lower case.
struct Asked {
    method: String,
    path: String,
    headers: String,
}

/// What the server answers.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A server that a test can break.
struct Site {
    origin: String,
    /// The status of a call without a token.
    status: u16,
    challenge: Option<String>,
    bad_token: Option<String>,
    bad_token_status: u16,
    resource: Value,
    /// The suffixes of the well-known path at which the metadata is.
    resource_at: &'static [&'static str],
    authorization_server: Value,
    keys: Value,
    cors: Vec<(&'static str, String)>,
    preflight: u16,
    date: String,
    get: u16,
    modern: u16,
}

const NOW: &str = "now";

impl Site {
    fn new(origin: &str) -> Self {
        let metadata = format!("{origin}/.well-known/oauth-protected-resource/mcp");
        let issuer = format!("{origin}/");
        Self {
            origin: origin.to_owned(),
            status: 401,
            challenge: Some(format!("Bearer scope=\"a b\", resource_metadata=\"{metadata}\"")),
            bad_token: Some(format!(
                "Bearer error=\"invalid_token\", resource_metadata=\"{metadata}\""
            )),
            bad_token_status: 401,
            resource: json!({
                "resource": format!("{origin}/mcp"),
                "authorization_servers": [issuer],
                "scopes_supported": ["a", "b"],
                "dpop_signing_alg_values_supported": ["ES256"],
            }),
            resource_at: &["", "/mcp"],
            authorization_server: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{origin}/authorize"),
                "token_endpoint": format!("{origin}/token"),
                "jwks_uri": format!("{origin}/keys"),
                "registration_endpoint": format!("{origin}/register"),
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            keys: json!({"keys": [{"kty": "RSA"}]}),
            cors: vec![
                ("access-control-allow-origin", "*".to_owned()),
                (
                    "access-control-allow-headers",
                    "Authorization, Content-Type, MCP-Protocol-Version".to_owned(),
                ),
                ("access-control-expose-headers", "WWW-Authenticate".to_owned()),
            ],
            preflight: 204,
            date: NOW.to_owned(),
            get: 405,
            modern: 401,
        }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let mut answer = match (asked.method.as_str(), asked.path.as_str()) {
            ("OPTIONS", _) => Answer::json(self.preflight, &json!({})),
            ("POST", "/mcp") => self.call(asked),
            ("GET", "/mcp") => Answer::json(self.get, &json!({})),
            ("GET", path) if path.starts_with("/.well-known/oauth-protected-resource") => {
                let suffix = path.trim_start_matches("/.well-known/oauth-protected-resource");
                match self.resource_at.contains(&suffix) {
                    true => Answer::json(200, &self.resource),
                    false => Answer::json(404, &json!({})),
                }
            }
            (
                "GET",
                "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration",
            ) => Answer::json(200, &self.authorization_server),
            ("GET", "/keys") => Answer::json(200, &self.keys),
            _ => Answer::json(404, &json!({})),
        };
        // A server that answers no preflights says nothing about CORS there.
        if asked.method != "OPTIONS" || self.preflight != 405 {
            answer.headers.extend(self.cors.iter().cloned());
        }
        answer
    }

    fn call(&self, asked: &Asked) -> Answer {
        if asked.headers.contains("authorization: bearer") {
            let answer = Answer::json(self.bad_token_status, &json!({}));
            return match &self.bad_token {
                Some(challenge) => answer.with("www-authenticate", challenge),
                None => answer,
            };
        }
        let modern = asked.headers.contains("mcp-protocol-version: 2026-07-28");
        let status = if modern { self.modern } else { self.status };
        let answer = Answer::json(status, &json!({}));
        match &self.challenge {
            Some(challenge) => answer.with("www-authenticate", challenge),
            None => answer,
        }
    }
}

async fn serve(mut stream: TcpStream, site: Arc<Mutex<Site>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut stream);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
        headers.push_str(&line);
        headers.push('\n');
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    let (answer, date) = {
        let site = site.lock().expect("no test panicked");
        (site.answer(&Asked { method, path, headers }), site.date.clone())
    };
    let mut text = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if date != NOW {
        text.push_str(&format!("date: {date}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{}", answer.body.len(), answer.body));
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Starts a server, breaks it, and checks it.
async fn outcomes(broken: impl FnOnce(&mut Site), page: Option<&str>) -> Vec<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let origin = format!("http://{}", listener.local_addr().expect("its address"));
    let mut site = Site::new(&origin);
    broken(&mut site);
    let site = Arc::new(Mutex::new(site));
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, site.clone()));
        }
    });
    let http = Http::new().expect("a client");
    let url = format!("{origin}/mcp");
    let all =
        probe(&http, &Probe { url, page: page.map(str::to_owned), token: None }).await.outcomes;
    serving.abort();
    all
}

fn found(outcomes: &[Outcome]) -> Vec<&'static str> {
    let wrong = |one: &&Outcome| !matches!(one.verdict, Verdict::Passed(_) | Verdict::Note(_));
    outcomes.iter().filter(wrong).map(|one| one.id).collect()
}

#[tokio::test]
async fn a_healthy_server_is_all_green() {
    let outcomes = outcomes(|_| {}, Some("http://localhost:6274")).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    assert!(outcomes.len() > 20, "{}", outcomes.len());
}

/// An operator may register all clients, so nothing is wrong.
#[tokio::test]
async fn an_authorization_server_that_accepts_only_registered_clients_is_a_note() {
    let closed = |site: &mut Site| site.authorization_server["registration_endpoint"] = Value::Null;
    let outcomes = outcomes(closed, Some("http://localhost:6274")).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    let note = outcomes.iter().find(|one| one.id == "as.registration").expect("it is there");
    assert!(matches!(&note.verdict, Verdict::Note(text) if text.contains("documents")), "{note:?}");
}

type Break = fn(&mut Site);

fn set(list: &mut Vec<(&'static str, String)>, name: &'static str, value: &str) {
    list.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        list.push((name, value.to_owned()));
    }
}

/// Each thing that is broken, and the check that names it.
const BROKEN: &[(&str, &str, Break)] = &[
    ("challenge", "a server without a door", |site| site.status = 200),
    ("challenge", "a redirect", |site| site.status = 307),
    ("challenge", "no endpoint", |site| site.status = 404),
    ("challenge", "a server that does not serve", |site| site.status = 503),
    ("challenge", "403 instead of 401", |site| site.status = 403),
    ("challenge", "no challenge", |site| site.challenge = None),
    ("challenge", "another scheme", |site| site.challenge = Some("Basic realm=\"a\"".to_owned())),
    ("challenge", "an error without a token", |site| {
        let text = site.challenge.take().unwrap_or_default();
        site.challenge = Some(format!("{text}, error=\"invalid_token\""));
    }),
    ("challenge.resource_metadata", "no resource_metadata", |site| {
        site.challenge = Some("Bearer scope=\"a\"".to_owned());
    }),
    ("challenge.resource_metadata", "a relative resource_metadata", |site| {
        site.challenge =
            Some("Bearer resource_metadata=\"/.well-known/oauth-protected-resource\"".to_owned());
    }),
    ("challenge.resource_metadata", "metadata of another origin", |site| {
        site.challenge = Some("Bearer resource_metadata=\"http://127.0.0.1:9/x\"".to_owned());
    }),
    ("challenge.bad_token", "no challenge for a bad token", |site| site.bad_token = None),
    ("challenge.bad_token", "no metadata for a bad token", |site| {
        site.bad_token = Some("Bearer error=\"invalid_token\"".to_owned());
    }),
    ("challenge.get", "an error for a GET", |site| site.get = 500),
    ("metadata.path", "metadata that is not where the challenge says", |site| {
        site.resource_at = &[""];
    }),
    ("metadata", "no metadata at all", |site| site.resource_at = &[]),
    ("resource", "a slash too many", |site| {
        site.resource["resource"] = format!("{}/mcp/", site.origin).into();
    }),
    ("resource", "a resource without its path", |site| {
        site.resource["resource"] = site.origin.clone().into();
    }),
    ("resource", "another host name", |site| {
        site.resource["resource"] = "http://localhost/mcp".into();
    }),
    ("authorization_servers", "no authorization server", |site| {
        site.resource["authorization_servers"] = json!([]);
    }),
    ("scopes", "a scope that is not supported", |site| {
        site.resource["scopes_supported"] = json!(["a"]);
    }),
    ("dpop", "DPoP without algorithms", |site| {
        site.resource["dpop_signing_alg_values_supported"] = json!([]);
        site.resource["dpop_bound_access_tokens_required"] = json!(true);
    }),
    ("dpop", "DPoP without ES256", |site| {
        site.resource["dpop_signing_alg_values_supported"] = json!(["RS256"]);
    }),
    ("as.metadata", "no metadata of the authorization server", |site| {
        site.authorization_server = json!({});
    }),
    ("as.metadata", "an authorization server that does not answer", |site| {
        site.resource["authorization_servers"] = json!(["http://127.0.0.1:9/"]);
    }),
    ("as.issuer", "an issuer without its slash", |site| {
        site.resource["authorization_servers"] = json!([site.origin]);
    }),
    ("as.endpoints", "no token endpoint", |site| {
        site.authorization_server["token_endpoint"] = Value::Null;
    }),
    ("as.pkce", "no PKCE", |site| {
        site.authorization_server["code_challenge_methods_supported"] = Value::Null;
    }),
    ("as.pkce", "plain PKCE", |site| {
        site.authorization_server["code_challenge_methods_supported"] = json!(["plain"]);
    }),
    ("as.public_clients", "no public clients", |site| {
        site.authorization_server["token_endpoint_auth_methods_supported"] =
            json!(["client_secret_post"]);
    }),
    ("as.response_issuer", "no issuer in responses", |site| {
        site.authorization_server["authorization_response_iss_parameter_supported"] = json!(false);
    }),
    ("as.keys", "no keys", |site| site.keys = json!({"keys": []})),
    ("cors.preflight", "a preflight that needs a token", |site| site.preflight = 401),
    ("cors.preflight", "a wildcard for Authorization", |site| {
        set(&mut site.cors, "access-control-allow-headers", "*");
    }),
    ("cors.preflight", "a page that is not allowed", |site| {
        set(&mut site.cors, "access-control-allow-origin", "https://other.example");
    }),
    ("cors.answer", "a challenge that pages cannot read", |site| {
        set(&mut site.cors, "access-control-expose-headers", "");
    }),
    ("cors.stranger", "credentials for every page", |site| {
        set(&mut site.cors, "access-control-allow-credentials", "true");
    }),
    ("cors.metadata", "metadata that pages cannot read", |site| {
        set(&mut site.cors, "access-control-allow-origin", "");
    }),
    ("clock", "a clock that is wrong", |site| {
        site.date = "Sun, 06 Nov 1994 08:49:37 GMT".to_owned();
    }),
    ("eras.challenge", "a version that is not challenged", |site| site.modern = 400),
];

#[tokio::test]
async fn each_broken_thing_is_named() {
    for (id, what, broken) in BROKEN {
        let outcomes = outcomes(broken, Some("http://localhost:6274")).await;
        assert!(found(&outcomes).contains(id), "{what}: {outcomes:#?}");
    }
}

/// What the examples of others answered when they were run: FastMCP 4.2.3 with its Auth0 provider
/// and a tenant that was set up, the TypeScript SDK 1.32.2 and rmcp 3.11 with authorization servers
/// of their own; and all that is wrong with them.
const OTHERS: &[(&str, Break, &[&str])] = &[
    (
        "FastMCP",
        |site| {
            let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", site.origin);
            site.challenge = Some(format!("Bearer resource_metadata=\"{metadata}\""));
            site.resource_at = &["/mcp"];
            site.preflight = 405;
        },
        &[],
    ),
    (
        "the TypeScript SDK",
        |site| {
            let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", site.origin);
            site.challenge = Some(format!(
                "Bearer error=\"invalid_token\", error_description=\"Missing Authorization header\", \
                 resource_metadata=\"{metadata}\""
            ));
            // Its authorization server does not know the token, and the example does not expect it.
            site.bad_token = None;
            site.bad_token_status = 500;
            site.resource_at = &["/mcp"];
            site.get = 401;
            let server = &mut site.authorization_server;
            server["jwks_uri"] = Value::Null;
            server["authorization_response_iss_parameter_supported"] = Value::Null;
        },
        &["challenge", "challenge.bad_token", "as.response_issuer"],
    ),
    (
        "rmcp",
        |site| {
            site.challenge = None;
            site.bad_token = None;
            site.resource_at = &[];
            site.get = 401;
            site.keys = Value::Null;
            let server = &mut site.authorization_server;
            server["issuer"] = site.origin.trim_start_matches("http://").into();
            server["authorization_response_iss_parameter_supported"] = Value::Null;
        },
        &[
            "challenge",
            "challenge.bad_token",
            "metadata",
            "as.issuer",
            "as.response_issuer",
            "as.keys",
        ],
    ),
];

#[tokio::test]
async fn of_servers_of_others_all_that_is_wrong_is_found_and_nothing_else() {
    for (name, like, expected) in OTHERS {
        let outcomes = outcomes(like, None).await;
        assert_eq!(found(&outcomes), *expected, "{name}: {outcomes:#?}");
        // What they should do must not presuppose that they are Doorward, or the tenant Auth0.
        for outcome in &outcomes {
            let Verdict::Found(finding) = &outcome.verdict else { continue };
            assert!(!finding.fix.starts_with("cargo run"), "{name}: {finding:?}");
        }
    }
}

#[tokio::test]
async fn without_any_metadata_it_is_unknown_where_clients_sign_in() {
    let nothing: Break = |site| {
        site.challenge = None;
        site.resource_at = &[];
        site.authorization_server = json!({});
    };
    let outcomes = outcomes(nothing, None).await;
    let unknown = |one: &Outcome| matches!(one.verdict, Verdict::Unknown(_));
    let unknown: Vec<_> = outcomes.iter().filter(|one| unknown(one)).map(|one| one.id).collect();
    assert_eq!(unknown, ["as.metadata"], "{outcomes:#?}");
}

#[tokio::test]
async fn a_page_that_nobody_named_need_not_be_allowed() {
    let outcomes = outcomes(
        |site| set(&mut site.cors, "access-control-allow-origin", "https://own.example"),
        None,
    );
    let outcomes = outcomes.await;
    assert!(!found(&outcomes).contains(&"cors.preflight"), "{outcomes:#?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unknown() {
    let http = Http::new().expect("a client");
    let url = "http://127.0.0.1:9/mcp".to_owned();
    let outcomes = probe(&http, &Probe { url, page: None, token: None }).await.outcomes;
    assert_eq!(found(&outcomes), ["reachable"]);
    assert!(matches!(outcomes.last().map(|one| &one.verdict), Some(Verdict::Unknown(_))));
}
