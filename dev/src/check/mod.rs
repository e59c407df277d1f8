//! `check`: finds out why a server does not work, from outside by its URL, and from inside by its
//! variables and its tenant.

mod commands;
pub(crate) mod inside;
mod outcome;
pub mod outside;
mod report;

pub use outcome::{Finding, Outcome, Verdict};

use crate::{
    Error, cli,
    http::Http,
    management::{self, Management},
    stack, token_input,
    variables::Variables,
};
use commands::Commands;
use outside::Probe;
use report::{Count, Section};
use std::io::{IsTerminal, Write};

/// The server of `cargo run`, if nothing names another.
const LOCAL: &str = "http://127.0.0.1:3000/mcp";

/// Looks at a server from outside, as `check <url>` does.
///
/// # Errors
/// Returns an error if no HTTP client can be made.
pub async fn look(url: &str) -> Result<Vec<Outcome>, Error> {
    let http = Http::new().map_err(|error| Error::unchecked(error.to_string()))?;
    let probe = Probe { url: outside::endpoint(url), page: None, token: None };
    Ok(outside::probe(&http, &probe).await.outcomes)
}

/// Makes all checks and prints the report.
///
/// # Errors
/// Returns an error if a check found something, or could not be made.
pub async fn run(options: &cli::Check) -> Result<(), Error> {
    let variables = Variables::at_hand(options.env_file.as_deref())?;
    let url = match (&options.url, &variables) {
        (Some(url), _) => outside::endpoint(url),
        (None, Some(variables)) => stack::mcp_url(variables.public_url()),
        (None, None) => LOCAL.to_owned(),
    };
    // Another server's URL has nothing to do with the tenant at hand.
    let variables = variables
        .filter(|variables| options.url.is_none() || stack::mcp_url(variables.public_url()) == url);
    let http = Http::new().map_err(|error| Error::unchecked(error.to_string()))?;
    let mut hidden = variables.as_ref().map(Variables::secrets).unwrap_or_default();
    let (mut bearer, mut admin) = (None, None);
    if options.bearer_stdin {
        let token = token_input::from_stdin().await?;
        hidden.push(token.clone());
        bearer = Some(token);
    }
    if let Some(variables) = &variables {
        let origin = variables.tenant_origin();
        if options.token_stdin {
            let token = token_input::from_stdin().await?;
            hidden.push(token.clone());
            admin = Some(Management::with_token(http.clone(), &origin, token));
        } else if let Some(program) = &options.auth0_cli {
            let domain = origin.split_once("://").map_or(origin.as_str(), |(_, domain)| domain);
            admin = Some(Management::with_cli(program.into(), domain));
        }
    }
    let probe = Probe { url: url.clone(), page: options.page.clone(), token: bearer };
    let seen = outside::probe(&http, &probe).await;
    let mut sections = vec![Section {
        side: "server",
        title: format!("The server at {url}, from outside"),
        outcomes: seen.outcomes,
    }];
    if let Some(variables) = &variables {
        let user = options.user.as_deref();
        let mut outcomes = inside::check(&http, variables, admin.as_ref(), user).await;
        let domain = management::origin(variables.get("auth0_domain").unwrap_or_default());
        name_the_tenant(&mut outcomes, &domain, &seen.issuers);
        let title = format!("The tenant {domain}, with the variables of {}", variables.source);
        sections.push(Section { side: "tenant", title, outcomes });
        let commands = Commands::new(options, variables);
        for section in &mut sections {
            section.outcomes.iter_mut().for_each(|outcome| commands.complete(outcome));
        }
    } else if options.user.is_some() || options.token_stdin || options.auth0_cli.is_some() {
        return Err(Error::usage(
            "There is no tenant to check: name a file with the server's variables by `--env-file`.",
        ));
    }
    let text = if options.json {
        format!("{}\n", report::json(&sections, &hidden))
    } else {
        let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut text = report::text(&sections, &hidden, color);
        if variables.is_none() {
            text.push_str(
                "The tenant behind it was not checked, because no variables of this server are at \
                 hand. `--env-file` names a file that has them.\n",
            );
        }
        text
    };
    // Whoever reads only the beginning closes the pipe, and gets the exit status all the same.
    let _ = std::io::stdout().write_all(text.as_bytes());
    match report::count(&sections) {
        Count { findings: 0, unknown: 0, .. } => Ok(()),
        Count { findings: 0, unknown, .. } => {
            Err(Error::unchecked(format!("{} could not be made.", report::checks(unknown))))
        }
        Count { findings, .. } => {
            Err(Error::flow(format!("{} found something.", report::checks(findings))))
        }
    }
}

/// Says so if the running server names another tenant than the variables.
fn name_the_tenant(outcomes: &mut Vec<Outcome>, domain: &str, issuers: &[String]) {
    let mut issuers = issuers.iter().map(|issuer| issuer.trim_end_matches('/')).peekable();
    let Some(outcome) = outcomes.iter_mut().find(|outcome| outcome.id == "tenant.domain") else {
        return;
    };
    if issuers.peek().is_none() || issuers.clone().any(|issuer| issuer == domain) {
        return;
    }
    let named = issuers.collect::<Vec<_>>().join(" and ");
    match &mut outcome.verdict {
        Verdict::Unknown(text) => text.push_str(&format!(" The running server names {named}.")),
        _ => outcomes.push(Outcome::note(
            "tenant.running_server",
            format!(
                "The running server names {named}, not {domain}: it runs with other variables, or \
                 `auth0_domain` is wrong."
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_compared_with_that_of_the_running_server() {
        let name = |verdict: Outcome, domain: &str, issuers: &[String]| {
            let mut outcomes = vec![verdict];
            name_the_tenant(&mut outcomes, domain, issuers);
            outcomes
        };
        let issuers = ["https://right.example/".to_owned()];
        let unknown = || Outcome::unknown("tenant.domain", "Is it right?");
        assert_eq!(name(unknown(), "https://right.example", &issuers), [unknown()]);
        assert_eq!(name(unknown(), "https://wrong.example", &[]), [unknown()]);
        let text = "Is it right? The running server names https://right.example.";
        let outcomes = name(unknown(), "https://wrong.example", &issuers);
        assert_eq!(outcomes, [Outcome::unknown("tenant.domain", text)]);
        let passed = || Outcome::passed("tenant.domain", "https://wrong.example/");
        let outcomes = name(passed(), "https://wrong.example", &issuers);
        assert_eq!(outcomes.len(), 2, "{outcomes:?}");
        assert_eq!(outcomes[1].id, "tenant.running_server");
    }
}
