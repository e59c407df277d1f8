//! The text that `cargo run` prints when the server is running: what to do next.

mod curl;

use crate::{Application, Stack, people, stack};
use base64::{Engine, engine::general_purpose::STANDARD};
use doorward_tenant::Tenant;
use std::fmt::Write;

/// The administrator's application in the local tenant, and its secret.
const EXPLORER: &str = "local-api-explorer";
const SECRET: &str = "local-only-secret-that-everybody-knows";

/// The text for a server with the local tenant.
pub(crate) fn local(stack: &Stack, application: Option<&Application>) -> String {
    let (tenant, mcp_url) = (stack.tenant(), stack.mcp_url());
    let seed = tenant.seed();
    let widest = seed.people.iter().map(|person| person.email.len()).max().unwrap_or_default();
    let mut text = opening(&mcp_url, &stack.host().to_string());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  Also at     {}", stack::at_localhost(&mcp_url));
    let _ = writeln!(text, "  Tenant      {} (a local stand-in for Auth0)", tenant.origin());
    if let Some(application) = application {
        let names: Vec<_> = application.tools().collect();
        let _ = writeln!(text, "  Tools of components: {}", names.join(", "));
    }
    text.push('\n');
    text.push_str(&clients(&mcp_url));
    let _ = writeln!(text, "Sign in as one of these users (password: {})\n", seed.tenant.password);
    for person in &seed.people {
        let _ = writeln!(text, "  {:widest$}  {}", person.email, person.note);
    }
    if let Some(person) = people::permitted(seed, &mcp_url)
        && let Some(lines) = curl::lines(seed, person, tenant.origin(), &mcp_url)
    {
        let _ = writeln!(text, "\nOr call a tool from a shell with these two lines:\n\n{lines}");
    }
    let _ = write!(
        text,
        "\nPress Ctrl-C to stop. `cargo run -- try` runs the whole flow and checks each step; \
         `cargo run -- --help` lists all options."
    );
    text
}

/// The text for a local tenant in which nothing is set up.
pub(crate) fn empty(tenant: &Tenant) -> String {
    let (origin, domain) = (tenant.origin(), tenant.domain());
    let mut text = format!(
        "\nAn empty tenant is running at {origin} (a local stand-in for Auth0).\n\n\
         To set it up for a server, in another terminal:\n\n  \
         umask 077\n  \
         curl -sS {origin}/oauth/token -d grant_type=client_credentials -d client_id={EXPLORER} \\\n    \
         -d client_secret={SECRET} -d audience={origin}/api/v2/ \\\n    \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/' > .env.token\n  \
         cargo run -- tenant setup --domain {domain} --token-stdin < .env.token\n  \
         cargo run -- tenant setup --domain {domain} --token-stdin --yes < .env.token\n  \
         cargo run -- --env-file .env\n\n\
         These users can sign in (password: {}):\n\n",
        tenant.seed().tenant.password
    );
    for person in &tenant.seed().people {
        let _ = writeln!(text, "  {}", person.email);
    }
    text.push_str("\nPress Ctrl-C to stop.");
    text
}

/// The text for a server with a real tenant. The server listens at `local_url`; clients reach it at
/// `mcp_url`.
pub(crate) fn real(mcp_url: &str, audience: &str, local_url: &str, host: &str) -> String {
    let mut text = opening(mcp_url, host);
    let _ = writeln!(text, "  Listens at  {local_url}\n");
    if audience != mcp_url {
        let _ = writeln!(
            text,
            "Warning: clients will request tokens for {mcp_url},\n\
             but the API's identifier in the tenant is {audience}.\n\
             Auth0 requires the two to be identical: change one of them.\n"
        );
    }
    text.push_str(&clients(mcp_url));
    text.push_str("Press Ctrl-C to stop.");
    text
}

fn opening(mcp_url: &str, host: &str) -> String {
    format!("\nDoorward is running.\n\n  MCP server  {mcp_url}\n  Runs on     {host}\n")
}

/// Ways to connect: Inspector, and clients that are configured by one command or link.
fn clients(mcp_url: &str) -> String {
    let config = format!(r#"{{"name":"doorward","type":"http","url":"{mcp_url}"}}"#);
    let cursor = STANDARD.encode(format!(r#"{{"url":"{mcp_url}"}}"#));
    format!(
        "To try it, start MCP Inspector (Node 22.19 or newer), choose the transport Streamable HTTP,\n\
         and connect to\n\
         {mcp_url}\n\n  \
         npx @modelcontextprotocol/inspector --transport http --server-url {mcp_url}\n\n\
         Or use it from an agent (docs/clients.md has more of them):\n\n  \
         claude mcp add --transport http doorward {mcp_url}\n  \
         codex mcp add doorward --url {mcp_url}\n  \
         code --add-mcp '{config}'\n  \
         cursor://anysphere.cursor-deeplink/mcp/install?name=doorward&config={cursor}\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_for_a_real_tenant_warns_if_the_audience_is_not_the_mcp_url() {
        let text = |audience| {
            real("https://mcp.example/mcp", audience, "http://127.0.0.1:3000", "the local host")
        };
        assert!(text("https://mcp.example/").contains("Warning"));
        assert!(!text("https://mcp.example/mcp").contains("Warning"));
    }

    #[test]
    fn the_mcp_url_is_on_its_own_line_for_copying() {
        let text = real(
            "https://mcp.example/mcp",
            "https://mcp.example/mcp",
            "http://127.0.0.1:3000",
            "the local host",
        );
        assert!(text.lines().any(|line| line == "https://mcp.example/mcp"), "{text}");
    }

    #[test]
    fn every_client_is_given_the_mcp_url() {
        let text = clients("https://mcp.example.com/mcp");
        // The base64 of a link is that of docs/clients/cursor.md.
        let encoded = "eyJ1cmwiOiJodHRwczovL21jcC5leGFtcGxlLmNvbS9tY3AifQ==";
        for line in text.lines().filter(|line| line.starts_with("  ")) {
            assert!(
                line.contains("https://mcp.example.com/mcp") || line.ends_with(encoded),
                "{line}"
            );
        }
        assert!(text.contains(encoded), "{text}");
    }
}
