//! The page for people who open the server's URL in a browser.

use doorward_core::web::{Answer, Escaped, page};
use doorward_oauth::ProtectedResource;
use http::StatusCode;

/// A page that says what this is and how to connect. It names no tool and no tenant, because nobody
/// has signed in.
pub(crate) fn landing_page(resource: &ProtectedResource, name: &str) -> Answer {
    let main = format!(
        r#"<h1>{}</h1>
<p>This is an MCP server. It is for agents and MCP clients rather than for browsers; they connect to</p>
<pre><code>{}</code></pre>
<p>The client finds out by itself where to sign you in. To look around by hand, start
<code>npx @modelcontextprotocol/inspector</code>, choose the transport <em>Streamable HTTP</em> and paste the URL.</p>
<p class="soft">For machines: <a href="{}">protected resource metadata</a>,
<a href="{}/.well-known/oauth-authorization-server">authorization server metadata</a>, <a href="{}/health">health</a>.</p>"#,
        Escaped(name),
        Escaped(&resource.mcp_url),
        Escaped(&resource.metadata_url),
        resource.prefix,
        resource.prefix,
    );
    page(StatusCode::OK, name, &main)
}
