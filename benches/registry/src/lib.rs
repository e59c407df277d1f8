//! A server whose registry the benchmark chooses: it has the tool of `examples/tools/rust` built
//! in, and as many others as its file `tools` says; none without that file.

#![cfg(target_family = "wasm")]

use std::fs;

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Text {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Count {
    words: usize,
    characters: usize,
}

/// What an ordinary tool takes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// What to look for
    query: String,
    /// How many results to return (default: 10)
    limit: Option<u32>,
    /// Whether results that were archived are returned as well (default: false)
    archived: Option<bool>,
}

fn server() -> Server {
    let info = ServerInfo {
        name: env!("CARGO_PKG_NAME"),
        title: "Registry",
        version: env!("CARGO_PKG_VERSION"),
    };
    let more = fs::read_to_string("/tools").ok().and_then(|text| text.trim().parse().ok());
    let word_count = Tool::new("word_count", word_count)
        .title("Word count")
        .description("Counts the words and characters of a text")
        .public();
    let registry = Registry::new().with(word_count);
    Server::new(info, (0..more.unwrap_or(0)).fold(registry, |all, number| all.with(other(number))))
}

async fn word_count(_: &Context, arguments: Text) -> Result<ToolOutput<Count>, CallError> {
    let Text { text } = arguments;
    let (words, characters) = (text.split_whitespace().count(), text.chars().count());
    let text = format!("{words} words, {characters} characters");
    Ok(ToolOutput { text, structured: Count { words, characters } })
}

/// A tool with a name of its own. An instance makes each once and never removes it.
fn other(number: u32) -> Tool {
    let name: &'static str = Box::leak(format!("search_{number:04}").into_boxed_str());
    Tool::new(name, search)
        .title("Search a collection")
        .description("Searches one of the collections for a text, and returns what it found")
        .public()
}

async fn search(_: &Context, arguments: Search) -> Result<String, CallError> {
    let Search { query, limit, archived } = arguments;
    let (limit, archived) = (limit.unwrap_or(10), archived.unwrap_or(false));
    Ok(format!("Found nothing for {query:?} (at most {limit}, archived: {archived})."))
}

doorward_spin::component!(server());
