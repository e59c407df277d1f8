//! One connection of a user: sends what the mix says, and checks each answer.

use std::{
    collections::BTreeSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    act::{Act, Forgery, When},
    record::Record,
    start::Shared,
    users::{PUBLIC, User},
};
use crate::{
    client::{Connection, find},
    stalls::spoilt,
    subject::{Subject, request, tool_call},
};

/// The pause between two requests, plus a random part of the same length. Eight connections send
/// at most about 200 requests a second.
const PAUSE_MILLIS: u32 = 27;

/// How long a token is used.
const TOKEN_TIME: Duration = Duration::from_secs(5);

/// No answer may take longer, whatever is slow or missing.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How much of a wrong answer is shown, in characters.
const MAX_SHOWN: usize = 400;

/// A user's connections to both servers, and the tokens for them.
pub(super) struct Worker {
    user: usize,
    shared: Arc<Shared>,
    record: Arc<Record>,
    doorward: Client,
    fixture: Client,
}

/// A connection, and a token that was issued at that time.
#[derive(Default)]
struct Client {
    connection: Option<Connection>,
    token: Option<(String, Instant)>,
}

/// An answer as text.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Worker {
    pub(super) fn new(user: usize, shared: Arc<Shared>, record: Arc<Record>) -> Self {
        let (doorward, fixture) = (Client::default(), Client::default());
        Self { user, shared, record, doorward, fixture }
    }

    /// Sends requests until the end.
    pub(super) async fn run(mut self, end: Instant) {
        while Instant::now() < end {
            let act = Act::choose(rand::random());
            match tokio::time::timeout(TIMEOUT, self.perform(act)).await {
                Ok(Ok(latency)) => self.record.right(act.kind(), latency),
                Ok(Err(problem)) => {
                    // A connection that failed cannot be used again.
                    (self.doorward.connection, self.fixture.connection) = (None, None);
                    let name = &self.user().name;
                    self.record.wrong(act.kind(), &format!("{name}, {act:?}: {problem}"));
                }
                Err(_) => {
                    (self.doorward.connection, self.fixture.connection) = (None, None);
                    self.record.wrong(act.kind(), &format!("{act:?}: no answer in {TIMEOUT:?}"));
                }
            }
            let pause = PAUSE_MILLIS + rand::random::<u32>() % PAUSE_MILLIS;
            tokio::time::sleep(Duration::from_millis(pause.into())).await;
        }
    }

    /// Returns the latency of an ordinary call.
    async fn perform(&mut self, act: Act) -> Result<Option<Duration>, String> {
        // Issued before the clock starts, because signing takes a while.
        self.token(false)?;
        let sent = Instant::now();
        match act {
            Act::List => {
                let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
                let answer = self.ask(&list).await?;
                let latency = sent.elapsed();
                self.check_list(&answer.json()?, sent)?;
                Ok(Some(latency))
            }
            Act::Call(tool) => {
                let answer = self.ask(&tool_call(tool)).await?;
                let latency = sent.elapsed();
                self.check_call(tool, &answer, sent)?;
                Ok(Some(latency))
            }
            Act::Upstream => self.upstream().await.map(|()| None),
            Act::Failing(tool) => {
                let result = self.ask(&tool_call(&format!("behind_{tool}"))).await?.json()?;
                expect(result["result"]["isError"] == true, "an error", &result).map(|()| None)
            }
            Act::Calendar => self.calendar().await.map(|()| None),
            Act::Forged(forgery) => self.forged(forgery).await.map(|()| None),
            Act::Progress => self.progress().await.map(|()| None),
            Act::HangUp(when) => self.hang_up(when).await.map(|()| None),
        }
    }

    fn check_list(&self, list: &Value, sent: Instant) -> Result<(), String> {
        let tools = list["result"]["tools"].as_array().into_iter().flatten();
        let listed: BTreeSet<&str> = tools.filter_map(|tool| tool["name"].as_str()).collect();
        let user = self.user();
        let mut expected = BTreeSet::from(PUBLIC);
        for tool in ["whoami", "greet", "calendar_summary"] {
            let may = self.shared.users.may(user, tool, sent);
            if may.unwrap_or_else(|| listed.contains(tool)) {
                expected.insert(tool);
            }
        }
        expect(listed == expected, &format!("{expected:?}"), &format!("{listed:?}"))
    }

    fn check_call(&self, tool: &str, answer: &Answer, sent: Instant) -> Result<(), String> {
        let result = &answer.json()?["result"];
        let said = result["content"][0]["text"].as_str().unwrap_or_default();
        let user = self.user();
        let own = match tool {
            "greet" => said.starts_with(&format!("Hello, {}!", user.name)),
            "whoami" => said.contains(&format!("\"{}\"", user.id)),
            _ => true,
        };
        let succeeded = own && result["isError"] == false;
        let refused = result["isError"] == true && said.contains("You don't have permission");
        let may = match tool {
            "get_datetime" => Some(true),
            tool => self.shared.users.may(user, tool, sent),
        };
        let is_right = match may {
            Some(true) => succeeded,
            Some(false) => refused,
            None => succeeded || refused,
        };
        expect(is_right, &format!("whether {tool} is allowed: {may:?}"), &answer.body)
    }

    async fn upstream(&mut self) -> Result<(), String> {
        let text = format!("word {}", rand::random::<u32>());
        let mut message = tool_call("behind_echo");
        message["params"]["arguments"] = json!({ "text": text });
        let answer = self.ask(&message).await?;
        let expected = format!("{text} of {}", self.user().id);
        expect(answer.body.contains(&expected), &expected, &answer.body)
    }

    async fn calendar(&mut self) -> Result<(), String> {
        let answer = self.ask(&tool_call("calendar_summary")).await?;
        let user = self.user();
        if !user.tools.contains(&"calendar_summary") {
            let refusal = "You don't have permission";
            return expect(answer.body.contains(refusal), refusal, &answer.body);
        }
        if user.is_connected {
            let event = user.event();
            return expect(answer.body.contains(&event), &event, &answer.body);
        }
        self.connect(&answer.body).await
    }

    /// Follows the link in an answer to the page about the account, and from there to the tenant.
    async fn connect(&mut self, answer: &str) -> Result<(), String> {
        let origin = format!("http://{}", self.shared.doorward.address());
        let link = answer.split_once(&format!("{origin}/connect/")).map(|(_, rest)| rest);
        let link = link.ok_or_else(|| format!("expected a link, not {answer}"))?;
        let is_end = |letter: char| letter.is_whitespace() || "\"\\<>)".contains(letter);
        let link = link.split(is_end).next().unwrap_or_default().trim_end_matches('.');
        let page = self.get(&format!("/connect/{link}")).await?;
        let button = page.body.split_once("href=\"/connect/google-oauth2/start");
        let start = button.and_then(|(_, rest)| rest.split('"').next());
        // A link or a flow whose record is lost leads nowhere, and the page says so.
        let Some(start) = start.filter(|_| page.status == 200) else {
            let is_lost = self.shared.store_may_be_missing();
            return expect(is_lost, "a page that asks the user to continue", &page);
        };
        let sent = self.get(&format!("/connect/google-oauth2/start{start}")).await?;
        let tenant = self.shared.doorward.stack().tenant().origin();
        let is_sent = matches!(sent.status, 302 | 303) && sent.head.contains(tenant);
        let is_lost = self.shared.store_may_be_missing();
        expect(is_sent || is_lost, "to be sent to the tenant", &sent)
    }

    async fn get(&mut self, target: &str) -> Result<Answer, String> {
        let page = request(self.shared.doorward.address(), "GET", target, "", "");
        self.exchange(false, &page).await
    }

    async fn forged(&mut self, forgery: Forgery) -> Result<(), String> {
        let control = self.shared.doorward.stack().tenant().control();
        let of = |change: Value| self.user().token(control, &change);
        let token = match forgery {
            Forgery::Signature => spoilt(&of(json!({}))?),
            Forgery::Expired => of(json!({ "iat": 1_000_000_000, "exp": 1_000_003_600 }))?,
            Forgery::Audience => of(json!({ "aud": "https://elsewhere.example/mcp" }))?,
            // {"alg":"none","typ":"at+jwt"}
            Forgery::Unsigned => {
                let token = of(json!({}))?;
                let payload = token.split('.').nth(1).unwrap_or_default();
                format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{payload}.")
            }
        };
        let call = self.shared.doorward.call(&token, "whoami");
        let answer = self.exchange(false, &call).await?;
        let is_refused = answer.status == 401 && !answer.body.contains("\"result\"");
        expect(is_refused, "401", &answer)
    }

    async fn progress(&mut self) -> Result<(), String> {
        let (message, progress_token) = reporting();
        let token = self.token(true)?;
        let call = self.shared.fixture.message(Some(&token), &message);
        let answer = self.exchange(true, &call).await?;
        let reports =
            answer.body.matches(&format!("\"progressToken\":\"{progress_token}\"")).count();
        let is_whole = answer.body.contains("The tool ran to its end.");
        let said = format!("{} with {reports} reports: {}", answer.status, answer.body);
        expect(answer.status == 200 && reports == 3 && is_whole, "three reports and an end", &said)
    }

    async fn hang_up(&mut self, when: When) -> Result<(), String> {
        let is_fixture = when == When::Streaming;
        let token = self.token(is_fixture)?;
        let subject = self.subject(is_fixture);
        let call = match when {
            When::Streaming => subject.message(Some(&token), &reporting().0),
            _ => subject.call(&token, "calendar_summary"),
        };
        let failed = |error: std::io::Error| error.to_string();
        let mut stream = TcpStream::connect(subject.address()).await.map_err(failed)?;
        let part = if when == When::Sending { call.len() - 20 } else { call.len() };
        stream.write_all(&call[..part]).await.map_err(failed)?;
        let mut answer = Vec::new();
        while when == When::Streaming && find(&answer, b"progressToken").is_none() {
            if stream.read_buf(&mut answer).await.map_err(failed)? == 0 {
                let answer = String::from_utf8_lossy(&answer);
                return Err(format!("the stream ended without an event: {answer}"));
            }
        }
        Ok(())
    }

    /// Sends a message to Doorward, whose answer has to be 200.
    async fn ask(&mut self, message: &Value) -> Result<Answer, String> {
        let token = self.token(false)?;
        let message = self.shared.doorward.message(Some(&token), message);
        let answer = self.exchange(false, &message).await?;
        expect(answer.status == 200, "200", &answer)?;
        Ok(answer)
    }

    /// Sends a request. The answer must have nothing of another user.
    async fn exchange(&mut self, is_fixture: bool, request: &[u8]) -> Result<Answer, String> {
        let address = self.subject(is_fixture).address();
        let client = if is_fixture { &mut self.fixture } else { &mut self.doorward };
        let failed = |error: std::io::Error| format!("no answer: {error}");
        let mut connection = match client.connection.take() {
            Some(connection) => connection,
            None => Connection::open(address).await.map_err(failed)?,
        };
        let answer = connection.exchange(request).await.map_err(failed)?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let answer =
            Answer { status: answer.status, head: text(answer.head), body: text(answer.body) };
        client.connection = Some(connection);
        let others = self.shared.users.all.iter().filter(|user| user.id != self.user().id);
        for other in others {
            let is_seen = |what: &str| answer.body.contains(what) || answer.head.contains(what);
            if is_seen(&other.id) || is_seen(&other.name) {
                return Err(format!("the answer is about {}: {}", other.name, answer.body));
            }
        }
        Ok(answer)
    }

    /// A recent token for one of the servers.
    fn token(&mut self, is_fixture: bool) -> Result<String, String> {
        let client = if is_fixture { &mut self.fixture } else { &mut self.doorward };
        if let Some((token, issued)) = &client.token
            && issued.elapsed() < TOKEN_TIME
        {
            return Ok(token.clone());
        }
        let subject = if is_fixture { &self.shared.fixture } else { &self.shared.doorward };
        let control = subject.stack().tenant().control();
        let token = self.shared.users.all[self.user].token(control, &json!({}))?;
        client.token = Some((token.clone(), Instant::now()));
        Ok(token)
    }

    fn subject(&self, is_fixture: bool) -> &Subject {
        if is_fixture { &self.shared.fixture } else { &self.shared.doorward }
    }

    fn user(&self) -> &User {
        &self.shared.users.all[self.user]
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

impl Answer {
    fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|_| format!("not JSON: {}", self.body))
    }
}

/// A call that reports progress, and its token.
fn reporting() -> (Value, String) {
    let token = format!("progress-{}", rand::random::<u32>());
    let mut message = tool_call("test_tool_with_progress");
    message["params"]["_meta"] = json!({ "progressToken": token });
    (message, token)
}

fn expect(is_right: bool, expected: &str, answer: &impl fmt::Display) -> Result<(), String> {
    if is_right {
        return Ok(());
    }
    let answer: String = answer.to_string().chars().take(MAX_SHOWN).collect();
    Err(format!("expected {expected}, not {answer}"))
}
