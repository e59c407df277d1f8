use doorward_core::{
    settings::SettingsError,
    testing::{FakeHost, finish},
};
use doorward_oauth::ResourceServerSettings;

use super::*;
use crate::testing::INFO;

const NAME: &str = "com.example.mcp/doorward";
const TEXT: &str = "Calendars, for those who may see them";
const CHALLENGE: &str = "openai_apps_challenge";

fn read(variables: &[(&str, &str)]) -> Result<(Discovery, ProtectedResource), SettingsError> {
    let host = FakeHost::new();
    variables.iter().for_each(|(name, value)| host.set_variable(name, value));
    let declared = VARIABLES.iter().chain(doorward_oauth::VARIABLES);
    let mut reader = finish(Reader::fetch(&host, declared));
    let resource = ResourceServerSettings::read(&mut reader).map(|it| it.resource);
    let discovery = Discovery::read(&mut reader);
    reader.finish(discovery.zip(resource))
}

fn text(document: Document, variables: &[(&str, &str)]) -> Option<String> {
    let (discovery, resource) = read(variables).unwrap();
    let answer = discovery.answer(document, &INFO, &resource, &HeaderMap::new())?;
    Some(String::from_utf8(answer.body().unwrap().to_vec()).unwrap())
}

fn json(document: Document, variables: &[(&str, &str)]) -> Value {
    let card = [("server_card_name", NAME), ("server_card_description", TEXT)];
    serde_json::from_str(&text(document, &[&card, variables].concat()).unwrap()).unwrap()
}

#[test]
fn nothing_is_there_until_it_is_set() {
    for document in [Document::ServerCard, Document::AiCatalog, Document::OpenaiAppsChallenge] {
        assert_eq!(text(document, &[]), None, "{document:?}");
        let description = [("server_card_description", TEXT)];
        assert_eq!(text(document, &description), None, "{document:?}");
    }
}

/// The members are those of the extension's schema, version 1.
#[test]
fn the_card_says_who_the_server_is_and_how_to_connect() {
    let versions = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
    let mut card = json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json",
        "name": NAME,
        "title": "Test",
        "description": TEXT,
        "version": "1",
        "remotes": [{
            "type": "streamable-http",
            "url": "https://mcp.example.com/mcp",
            "supportedProtocolVersions": versions,
        }],
    });
    assert_eq!(json(Document::ServerCard, &[]), card);
    let page = "https://docs.example.com/mcp";
    card["websiteUrl"] = json!(page);
    assert_eq!(json(Document::ServerCard, &[("resource_documentation", page)]), card);
}

#[test]
fn the_catalog_names_the_card_and_where_it_is() {
    let entry =
        |variables: &[(&str, &str)]| json(Document::AiCatalog, variables)["entries"][0].clone();
    assert_eq!(
        entry(&[]),
        json!({
            "identifier": "urn:air:mcp.example.com:mcp:doorward",
            "displayName": "Test",
            "type": "application/mcp-server-card+json",
            "url": "https://mcp.example.com/mcp/server-card",
        })
    );
    for (public_url, mcp_path, url) in [
        ("https://a.example/b", "/mcp", "https://a.example/b/mcp/server-card"),
        ("https://a.example", "/", "https://a.example/server-card"),
        ("https://a.example/b", "/", "https://a.example/b/server-card"),
    ] {
        assert_eq!(entry(&[("public_url", public_url), ("mcp_path", mcp_path)])["url"], url);
    }
}

#[test]
fn the_token_of_openai_is_answered_as_it_is() {
    let token = "rY2-8_b.~x";
    let answered = text(Document::OpenaiAppsChallenge, &[(CHALLENGE, token)]);
    assert_eq!(answered.as_deref(), Some(token));
}

#[test]
fn a_card_that_directories_would_refuse_is_a_misconfiguration() {
    let long = format!("com.example/{}", "x".repeat(189));
    let many = "ü".repeat(101);
    for (name, description, variable) in [
        ("doorward", TEXT, "server_card_name"),
        ("com.example/", TEXT, "server_card_name"),
        ("/doorward", TEXT, "server_card_name"),
        ("com..example/doorward", TEXT, "server_card_name"),
        ("com.example/a/b", TEXT, "server_card_name"),
        ("com.example/door ward", TEXT, "server_card_name"),
        ("com_example/doorward", TEXT, "server_card_name"),
        ("com.exämple/doorward", TEXT, "server_card_name"),
        (&long, TEXT, "server_card_name"),
        (NAME, "", "server_card_description"),
        (NAME, &many, "server_card_description"),
        (NAME, "two\nlines", "server_card_description"),
    ] {
        let card = [("server_card_name", name), ("server_card_description", description)];
        let error = read(&card).unwrap_err();
        let wrong: Vec<_> = error.iter().map(|error| error.variable).collect();
        assert_eq!(wrong, [variable], "{name}: {description}");
    }
    for (name, description) in [("a.b/c", "d"), ("localhost/a._-b", &many[2..])] {
        let card = [("server_card_name", name), ("server_card_description", description)];
        assert!(read(&card).is_ok(), "{name}: {description}");
    }
}

#[test]
fn a_token_of_openai_that_no_line_can_hold_is_a_misconfiguration() {
    for bad in ["a b", "a\nb", "ä"] {
        let error = read(&[(CHALLENGE, bad)]).unwrap_err().to_string();
        assert!(
            error.starts_with("the variable `openai_apps_challenge` is not a token"),
            "{error}"
        );
    }
}
