//! The page for people who open the server's URL in a browser.

use super::{Answer, route::MCP_PATH};
use crate::config::Config;

/// A page that says what this is and how to connect to it. It names no tool and no tenant: nobody has signed in.
#[must_use]
pub fn landing_page(config: &Config, name: &str) -> Answer {
    let url = escape(&format!("{}{MCP_PATH}", config.public_url));
    let name = escape(name);
    Answer::html(format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
:root {{ color-scheme: light dark; font: 1.05rem/1.6 system-ui, sans-serif }}
body {{ max-width: 40rem; margin: 4rem auto; padding: 0 1.25rem }}
code {{ background: color-mix(in srgb, currentColor 10%, transparent); padding: .15em .4em; border-radius: .3em }}
pre code {{ display: block; padding: .8em 1em; overflow-x: auto }}
</style>
<h1>{name}</h1>
<p>This is an MCP server. It is for agents and MCP clients rather than for browsers; they connect to</p>
<pre><code>{url}</code></pre>
<p>The client finds out by itself where to sign you in. To look around by hand, start
<code>npx @modelcontextprotocol/inspector</code>, choose the transport <em>Streamable HTTP</em> and paste the URL.</p>
<p>For machines: <a href="/.well-known/oauth-protected-resource/mcp">protected resource metadata</a>,
<a href="/.well-known/oauth-authorization-server">authorization server metadata</a>, <a href="/health">health</a>.</p>
</html>
"#
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
