//! `try`: runs the whole flow as an MCP client that knows only the server's URL.
//!
//! It runs for a user with all permissions and for one without, each with a different era of the
//! protocol, and twice for the member of an organization: in the organization, where a role gives
//! permissions, and outside of it. On a server of its own it also cuts off the first user's access.

mod authorization;
mod browser;
mod discovery;
mod form;
mod http;
mod mcp;
mod pkce;
mod report;
mod revocation;
mod tools;
mod user_flow;

use crate::{Error, Log, Stack, StackOptions, cli, people, serve, stack};
use doorward_tenant::Seed;
use mcp::Era;
use report::Report;
use revocation::Revocation;
use std::io::{IsTerminal, Write};
use url::Url;
use user_flow::UserFlow;

/// Runs the flow and prints each step.
///
/// # Errors
/// Returns an error if a step fails, or if the tenant or the server cannot start.
pub async fn run(options: &cli::Try) -> Result<(), Error> {
    let (stack, server, host) = match &options.server_url {
        Some(url) => (None, url.as_str().trim_end_matches('/').to_owned(), None),
        None => {
            let component = Some(serve::component(&options.run).await?);
            let options = StackOptions {
                host: options.run.host,
                wasi: options.run.wasi,
                component,
                variables: Revocation::variables(),
                log: Log::Capture,
                ..StackOptions::default()
            };
            let stack = Stack::start(options).await?;
            let (url, host) = (stack.server_url().to_owned(), stack.host().to_string());
            (Some(stack), url, Some(host))
        }
    };
    let mcp_url = stack::mcp_url(server.trim_end_matches("/mcp"));
    let seed = match &stack {
        Some(stack) => stack.tenant().seed().clone(),
        None => Seed::load_default(&mcp_url),
    };
    let out = std::io::stdout();
    let color = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut report = Report::new(out, color);
    report.line(&match host {
        Some(host) => format!("Testing {mcp_url}, which runs on {host}."),
        None => format!("Testing {mcp_url}."),
    });
    if stack.is_none() {
        check_reachable(&mcp_url).await?;
    }
    let revocation = stack.as_ref().map(|stack| Revocation::at(stack.server_url()));
    play(&mut report, &mcp_url, &seed, revocation.as_ref()).await?;
    report.finish().map_err(|failures| {
        let log = stack.map(|stack| stack.logs()).unwrap_or_default();
        let log = if log.is_empty() { log } else { format!("\nServer log:\n{log}") };
        Error::flow(format!("{failures}{log}").trim_end())
    })
}

/// Checks that a server responds, so that a wrong URL or a stopped server gives one clear error.
async fn check_reachable(mcp_url: &str) -> Result<(), Error> {
    match reqwest::get(mcp_url).await {
        Err(error) if error.is_connect() || error.is_timeout() => Err(Error::flow(format!(
            "nothing responds at {mcp_url}: check that the server is running and that the URL is correct"
        ))),
        // The steps check everything else.
        _ => Ok(()),
    }
}

/// Runs the flow for all users. Failed steps are in the report.
///
/// # Errors
/// Returns an error if the URL is invalid or the seed lacks one of the users.
async fn play(
    report: &mut Report<impl Write>,
    mcp_url: &str,
    seed: &Seed,
    revocation: Option<&Revocation>,
) -> Result<(), Error> {
    let server = Url::parse(mcp_url)
        .map_err(|error| Error::usage(format!("{mcp_url} is not a valid URL: {error}")))?;
    let no_person = |who: &str| Error::usage(format!("The seed has no user {who}."));
    let permitted = people::permitted(seed, mcp_url)
        .ok_or_else(|| no_person("with all permissions and a calendar"))?;
    let refused = people::refused(seed, mcp_url).ok_or_else(|| no_person("without permissions"))?;
    let (member, organization) = people::member(seed, mcp_url)
        .ok_or_else(|| no_person("with permissions in an organization only"))?;
    let users = [
        (permitted, None, Era::Stateless, revocation),
        (refused, None, Era::Handshake, None),
        (member, Some(organization), Era::Stateless, None),
        (member, None, Era::Handshake, None),
    ];
    for (person, organization, era, revocation) in users {
        let place = organization.map_or_else(String::new, |it| format!(" in {}", it.name));
        report.line(&format!(
            "\n{}{place} ({}), speaking MCP {}",
            person.name,
            person.note,
            era.version()
        ));
        let flow = UserFlow::new(&server, seed, person, organization, era)?;
        // Ignore a halt: the report has the failed step.
        let _ = flow.run(report, revocation).await;
    }
    Ok(())
}
