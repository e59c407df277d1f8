//! An MCP client for both eras of the protocol: 2026-07-28, which is stateless, and 2025-11-25,
//! which begins with `initialize`.

use super::{
    http::{Response, send},
    report::Mismatch,
};
use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};
use url::Url;

/// The era of the protocol that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// Has `_meta` and headers in each request, and no handshake.
    Stateless,
    /// Begins with `initialize`.
    Handshake,
}

impl Era {
    /// The protocol version.
    pub(super) const fn version(self) -> &'static str {
        match self {
            Self::Stateless => "2026-07-28",
            Self::Handshake => "2025-11-25",
        }
    }

    /// The method of a client's first request.
    pub(super) const fn opening(self) -> &'static str {
        match self {
            Self::Stateless => "server/discover",
            Self::Handshake => "initialize",
        }
    }
}

/// A client with a token.
pub(super) struct McpClient<'a> {
    client: &'a Client,
    server: &'a Url,
    era: Era,
    token: &'a str,
}

/// Builds the first request of a client, without a token.
pub(super) fn opening(client: &Client, server: &Url, era: Era) -> RequestBuilder {
    request(client, server, era, 0, era.opening(), opening_params(era))
}

impl<'a> McpClient<'a> {
    /// Creates a client. It sends nothing yet.
    pub(super) fn new(client: &'a Client, server: &'a Url, era: Era, token: &'a str) -> Self {
        Self { client, server, era, token }
    }

    /// Sends the first request and returns the server's name and version.
    pub(super) async fn open(&self) -> Result<String, Mismatch> {
        let result = self.call(0, self.era.opening(), opening_params(self.era)).await?;
        let server = match self.era {
            Era::Stateless => {
                let versions = &result["supportedVersions"];
                if !versions
                    .as_array()
                    .is_some_and(|versions| versions.contains(&json!(self.era.version())))
                {
                    return Err(Mismatch::new(
                        format!("supportedVersions with {}", self.era.version()),
                        versions.to_string(),
                    ));
                }
                result["_meta"]["io.modelcontextprotocol/serverInfo"].clone()
            }
            Era::Handshake => {
                let version = &result["protocolVersion"];
                if version != self.era.version() {
                    return Err(Mismatch::new(
                        format!("protocolVersion {}", self.era.version()),
                        version.to_string(),
                    ));
                }
                self.initialized().await?;
                result["serverInfo"].clone()
            }
        };
        match (server["name"].as_str(), server["version"].as_str()) {
            (Some(name), Some(version)) => {
                Ok(format!("{name} {version} speaks MCP {}", self.era.version()))
            }
            _ => Err(Mismatch::new("a serverInfo with name and version", result.to_string())),
        }
    }

    /// Lists the tools.
    pub(super) async fn tools(&self) -> Result<Vec<Value>, Mismatch> {
        let result = self.call(1, "tools/list", json!({})).await?;
        let tools = result["tools"].as_array().cloned();
        tools.ok_or_else(|| Mismatch::new("a list of tools", result.to_string()))
    }

    /// Calls a tool without arguments and returns its result.
    pub(super) async fn tool(&self, name: &str) -> Result<Value, Mismatch> {
        self.call(2, "tools/call", json!({ "name": name, "arguments": {} })).await
    }

    /// Calls a tool after the access was cut off, and returns what the server says.
    pub(super) async fn refused_tool(&self, name: &str) -> Result<String, Mismatch> {
        let params = json!({ "name": name, "arguments": {} });
        let request = request(self.client, self.server, self.era, 3, "tools/call", params);
        let response = send(request.bearer_auth(self.token)).await?;
        let json = response.json(401)?;
        let error = &json["error"];
        match (error["data"]["error"].as_str(), error["message"].as_str()) {
            (Some("invalid_token"), Some(text)) => Ok(format!("refused, as expected: {text}")),
            _ => Err(Mismatch::new("the error invalid_token", response.describe())),
        }
    }

    async fn call(&self, id: u64, method: &str, params: Value) -> Result<Value, Mismatch> {
        let request =
            request(self.client, self.server, self.era, id, method, params).bearer_auth(self.token);
        let response = send(request).await?;
        let mut json = response.json(200)?;
        if json["id"] != id || json["jsonrpc"] != "2.0" || !json["result"].is_object() {
            return Err(Mismatch::new(
                format!("a JSON-RPC result for the request {id}"),
                response.describe(),
            ));
        }
        Ok(json["result"].take())
    }

    async fn initialized(&self) -> Result<(), Mismatch> {
        let message = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let request = post(self.client, self.server, &message)
            .header("MCP-Protocol-Version", self.era.version());
        let response: Response = send(request.bearer_auth(self.token)).await?;
        if response.status == 202 && response.body.is_empty() {
            Ok(())
        } else {
            Err(Mismatch::new(
                "status 202 without a body for notifications/initialized",
                response.describe(),
            ))
        }
    }
}

fn opening_params(era: Era) -> Value {
    match era {
        Era::Stateless => json!({}),
        Era::Handshake => {
            json!({ "protocolVersion": era.version(), "capabilities": {}, "clientInfo": client_info() })
        }
    }
}

fn request(
    client: &Client,
    server: &Url,
    era: Era,
    id: u64,
    method: &str,
    mut params: Value,
) -> RequestBuilder {
    let name = params["name"].as_str().map(str::to_owned);
    if era == Era::Stateless {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": era.version(),
            "io.modelcontextprotocol/clientInfo": client_info(),
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let request = post(client, server, &message);
    match (era, name) {
        // `initialize` negotiates the version, so it has no version header.
        (Era::Handshake, _) if method == era.opening() => request,
        (Era::Handshake, _) => request.header("MCP-Protocol-Version", era.version()),
        (Era::Stateless, name) => {
            let request =
                request.header("MCP-Protocol-Version", era.version()).header("Mcp-Method", method);
            match name {
                Some(name) => request.header("Mcp-Name", name),
                None => request,
            }
        }
    }
}

fn post(client: &Client, server: &Url, message: &Value) -> RequestBuilder {
    client
        .post(server.clone())
        .header(header::ACCEPT, "application/json, text/event-stream")
        .json(message)
}

fn client_info() -> Value {
    json!({ "name": "doorward-try", "version": env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(era: Era, method: &str, params: Value) -> (reqwest::Request, Value) {
        let server = Url::parse("http://127.0.0.1:3000/mcp").expect("a URL");
        let request =
            request(&Client::new(), &server, era, 7, method, params).build().expect("a request");
        let body = request.body().and_then(reqwest::Body::as_bytes).expect("a body in memory");
        let body = serde_json::from_slice(body).expect("the body is JSON");
        (request, body)
    }

    fn header<'a>(request: &'a reqwest::Request, name: &str) -> Option<&'a str> {
        request.headers().get(name).map(|value| value.to_str().expect("ASCII"))
    }

    #[test]
    fn a_stateless_call_has_headers_and_meta() {
        let (request, body) = built(Era::Stateless, "tools/call", json!({ "name": "greet" }));
        assert_eq!(header(&request, "MCP-Protocol-Version"), Some("2026-07-28"));
        assert_eq!(header(&request, "Mcp-Method"), Some("tools/call"));
        assert_eq!(header(&request, "Mcp-Name"), Some("greet"));
        assert_eq!(header(&request, "Accept"), Some("application/json, text/event-stream"));
        assert_eq!(body["id"], 7);
        let meta = &body["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({}));
    }

    #[test]
    fn all_requests_after_initialize_have_a_version_header() {
        let (request, body) = built(Era::Handshake, "initialize", opening_params(Era::Handshake));
        assert_eq!(header(&request, "MCP-Protocol-Version"), None);
        assert_eq!(body["params"]["protocolVersion"], "2025-11-25");
        let (request, body) = built(Era::Handshake, "tools/call", json!({ "name": "greet" }));
        assert_eq!(header(&request, "MCP-Protocol-Version"), Some("2025-11-25"));
        assert_eq!(header(&request, "Mcp-Method"), None);
        assert_eq!(body["params"], json!({ "name": "greet" }));
    }
}
