//! What the variables say by themselves.

use crate::{
    check::outcome::Outcome,
    secrets, stack, tools,
    variables::{SECRETS, Variables},
};

pub(super) fn check(variables: &Variables, all: &mut Vec<Outcome>) {
    all.push(audience(variables));
    all.push(public_url(variables));
    all.push(secrets(variables));
    all.push(credentials(variables));
    all.extend(variables.get("upstreams").map(upstreams));
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

fn secrets(variables: &Variables) -> Outcome {
    const ID: &str = "server.secrets";
    for name in SECRETS {
        let Some(secret) = variables.get(name) else { continue };
        if secrets::is_short(name, secret) {
            return Outcome::found(
                ID,
                format!("`{name}` has fewer than {} characters.", secrets::LENGTH),
                "It can be guessed. The server refuses to start with it.",
                secrets::fix(name),
            );
        }
        if secrets::is_published(secret) && !variables.is_loopback() {
            return Outcome::found(
                ID,
                format!("`{name}` has a secret of the local tenant."),
                "Everybody knows it. The server refuses to start with it.",
                secrets::fix(name),
            );
        }
    }
    Outcome::passed(ID, "long enough")
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
        (both, _) => Outcome::found(
            ID,
            match both {
                true => "`auth0_client_secret` and `auth0_client_private_key` are both set.",
                false => "Neither `auth0_client_secret` nor `auth0_client_private_key` is set.",
            },
            "The server does not know how to authenticate, and does not start.",
            "Set exactly one of the two.",
        ),
    }
}
