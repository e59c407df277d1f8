//! Documents for those who look for servers: the server card and the AI catalog of MCP's Server
//! Card extension (SEP-2127), and the proof for OpenAI that a domain is the operator's. None exists
//! until it is set, and none lists tools.

use doorward_core::{settings::Reader, variables, web::Answer};
use doorward_mcp::{ServerInfo, supported_versions};
use doorward_oauth::ProtectedResource;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

variables! {
    /// The name of this server in directories, in reverse DNS: `com.example/doorward`. With a name
    /// there are [a server card and an AI catalog](discovery.md); without one, neither
    SERVER_CARD_NAME = optional("server_card_name", "");
    /// What this server is for, in at most 100 characters, for the server card
    SERVER_CARD_DESCRIPTION = optional("server_card_description", "");
    /// The token with which OpenAI [verifies a domain](clients/chatgpt.md#in-the-directory). It is
    /// public: `/.well-known/openai-apps-challenge` answers it
    OPENAI_APPS_CHALLENGE = optional("openai_apps_challenge", "");
}

/// Where a server card is, below the URL of the MCP endpoint.
pub(crate) const SERVER_CARD_PATH: &str = "/server-card";

const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";
const SERVER_CARD_TYPE: &str = "application/mcp-server-card+json";
const AI_CATALOG_TYPE: &str = "application/ai-catalog+json";

/// The documents change with the settings only.
const CACHE_CONTROL: &str = "public, max-age=3600";

/// A document that may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// Who this server is, and how to connect to it.
    ServerCard,
    /// The server cards of this host, of which there is one.
    AiCatalog,
    /// OpenAI's token, as text.
    OpenaiAppsChallenge,
}

/// What the operator decided.
#[derive(Debug)]
pub(crate) struct Discovery {
    card: Option<Card>,
    openai_apps_challenge: Option<String>,
}

/// What a server card says beyond what the server knows of itself.
#[derive(Debug)]
struct Card {
    /// In reverse DNS.
    name: String,
    description: String,
    /// The name in the AI catalog.
    urn: String,
}

impl Discovery {
    /// Reads the variables; `None` if one of them is invalid.
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let name = reader.get(&SERVER_CARD_NAME, name);
        let description = reader.get(&SERVER_CARD_DESCRIPTION, description);
        let openai_apps_challenge = reader.get(&OPENAI_APPS_CHALLENGE, |value| {
            match value.bytes().all(|byte| byte.is_ascii_graphic()) {
                true => Ok(Some(value).filter(|it| !it.is_empty()).map(str::to_owned)),
                false => Err("is not a token of visible characters, as OpenAI gives it"),
            }
        });
        let (name, description) = (name?, description?);
        if name.is_some() && description.is_empty() {
            reader.reject(&SERVER_CARD_DESCRIPTION, "is empty, though `server_card_name` is set");
        }
        let card = name.map(|(name, urn)| Card { name, description, urn });
        Some(Self { card, openai_apps_challenge: openai_apps_challenge? })
    }

    /// The answer to a request for a document; `None` if there is no such document.
    pub(crate) fn answer(
        &self,
        document: Document,
        info: &ServerInfo,
        resource: &ProtectedResource,
        headers: &HeaderMap,
    ) -> Option<Answer> {
        let answer = match document {
            Document::OpenaiAppsChallenge => {
                let token = self.openai_apps_challenge.clone()?;
                return Some(Answer::text(StatusCode::OK, token));
            }
            Document::ServerCard => {
                let card = self.card.as_ref()?.server_card(info, resource);
                Answer::json(StatusCode::OK, &card).with(header::CONTENT_TYPE, SERVER_CARD_TYPE)
            }
            Document::AiCatalog => {
                let catalog = self.card.as_ref()?.ai_catalog(info, resource);
                Answer::json(StatusCode::OK, &catalog).with(header::CONTENT_TYPE, AI_CATALOG_TYPE)
            }
        };
        Some(answer.with(header::CACHE_CONTROL, CACHE_CONTROL).unless_known(headers))
    }
}

impl Card {
    fn server_card(&self, info: &ServerInfo, resource: &ProtectedResource) -> Value {
        let versions: Vec<_> = supported_versions().collect();
        let mut card = json!({
            "$schema": SCHEMA,
            "name": self.name,
            "title": info.title,
            "description": self.description,
            "version": info.version,
            "remotes": [{
                "type": "streamable-http",
                "url": resource.mcp_url,
                "supportedProtocolVersions": versions,
            }],
        });
        if let (Some(page), Some(card)) = (&resource.documentation, card.as_object_mut()) {
            card.insert("websiteUrl".to_owned(), json!(page));
        }
        card
    }

    fn ai_catalog(&self, info: &ServerInfo, resource: &ProtectedResource) -> Value {
        let endpoint = resource.mcp_url.strip_suffix('/').unwrap_or(&resource.mcp_url);
        json!({
            "specVersion": "1.0",
            "entries": [{
                "identifier": self.urn,
                "displayName": info.title,
                "type": SERVER_CARD_TYPE,
                "url": format!("{endpoint}{SERVER_CARD_PATH}"),
            }],
        })
    }
}

/// A name in reverse DNS, and the same as a name in AI catalogs, which has the domain as it is
/// usually written; `None` if the value is empty.
fn name(value: &str) -> Result<Option<(String, String)>, &'static str> {
    const PROBLEM: &str = "is not a name in reverse DNS like `com.example/doorward`, \
                           with 3 to 200 characters";
    if value.is_empty() {
        return Ok(None);
    }
    let (namespace, name) = value.split_once('/').ok_or(PROBLEM)?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_legal);
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| is_legal(byte) || b"._".contains(&byte));
    if !is_name || !namespace.split('.').all(is_label) || value.len() > 200 {
        return Err(PROBLEM);
    }
    let domain: Vec<_> = namespace.rsplit('.').collect();
    let urn = format!("urn:air:{}:mcp:{name}", domain.join("."));
    Ok(Some((value.to_owned(), urn)))
}

/// At most 100 characters on one line.
fn description(value: &str) -> Result<String, &'static str> {
    match value.chars().count() <= 100 && !value.contains(char::is_control) {
        true => Ok(value.to_owned()),
        false => Err("is longer than 100 characters, or has more than one line"),
    }
}

#[cfg(test)]
mod tests;
