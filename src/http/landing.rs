//! The page for people who open the server's URL in a browser.

use ::http::StatusCode;

use super::{
    Answer,
    page::{Escaped, page},
};
use crate::config::Config;

/// A page that says what this is and how to connect to it. It names no tool and no tenant: nobody has signed in.
#[must_use]
pub fn landing_page(config: &Config, name: &str) -> Answer {
    let url = config.mcp_url();
    let main = format!(
        r#"<h1>{}</h1>
<p>This is an MCP server. It is for agents and MCP clients rather than for browsers; they connect to</p>
<pre><code>{}</code></pre>
<p>The client finds out by itself where to sign you in. To look around by hand, start
<code>npx @modelcontextprotocol/inspector</code>, choose the transport <em>Streamable HTTP</em> and paste the URL.</p>
<p class="soft">For machines: <a href="/.well-known/oauth-protected-resource/mcp">protected resource metadata</a>,
<a href="/.well-known/oauth-authorization-server">authorization server metadata</a>, <a href="/health">health</a>.</p>"#,
        Escaped(name),
        Escaped(&url),
    );
    page(StatusCode::OK, name, &main)
}
