//! Two shell commands that call a tool with curl and sed.

use doorward_tenant::{ClientAuth, Person, Seed};

/// Returns the commands that get a token for `person` by the password grant, and call
/// `calendar_summary` with it. Returns `None` if no public client in the seed may use that grant.
pub(super) fn lines(seed: &Seed, person: &Person, tenant: &str, mcp_url: &str) -> Option<String> {
    let client = seed.clients.iter().find(|client| {
        client.token_endpoint_auth_method == ClientAuth::None
            && client.grant_types.iter().any(|grant| grant == "password")
    })?;
    let api = seed.apis.iter().find(|api| api.identifier == mcp_url)?;
    let scopes: Vec<&str> = api.scopes.iter().map(|scope| scope.value.as_str()).collect();
    let fields = [
        ("grant_type", "password"),
        ("client_id", &client.client_id),
        ("username", &person.email),
        ("password", &seed.tenant.password),
        ("audience", mcp_url),
        ("scope", &scopes.join(" ")),
    ]
    .map(|(name, value)| format!(" --data-urlencode {}", quoted(&format!("{name}={value}"))))
    .concat();
    let token_endpoint = quoted(&format!("{tenant}/oauth/token"));
    let extract = r#"sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"#;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"calendar_summary","arguments":{}}}"#;
    let headers = r#"-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream'"#;
    Some(format!(
        "TOKEN=$(curl -sS {token_endpoint}{fields} | {extract})\ncurl -sS {} {headers} -d '{call}'; echo",
        quoted(mcp_url)
    ))
}

/// Quotes the text as one word of a shell command.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MCP_URL: &str = "http://127.0.0.1:3000/mcp";

    fn text(seed: &Seed) -> Option<String> {
        lines(seed, &seed.people[0], "http://127.0.0.1:4000", MCP_URL)
    }

    #[test]
    fn the_second_of_two_lines_uses_the_token_that_the_first_gets() {
        let text =
            text(&Seed::load_default(MCP_URL)).expect("the built-in seed has a client for it");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].starts_with("TOKEN=$(curl -sS http://127.0.0.1:4000/oauth/token "),
            "{text}"
        );
        assert!(lines[0].contains("username=owner@example.com"), "{text}");
        assert!(
            lines[0].contains("'scope=tool:whoami tool:greet tool:calendar_summary'"),
            "{text}"
        );
        assert!(lines[1].contains("Bearer $TOKEN") && lines[1].contains(MCP_URL), "{text}");
    }

    #[test]
    fn without_a_public_client_for_the_password_grant_there_are_no_lines() {
        let mut seed = Seed::load_default(MCP_URL);
        seed.clients.retain(|client| client.grant_types.iter().all(|grant| grant != "password"));
        assert_eq!(text(&seed), None);
    }

    #[test]
    fn a_word_with_special_characters_is_quoted() {
        assert_eq!(quoted("a=b@c"), "a=b@c");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
