//! The page for people who open the server's URL in a browser.

use base64::{Engine, prelude::BASE64_STANDARD};
use doorward_core::web::{Answer, Escaped, page};
use doorward_mcp::ServerInfo;
use doorward_oauth::ProtectedResource;
use http::StatusCode;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

/// A page that says what this is and how each client connects. It names no tool and no tenant,
/// because nobody has signed in.
pub(crate) fn landing_page(resource: &ProtectedResource, info: &ServerInfo) -> Answer {
    let (name, url) = (name_in_commands(info.name), resource.mcp_url.as_str());
    let vscode = json!({ "name": name, "type": "http", "url": url }).to_string();
    let vscode: String = byte_serialize(vscode.as_bytes()).collect();
    let cursor = BASE64_STANDARD.encode(json!({ "url": url }).to_string()).replace('+', "%2B");
    let main = format!(
        r#"<h1>{title}</h1>
<p>This is an MCP server. It is for agents and MCP clients rather than for browsers; they connect to</p>
<pre><code>{url}</code></pre>
<p><a class="button" href="vscode:mcp/install?{vscode}">Add to VS Code</a>
<a class="button" href="cursor://anysphere.cursor-deeplink/mcp/install?name={name}&amp;config={cursor}">Add to Cursor</a></p>
<p>In a terminal, for Claude Code or Codex:</p>
<pre><code>claude mcp add --transport http {name} {url}
codex mcp add {name} --url {url}</code></pre>
<p>In <code>.vscode/mcp.json</code>:</p>
<pre><code>{{ &quot;servers&quot;: {{ &quot;{name}&quot;: {{ &quot;type&quot;: &quot;http&quot;, &quot;url&quot;: &quot;{url}&quot; }} }} }}</code></pre>
<p>In <code>.cursor/mcp.json</code>, and for many other clients:</p>
<pre><code>{{ &quot;mcpServers&quot;: {{ &quot;{name}&quot;: {{ &quot;url&quot;: &quot;{url}&quot; }} }} }}</code></pre>
<p>The client finds out by itself where to sign you in. To look around by hand, start
<code>npx @modelcontextprotocol/inspector</code>, choose the transport <em>Streamable HTTP</em> and paste the URL.</p>
<p class="soft">For machines: <a href="{metadata}">protected resource metadata</a>,
<a href="{prefix}/.well-known/oauth-authorization-server">authorization server metadata</a>, <a href="{prefix}/health">health</a>.</p>"#,
        title = Escaped(info.title),
        url = Escaped(url),
        metadata = Escaped(&resource.metadata_url),
        prefix = resource.prefix,
    );
    page(StatusCode::OK, info.title, &main)
}

/// A server's name as a word of letters, digits, `-` and `_`, which needs no quotes in a shell, a
/// link or JSON.
fn name_in_commands(name: &str) -> String {
    let of = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = name.chars().map(of).collect();
    match name.trim_matches('-') {
        "" => "mcp".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_more_than_a_word_of_a_command() {
        for (name, word) in [
            ("doorward", "doorward"),
            ("my_server-2", "my_server-2"),
            ("My server", "My-server"),
            ("--scope; rm -rf \"$HOME\"", "scope--rm--rf---HOME"),
            ("<b>&", "b"),
            ("Türen", "T-ren"),
            ("…", "mcp"),
            ("", "mcp"),
        ] {
            assert_eq!(name_in_commands(name), word, "{name}");
        }
    }
}
