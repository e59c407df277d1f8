//! What `cargo run` prints once the server runs: what to do next.

mod curl;

use crate::{Stack, people};
use std::fmt::Write;

/// For a server with the local tenant.
pub(crate) fn local(stack: &Stack) -> String {
    let (tenant, mcp_url) = (stack.tenant(), stack.mcp_url());
    let seed = tenant.seed();
    let widest = seed.people.iter().map(|person| person.email.len()).max().unwrap_or_default();
    let mut text = opening(&mcp_url, &stack.host().to_string());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  Tenant      {} (a local stand-in for Auth0)\n", tenant.origin());
    text.push_str(&inspector(&mcp_url));
    let _ = writeln!(
        text,
        "Sign in as one of these people; the password is {}\n",
        seed.tenant.password
    );
    for person in &seed.people {
        let _ = writeln!(text, "  {:widest$}  {}", person.email, person.note);
    }
    if let Some(person) = people::permitted(seed, &mcp_url)
        && let Some(lines) = curl::lines(seed, person, tenant.origin(), &mcp_url)
    {
        let _ = writeln!(text, "\nOr paste these two lines into a shell:\n\n{lines}");
    }
    let _ = write!(
        text,
        "\nCtrl-C ends it. `cargo run -- try` plays the whole flow by itself; `cargo run -- --help` has the rest."
    );
    text
}

/// For a server with a real tenant. `local_url` is where it listens, `mcp_url` where clients reach it.
pub(crate) fn real(mcp_url: &str, audience: &str, local_url: &str, host: &str) -> String {
    let mut text = opening(mcp_url, host);
    let _ = writeln!(text, "  Listens at  {local_url}\n");
    if audience != mcp_url {
        let _ = writeln!(
            text,
            "Careful: clients ask the tenant for a token for {mcp_url},\n\
             but the API's identifier is {audience}. Auth0 wants the two to be the same, byte for byte.\n"
        );
    }
    text.push_str(&inspector(mcp_url));
    text.push_str("Ctrl-C ends it.");
    text
}

fn opening(mcp_url: &str, host: &str) -> String {
    format!("\nDoorward is running.\n\n  MCP server  {mcp_url}\n  Runs on     {host}\n")
}

fn inspector(mcp_url: &str) -> String {
    format!(
        "Try it in MCP Inspector: choose the transport Streamable HTTP and connect to\n{mcp_url}\n\n  \
         npx @modelcontextprotocol/inspector\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_tenants_text_warns_when_the_audience_is_not_the_mcp_url() {
        let text = |audience| {
            real("https://mcp.example/mcp", audience, "http://127.0.0.1:3000", "the local host")
        };
        assert!(text("https://mcp.example/").contains("Careful"));
        assert!(!text("https://mcp.example/mcp").contains("Careful"));
    }

    #[test]
    fn the_mcp_url_stands_on_a_line_of_its_own_to_be_copied() {
        let text = real(
            "https://mcp.example/mcp",
            "https://mcp.example/mcp",
            "http://127.0.0.1:3000",
            "the local host",
        );
        assert!(text.lines().any(|line| line == "https://mcp.example/mcp"), "{text}");
    }
}
