//! An MCP server behind the door, on loopback: 2026-07-28 at `/mcp`, and an older revision with
//! sessions and streams at `/old`. It remembers what it was sent.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// The session of the older revision.
const SESSION: &str = "session-1";

/// The server.
pub(crate) struct Behind {
    origin: String,
    sent: Arc<Mutex<String>>,
}

impl Behind {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("it has an address"));
        let sent = Arc::<Mutex<String>>::default();
        let log = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                tokio::spawn(async move { serve(stream, &log).await });
            }
        });
        Self { origin, sent }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Everything that it was sent, heads and bodies.
    pub(crate) fn sent(&self) -> String {
        self.sent.lock().expect("no other thread panicked").clone()
    }
}

/// Answers one request, and closes the connection.
async fn serve(stream: TcpStream, log: &Mutex<String>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        stream.read_line(&mut head).await.ok()?;
        let line = head[start..].trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let text = String::from_utf8_lossy(&body).into_owned();
    log.lock().expect("no other thread panicked").push_str(&format!("{head}{text}\n"));
    let message: Value = serde_json::from_str(&text).unwrap_or_default();
    if message["params"]["name"] == "ticks" && has_protocol(&head.to_ascii_lowercase()) {
        return ticks(stream, &head.to_ascii_lowercase(), &message, log).await;
    }
    let (status, headers, body) = answer(&head.to_ascii_lowercase(), &message).await;
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    stream.write_all(response.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// Whether a call is in the protocol that its path speaks.
fn has_protocol(head: &str) -> bool {
    head.starts_with("post /old ") != head.contains("2026-07-28")
}

/// Answers a call with a stream of reports, as many as its argument says, and then the result. If
/// the client goes away before, the log says so.
async fn ticks(
    mut stream: BufReader<TcpStream>,
    head: &str,
    message: &Value,
    log: &Mutex<String>,
) -> Option<()> {
    let count = message["params"]["arguments"]["text"].as_str()?.parse().ok()?;
    let token = &message["params"]["_meta"]["progressToken"];
    let start = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(start.as_bytes()).await.ok()?;
    for step in 1..=count {
        let params = json!({ "progressToken": token, "progress": step, "message": "Tick\u{200b}" });
        let method = "notifications/progress";
        let event = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        if stream.write_all(format!("data: {event}\n\n").as_bytes()).await.is_err() {
            log.lock().expect("no other thread panicked").push_str("HUNG UP\n");
            return None;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let mut result = json!({ "content": [{ "type": "text", "text": "Done" }] });
    if !head.starts_with("post /old ") {
        result["resultType"] = json!("complete");
    }
    let response = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    stream.write_all(format!("data: {response}\n\n").as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// The status, the headers and the body.
async fn answer(head: &str, message: &Value) -> (&'static str, String, String) {
    const JSON: &str = "content-type: application/json\r\n";
    let is_old = head.starts_with("post /old ");
    let method = message["method"].as_str().unwrap_or_default();
    if is_old {
        let has_session = head.contains(&format!("mcp-session-id: {SESSION}"));
        match method {
            "initialize" => {}
            _ if head.contains("2026-07-28") => {
                let error = json!({ "code": -32000, "message": "Bad Request: not initialized" });
                let error = json!({ "jsonrpc": "2.0", "id": null, "error": error });
                return ("400 Bad Request", JSON.to_owned(), error.to_string());
            }
            _ if !has_session => return ("404 Not Found", String::new(), String::new()),
            "notifications/initialized" | "notifications/cancelled" => {
                return ("202 Accepted", String::new(), String::new());
            }
            _ => {}
        }
    }
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let mut result = match (method, message["params"]["name"].as_str()) {
        ("initialize", _) => json!({
            "protocolVersion": "2025-06-18", "capabilities": { "tools": {} },
            "serverInfo": { "name": "behind", "version": "1" },
        }),
        ("tools/list", _) => {
            let schema =
                json!({ "type": "object", "properties": { "text": { "type": "string" } } });
            let tools = ["echo", "garbage", "redirect", "slow", "ticks"];
            let tools = tools.map(|name| json!({ "name": name, "inputSchema": schema }));
            json!({ "tools": tools })
        }
        ("prompts/list", _) => {
            let arguments = json!([{ "name": "text", "required": true }]);
            json!({ "prompts": [{ "name": "repeat", "arguments": arguments }] })
        }
        ("resources/list", _) => {
            let uri = if is_old { "old://about" } else { "new://about" };
            let hidden = json!({ "uri": "javascript:alert(1)", "name": "hidden" });
            json!({ "resources": [{ "uri": uri, "name": "about" }, hidden] })
        }
        ("resources/templates/list", _) => {
            json!({ "resourceTemplates": [{ "uriTemplate": "new://days/{day}", "name": "day" }] })
        }
        ("prompts/get", _) => {
            let said = &message["params"]["arguments"]["text"];
            let content = json!({ "type": "text", "text": said });
            json!({ "messages": [{ "role": "user", "content": content }] })
        }
        ("resources/read", _) => {
            let uri = &message["params"]["uri"];
            json!({ "contents": [{ "uri": uri, "text": format!("This is\u{200b} {uri}") }] })
        }
        (_, Some("garbage")) => return ("200 OK", JSON.to_owned(), "<html>".to_owned()),
        (_, Some("redirect")) => {
            let location = "location: http://127.0.0.1:9/\r\n".to_owned();
            return ("307 Temporary Redirect", location, String::new());
        }
        (_, Some("slow")) => {
            tokio::time::sleep(std::time::Duration::from_secs(30)).await;
            json!({})
        }
        _ => {
            let said = message["params"]["arguments"]["text"].as_str().unwrap_or_default();
            let caller = message["params"]["_meta"]["doorward/caller"].clone();
            json!({ "content": text(&format!("{said} {caller}")) })
        }
    };
    if !is_old {
        result["resultType"] = json!("complete");
    }
    let response = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    match is_old {
        false => ("200 OK", JSON.to_owned(), response.to_string()),
        true => {
            let headers =
                format!("content-type: text/event-stream\r\nmcp-session-id: {SESSION}\r\n");
            ("200 OK", headers, format!("event: message\ndata: {response}\n\n"))
        }
    }
}
