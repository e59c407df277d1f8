//! Auth0's Management API, with a token or through the Auth0 CLI.

use crate::http::{Http, Response};
use http::Request;
use serde_json::Value;
use std::{ffi::OsString, fmt, process::Stdio, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    process::Command,
    time::{sleep, timeout},
};

/// How often a request is sent at most while the tenant's rate limit is exhausted.
const ATTEMPTS: u32 = 6;

/// The longest wait for the rate limit, in seconds.
const MAX_WAIT_SECONDS: u64 = 30;

/// The size of a page.
const PAGE: usize = 100;

/// Timeout of the Auth0 CLI.
const CLI_TIMEOUT: Duration = Duration::from_secs(60);

/// The Management API of a tenant. Not `Debug`, because it holds a token.
pub(crate) struct Management(Transport);

enum Transport {
    Token { http: Http, base: String, token: String },
    Cli { program: OsString, domain: String },
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The API refused it.
    Status {
        /// The HTTP status.
        status: u16,
        /// The `errorCode`, or nothing.
        code: String,
        /// The message.
        message: String,
    },
    /// There was no answer, or none that can be read.
    Failed(String),
}

impl Refusal {
    fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Status { status: 429, .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status: 429, .. } => {
                f.write_str("the tenant's rate limit is exhausted; run it again in a minute")
            }
            Self::Status { status: 401, message, .. } => write!(
                f,
                "the tenant does not accept the token ({message}); get a new one and run it again"
            ),
            Self::Status { status, message, .. } => write!(f, "{status} {message}"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

/// The origin of a tenant: `http` for a local one, on loopback with a port.
pub(crate) fn origin(domain: &str) -> String {
    let host = domain.rsplit_once(':').map_or(domain, |(host, _)| host);
    let scheme = if matches!(host, "127.0.0.1" | "localhost" | "[::1]") { "http" } else { "https" };
    format!("{scheme}://{domain}")
}

/// Encodes text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

impl Management {
    /// Uses a token. `origin` is that of the tenant.
    pub(crate) fn with_token(http: Http, origin: &str, token: String) -> Self {
        Self(Transport::Token { http, base: format!("{origin}/api/v2"), token })
    }

    /// The same token at another origin.
    #[cfg(test)]
    pub(crate) fn at(self, origin: &str) -> Self {
        match self.0 {
            Transport::Token { http, token, .. } => Self::with_token(http, origin, token),
            cli => Self(cli),
        }
    }

    /// Uses the session of the Auth0 CLI. Its token stays with it.
    pub(crate) fn with_cli(program: OsString, domain: &str) -> Self {
        Self(Transport::Cli { program, domain: domain.to_owned() })
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Returns why there is no object.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.send("GET", path, None).await
    }

    /// Reads an object that may be missing.
    ///
    /// # Errors
    /// Returns why it is unknown whether the object exists.
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Value>, Refusal> {
        match self.get(path).await {
            Ok(object) => Ok(Some(object)),
            Err(Refusal::Status { status: 404, .. }) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Reads all pages of a list. `name` is the list's member of a page.
    ///
    /// # Errors
    /// Returns why a page could not be read.
    pub(crate) async fn list(&self, path: &str, name: &str) -> Result<Vec<Value>, Refusal> {
        let mut all = Vec::new();
        let separator = if path.contains('?') { '&' } else { '?' };
        for page in 0.. {
            let query = format!("{separator}page={page}&per_page={PAGE}&include_totals=true");
            let mut answer = self.get(&format!("{path}{query}")).await?;
            let total = answer["total"].as_u64().and_then(|total| usize::try_from(total).ok());
            let rows = if answer.is_array() { answer } else { answer[name].take() };
            let Value::Array(rows) = rows else {
                return Err(Refusal::Failed(format!("{path} is not a list of {name}")));
            };
            let count = rows.len();
            all.extend(rows);
            if count < PAGE || total.is_some_and(|total| all.len() >= total) {
                break;
            }
        }
        Ok(all)
    }

    /// Sends a request, and waits while the rate limit is exhausted.
    ///
    /// # Errors
    /// Returns why it did not succeed.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let mut attempt = 1;
        loop {
            let (outcome, wait) = match &self.0 {
                Transport::Token { http, base, token } => {
                    by_token(http, &format!("{base}/{path}"), token, method, body).await
                }
                Transport::Cli { program, domain } => {
                    (by_cli(program, domain, method, path, body).await, None)
                }
            };
            match outcome {
                Err(refusal) if refusal.is_rate_limit() && attempt < ATTEMPTS => {
                    let seconds = wait.unwrap_or(u64::from(attempt)).clamp(1, MAX_WAIT_SECONDS);
                    eprintln!("The tenant's rate limit is exhausted. Waiting {seconds} s.");
                    sleep(Duration::from_secs(seconds)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

/// Sends a request with a token. Returns also the seconds until the rate limit resets.
async fn by_token(
    http: &Http,
    url: &str,
    token: &str,
    method: &str,
    body: Option<&Value>,
) -> (Result<Value, Refusal>, Option<u64>) {
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {token}"));
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    let response = match http.send(request, body).await {
        Ok(response) => response,
        Err(error) => return (Err(Refusal::Failed(format!("no answer: {error}"))), None),
    };
    let reset = response.header("x-ratelimit-reset").and_then(|text| text.parse::<u64>().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let wait = reset.zip(now.ok()).map(|(reset, now)| reset.saturating_sub(now.as_secs()));
    (read(&response), wait)
}

fn read(response: &Response) -> Result<Value, Refusal> {
    if response.status == 204 || (response.status < 300 && response.body.trim().is_empty()) {
        return Ok(Value::Null);
    }
    let Some(json) = response.json() else {
        return Err(Refusal::Failed(format!("an answer that is not JSON, {}", response.status)));
    };
    if response.status < 300 { Ok(json) } else { Err(refused(response.status, &json)) }
}

fn refused(status: u16, body: &Value) -> Refusal {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Refusal::Status { status, code: text("errorCode"), message: text("message") }
}

/// Sends a request through `auth0 api`. The body goes through standard input, because it may hold
/// a secret, and other users of the machine see arguments.
async fn by_cli(
    program: &OsString,
    domain: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Refusal> {
    let failed = |text: String| Refusal::Failed(format!("`auth0 api`: {text}"));
    let mut command = Command::new(program);
    command
        .args(["api", &method.to_lowercase(), path, "--tenant", domain, "--no-input", "--no-color"])
        .args((method == "DELETE").then_some("--force"))
        .stdin(if body.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = async {
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        if let (Some(mut stdin), Some(body)) = (child.stdin.take(), body) {
            let written = stdin.write_all(body.to_string().as_bytes()).await;
            written.map_err(|error| failed(error.to_string()))?;
        }
        child.wait_with_output().await.map_err(|error| failed(error.to_string()))
    };
    let output = timeout(CLI_TIMEOUT, output)
        .await
        .map_err(|_| failed(format!("no answer within {} seconds", CLI_TIMEOUT.as_secs())))??;
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        let text = stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((_, scope)) = text.split_once("lacks scope: ") {
            let scope = scope.split_whitespace().next().unwrap_or_default().trim_end_matches('.');
            return Err(Refusal::Status {
                status: 403,
                code: "insufficient_scope".to_owned(),
                message: format!("Insufficient scope, expected any of: {scope}"),
            });
        }
        return Err(failed(text));
    }
    if stdout.trim().is_empty() {
        return Ok(Value::Null);
    }
    let json: Value =
        serde_json::from_str(&stdout).map_err(|_| failed("the answer is not JSON".to_owned()))?;
    // The CLI prints errors of the API like any other answer.
    let status = json["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    match status.filter(|status| *status >= 400 && json["error"].is_string()) {
        Some(status) => Err(refused(status, &json)),
        None => Ok(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_tenant_is_reached_over_plain_http() {
        assert_eq!(origin("127.0.0.1:4000"), "http://127.0.0.1:4000");
        assert_eq!(origin("example.eu.auth0.com"), "https://example.eu.auth0.com");
    }

    #[test]
    fn a_segment_has_no_slash_and_no_space() {
        assert_eq!(segment("http://h/m p"), "http%3A%2F%2Fh%2Fm%20p");
        assert_eq!(segment("auth0|a"), "auth0%7Ca");
    }

    #[cfg(unix)]
    fn cli(folder: &tempfile::TempDir, script: &str) -> Management {
        use std::{fs, os::unix::fs::PermissionsExt};
        let program = folder.path().join("auth0");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("it is written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is set");
        Management::with_cli(program.into(), "example.auth0.com")
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_cli_gets_the_body_on_its_standard_input_and_no_token() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let echo = r#"printf '{"arguments": "%s", "body": %s}' "$*" "$(cat)""#;
        let body = serde_json::json!({"secret": "hunter2"});
        let answer = cli(&folder, echo).send("POST", "clients", Some(&body)).await;
        let answer = answer.expect("it answers");
        let arguments = "api post clients --tenant example.auth0.com --no-input --no-color";
        assert_eq!(answer["arguments"], arguments);
        assert_eq!(answer["body"], body);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn refusals_of_the_cli_are_those_of_the_api() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = r#"echo '{"statusCode": 404, "error": "Not Found", "message": "gone"}'"#;
        assert_eq!(cli(&folder, missing).find("clients/x").await, Ok(None));
        let scope = r#"echo 'request failed because access token lacks scope: read:roles.' >&2
exit 1"#;
        let refusal = cli(&folder, scope).get("roles").await.expect_err("no scope");
        assert!(matches!(refusal, Refusal::Status { status: 403, .. }), "{refusal}");
        assert!(refusal.to_string().contains("read:roles"), "{refusal}");
    }
}
