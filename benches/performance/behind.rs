//! An MCP server on loopback, to be called directly and through Doorward. It speaks 2026-07-28,
//! over connections that are kept open.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running server. It stops when it is dropped.
///
/// At `/mcp` it has `echo`, which answers with its argument `text` and the subject of the caller,
/// and three tools that fail: `slow`, `garbage` and `close`. At `/<number>` it has that many tools
/// that do nothing.
pub(crate) struct Behind {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Behind {
    /// Starts the server on the current runtime.
    ///
    /// # Errors
    /// Returns a message if no port is free.
    pub(crate) async fn start() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("The server on loopback: {error}");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Ok(Self { address, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers the requests of a connection, until the client or a tool closes it.
async fn serve(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let (mut path, mut length) = (None, 0);
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let text = line.trim();
            if text.is_empty() {
                break;
            }
            if path.is_none() {
                path = Some(text.split(' ').nth(1)?.trim_start_matches('/').to_owned());
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let message = serde_json::from_slice(&body).unwrap_or_default();
        let body = answer(&path?, &message).await?;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
    }
}

/// The body of a response; `None` closes the connection.
async fn answer(path: &str, message: &Value) -> Option<String> {
    let params = &message["params"];
    let mut result = match (message["method"].as_str()?, params["name"].as_str()) {
        ("server/discover", _) => json!({
            "ttlMs": 60_000, "cacheScope": "public",
            "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} },
        }),
        ("tools/list", _) => {
            json!({ "ttlMs": 60_000, "cacheScope": "public", "tools": tools(path) })
        }
        (_, Some("close")) => return None,
        (_, Some("garbage")) => return Some("<html>".to_owned()),
        (_, tool) => {
            if tool == Some("slow") {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            let said = params["arguments"]["text"].as_str().unwrap_or_default();
            let subject = params["_meta"]["doorward/caller"]["subject"].as_str();
            let text = format!("{said} of {}", subject.unwrap_or("nobody"));
            json!({ "content": [{ "type": "text", "text": text }] })
        }
    };
    result["resultType"] = json!("complete");
    Some(json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string())
}

fn tools(path: &str) -> Vec<Value> {
    let tool = |name: String| {
        let text = json!({ "type": "string", "description": "What the tool is about" });
        let limit = json!({ "type": "integer", "description": "How many results to return" });
        json!({
            "name": name,
            "title": "A tool",
            "description": "Does what an ordinary tool does, with two arguments, and says so here",
            "inputSchema": { "type": "object", "properties": { "text": text, "limit": limit } },
        })
    };
    match path.parse::<usize>() {
        Ok(count) => (0..count).map(|number| tool(format!("tool_{number}"))).collect(),
        Err(_) => ["echo", "slow", "garbage", "close"].map(|it| tool(it.to_owned())).into(),
    }
}
