//! What the variables say by themselves.

use crate::{
    check::outcome::{Outcome, Verdict},
    secrets, stack, tools,
    variables::{self, SECRETS, Variables},
};

pub(super) fn check(variables: &Variables, all: &mut Vec<Outcome>) {
    all.push(audience(variables));
    all.push(public_url(variables));
    secrets(variables, all);
    all.push(credentials(variables));
    all.extend(variables.get("upstreams").map(upstreams));
    // Without its application the server would be another one.
    if !variables.lacks_credential {
        accepted(variables, all);
    }
}

/// Whether the server starts with the variables, as it reads them itself. What another check found
/// is left out.
fn accepted(variables: &Variables, all: &mut Vec<Outcome>) {
    const ID: &str = "server.variables";
    let in_manifest = variables::defaults();
    let is_known = |name: &str| {
        in_manifest.contains_key(name)
            || doorward_server::declared_variables().any(|known| known.name == name)
    };
    let unknown: Vec<String> = variables
        .all()
        .keys()
        .filter(|name| !is_known(name))
        .map(|name| format!("`{name}`"))
        .collect();
    if !unknown.is_empty() {
        all.push(Outcome::note(
            "server.unknown_variables",
            format!(
                "The server has no variable {}. If it is not one of a tool's, its name is misspelled: \
                 docs/configuration.md has them all.",
                unknown.join(", ")
            ),
        ));
    }
    let server = doorward_tools::server();
    let Err(errors) = server.check_variables(|name| variables.all().get(name).cloned()) else {
        return all.push(Outcome::passed(ID, "the server starts with them"));
    };
    let is_found = |variable: &str| {
        all.iter().any(|outcome| match &outcome.verdict {
            Verdict::Found(finding) => finding.what.contains(&format!("`{variable}`")),
            _ => false,
        })
    };
    let problems: Vec<String> = errors
        .iter()
        .filter(|error| !is_found(error.variable))
        .map(|error| format!("`{}` {}", error.variable, error.problem))
        .collect();
    if !problems.is_empty() {
        all.push(Outcome::found(
            ID,
            format!("The server refuses its variables: {}.", problems.join("; ")),
            "It answers 503 to every request until they are correct.",
            format!(
                "Correct them in {}: docs/configuration.md says what each may be.",
                variables.source
            ),
        ));
    }
}

fn audience(variables: &Variables) -> Outcome {
    let expected = stack::mcp_url(variables.public_url());
    if variables.audience() == expected {
        return Outcome::passed("server.audience", expected);
    }
    Outcome::found(
        "server.audience",
        format!(
            "`auth0_audience` is {}, but clients connect to {expected}, which is `public_url` and \
             /mcp.",
            variables.audience()
        ),
        "Clients ask for tokens for the URL that they connect to, byte for byte. With Auth0 the \
         error is \"Service not found\".",
        format!(
            "Set `auth0_audience` to {expected} if the API has this identifier. Otherwise it needs \
             a new API: cargo run -- tenant setup --url {}",
            variables.public_url()
        ),
    )
}

fn public_url(variables: &Variables) -> Outcome {
    const ID: &str = "server.public_url";
    let url = variables.public_url();
    if !variables.is_loopback() && !url.starts_with("https://") {
        return Outcome::found(
            ID,
            format!("`public_url` is {url}, which is not an https URL."),
            "The server refuses to start with it: tokens would travel in clear.",
            "Set `public_url` to the https URL at which clients reach the server.",
        );
    }
    if !variables.is_loopback() && variables.get("local_tenant_url").is_some() {
        return Outcome::found(
            ID,
            "`local_tenant_url` is set on a server that is not on this machine.",
            "The server refuses to start with it: a local tenant is for development.",
            "Remove `local_tenant_url`.",
        );
    }
    Outcome::passed(ID, url)
}

fn secrets(variables: &Variables, all: &mut Vec<Outcome>) {
    const ID: &str = "server.secrets";
    let before = all.len();
    for name in SECRETS {
        let Some(secret) = variables.get(name) else { continue };
        if secrets::is_short(name, secret) {
            all.push(Outcome::found(
                ID,
                format!("`{name}` has fewer than {} characters.", secrets::LENGTH),
                "It can be guessed. The server refuses to start with it.",
                secrets::fix(name),
            ));
        } else if secrets::is_published(secret) && !variables.is_loopback() {
            all.push(Outcome::found(
                ID,
                format!("`{name}` has a secret of the local tenant."),
                "Everybody knows it. The server refuses to start with it.",
                secrets::fix(name),
            ));
        }
    }
    if all.len() == before {
        all.push(Outcome::passed(ID, "long enough"));
    }
}

/// Whether every tool of another server has a name of its own.
fn upstreams(value: &str) -> Outcome {
    const ID: &str = "server.upstreams";
    let (own, others) = (tools::of_this_build(), tools::of_upstreams(value));
    let has_name = |name: &str| own.iter().any(|tool| tool.name == name);
    let names = others.iter().map(|tool| tool.name.as_str()).filter(|name| has_name(name));
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return Outcome::passed(ID, "no tool has the name of a built-in one");
    }
    Outcome::found(
        ID,
        format!("Tools of other servers have the names of built-in ones: {}.", names.join(", ")),
        "The server leaves them out: the built-in ones keep their names.",
        "Give their entry in `upstreams` another `prefix`.",
    )
}

fn credentials(variables: &Variables) -> Outcome {
    const ID: &str = "server.credentials";
    let secret = variables.get("auth0_client_secret").is_some();
    let key = variables.get("auth0_client_private_key").is_some();
    let has_id = variables.get("auth0_client_id").is_some();
    if variables.lacks_credential {
        return Outcome::found(
            ID,
            "`auth0_client_id` is set, and neither `auth0_client_secret` nor \
             `auth0_client_private_key` is.",
            "`cargo run` leaves the application out, and tokens alone decide. Elsewhere the server \
             does not start.",
            "cargo run -- tenant setup\nOr remove the id, if the server has no application.",
        );
    }
    match (secret, key) {
        (true, _) | (_, true) if !has_id => Outcome::found(
            ID,
            "The application's secret or private key is set, and `auth0_client_id` is not.",
            "The server does not know whose it is, and does not start.",
            "Set `auth0_client_id`, or remove the secret and the key.",
        ),
        (true, false) => Outcome::passed(ID, "a client secret"),
        (false, true) => Outcome::passed(ID, "a private key"),
        (false, false) if !has_id => match variables.get("server_secret") {
            Some(_) => Outcome::passed(ID, "none: tokens decide"),
            None => Outcome::found(
                ID,
                "Neither an application nor `server_secret` is set.",
                "The server has nothing to derive its keys from, and does not start.",
                "cargo run -- secrets generate server_secret",
            ),
        },
        (false, false) => Outcome::found(
            ID,
            "Neither `auth0_client_secret` nor `auth0_client_private_key` is set.",
            "The server does not know how to authenticate, and does not start.",
            "cargo run -- tenant setup\nOr set exactly one of the two.",
        ),
        (true, true) => Outcome::found(
            ID,
            "`auth0_client_secret` and `auth0_client_private_key` are both set.",
            "The server does not know how to authenticate, and does not start.",
            "Remove one of the two.",
        ),
    }
}
