//! The API in the tenant.

use super::{
    Facts,
    access::{OPEN, is_closed},
    setup,
};
use crate::{check::outcome::Outcome, management::segment, providers::DIALECT, tools::Access};
use serde_json::Value;

/// The longest lifetime of access tokens without a note, in seconds.
const MAX_TOKEN_SECONDS: u64 = 2 * 60 * 60;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some(api) = facts.known("api.exists", &facts.tenant.api, all) else { return };
    let Some(api) = api else {
        return all.push(missing(facts));
    };
    let audience = facts.variables.audience();
    all.push(if api["identifier"] == audience {
        Outcome::passed("api.exists", format!("the identifier is {audience}"))
    } else {
        missing(facts)
    });
    all.push(signing_alg(facts, api));
    all.push(rbac(facts, api));
    all.push(dialect(facts, api));
    all.push(user_access(api));
    all.push(permissions(facts, api));
    all.push(scopes_supported(facts, api));
    all.push(undefined_tools(facts, api));
    all.push(strange(facts, api));
    all.push(descriptions(api));
    if api["allow_offline_access"] == false {
        all.push(offline_access(facts));
    } else if !facts.variables.is_loopback() {
        all.push(Outcome::note(
            "api.offline_access",
            format!(
                "Offline access is on: a client with a refresh token gets new access tokens until \
                 the tenant takes it away, also after a cut-off. For none: {}",
                patch_command(facts, "{\"allow_offline_access\": false}")
            ),
        ));
    }
    all.extend(token_lifetime(facts, api));
}

/// Whether tokens of a server for others are valid for long. The server asks nobody about them.
fn token_lifetime(facts: &Facts<'_>, api: &Value) -> Option<Outcome> {
    let seconds = api["token_lifetime"].as_u64()?;
    if facts.variables.is_loopback() || seconds <= MAX_TOKEN_SECONDS {
        return None;
    }
    let text = format!(
        "An access token is valid for {seconds} seconds. What neither the log stream nor \
         `check_blocked` tells the server counts only when the token has expired. For an hour: {}",
        patch_command(facts, "{\"token_lifetime\": 3600}")
    );
    Some(Outcome::note("api.token_lifetime", text))
}

/// What it means that the API allows no offline access.
fn offline_access(facts: &Facts<'_>) -> Outcome {
    const ID: &str = "api.offline_access";
    if facts.variables.get("offer_offline_access") != Some("true") {
        return Outcome::note(
            ID,
            "Offline access is off: clients get no refresh tokens, so users sign in again whenever \
             their token has expired.",
        );
    }
    Outcome::found(
        ID,
        "`offer_offline_access` is true, and the API does not allow offline access.",
        "Clients are told to ask for a refresh token, and get none.",
        patch(facts, "{\"allow_offline_access\": true}"),
    )
}

/// How a setting of the API is changed, which the set-up does as well.
fn patch(facts: &Facts<'_>, data: &str) -> String {
    setup(&patch_command(facts, data))
}

/// The command that changes a setting of the API.
fn patch_command(facts: &Facts<'_>, data: &str) -> String {
    let id = segment(facts.variables.audience());
    format!("auth0 api patch \"resource-servers/{id}\" --data '{data}'")
}

fn missing(facts: &Facts<'_>) -> Outcome {
    let audience = facts.variables.audience();
    let near = facts.tenant.identifiers.as_ref().ok().and_then(|all| {
        all.iter().find(|one| one.trim_end_matches('/') == audience.trim_end_matches('/'))
    });
    let near = near.map(|near| format!(" There is {near}: only a trailing slash differs."));
    Outcome::found(
        "api.exists",
        format!(
            "The tenant has no API with the identifier {audience}.{}",
            near.unwrap_or_default()
        ),
        "No client gets a token for this server: \"Service not found\". Without it nobody holds a \
         permission either.",
        "cargo run -- tenant setup\nAn identifier cannot be changed: a new API is needed.",
    )
}

fn signing_alg(facts: &Facts<'_>, api: &Value) -> Outcome {
    const ID: &str = "api.signing_alg";
    let alg = api["signing_alg"].as_str().unwrap_or_default();
    let accepted = facts.variables.words("token_algorithms");
    if accepted.contains(&alg) {
        return Outcome::passed(ID, alg);
    }
    Outcome::found(
        ID,
        format!("The API signs tokens with {alg}, and the server accepts {}.", accepted.join(", ")),
        "Every token is refused.",
        match alg {
            "PS256" | "RS512" => format!("Set token_algorithms = \"{alg}\"."),
            _ => patch(facts, "{\"signing_alg\": \"RS256\"}"),
        },
    )
}

fn rbac(facts: &Facts<'_>, api: &Value) -> Outcome {
    if api["enforce_policies"] == true {
        return Outcome::passed("api.rbac", "scopes are granted to those who hold the permission");
    }
    Outcome::found(
        "api.rbac",
        "RBAC is off.",
        "Every client is granted every scope that it asks for, whatever permissions its user holds.",
        patch(facts, "{\"enforce_policies\": true}"),
    )
}

fn dialect(facts: &Facts<'_>, api: &Value) -> Outcome {
    let dialect = api["token_dialect"].as_str().unwrap_or_default();
    if dialect == DIALECT {
        return Outcome::passed("api.dialect", dialect);
    }
    Outcome::found(
        "api.dialect",
        format!("The dialect of tokens is {dialect}."),
        match dialect {
            "access_token_authz" => {
                "Tokens are not those of RFC 9068: they have no `jti`, so a single one cannot be \
                 cut off by its id."
            }
            "rfc9068_profile" => {
                "Tokens have no `permissions`, so `permission_source = \"token\"` cannot see them."
            }
            _ => "Tokens have neither the `jti` of RFC 9068 nor `permissions`.",
        },
        patch(facts, &format!("{{\"token_dialect\": \"{DIALECT}\"}}")),
    )
}

fn user_access(api: &Value) -> Outcome {
    if api["subject_type_authorization"]["user"]["policy"] == "deny_all" {
        return Outcome::note(
            "api.user_access",
            format!(
                "The API refuses all users (`deny_all`): no client gets a token on behalf of its \
                 user. To let those in that have a grant: {OPEN}"
            ),
        );
    }
    Outcome::passed("api.user_access", "clients may act on behalf of users")
}

fn defined(api: &Value) -> Vec<&str> {
    let scopes = api["scopes"].as_array();
    scopes.into_iter().flatten().filter_map(|scope| scope["value"].as_str()).collect()
}

fn permissions(facts: &Facts<'_>, api: &Value) -> Outcome {
    const ID: &str = "api.permissions";
    let defined = defined(api);
    let missing: Vec<String> = facts
        .tenant
        .tools
        .iter()
        .filter(|tool| tool.access == Access::Private)
        .map(|tool| tool.permission())
        .filter(|name| !defined.contains(&name.as_str()))
        .collect();
    if missing.is_empty() {
        return Outcome::passed(ID, "the permission of every private tool is defined");
    }
    Outcome::found(
        ID,
        format!("The API does not define {}.", missing.join(", ")),
        "Nobody can hold a permission that is not defined, so nobody may use these tools.",
        "cargo run -- tenant setup\nOr: Dashboard, Applications, APIs, your API, Permissions.",
    )
}

fn scopes_supported(facts: &Facts<'_>, api: &Value) -> Outcome {
    const ID: &str = "api.scopes_supported";
    const OIDC: [&str; 4] = ["openid", "profile", "email", "offline_access"];
    let defined = defined(api);
    let asked = facts.variables.words("scopes_supported");
    let missing: Vec<&str> = asked
        .iter()
        .copied()
        .filter(|scope| !defined.contains(scope) && !OIDC.contains(scope))
        .collect();
    if !missing.is_empty() {
        return Outcome::found(
            ID,
            format!(
                "Clients are told to ask for {}, which the API does not define.",
                missing.join(", ")
            ),
            "Nobody is granted them, and strict clients stop because they got less than they asked \
             for.",
            "Correct `scopes_supported`, or define them: cargo run -- tenant setup",
        );
    }
    let unasked: Vec<&str> = defined
        .into_iter()
        .filter(|scope| scope.starts_with("tool:") && !asked.contains(scope))
        .collect();
    if unasked.is_empty() {
        return Outcome::passed(ID, asked.join(" "));
    }
    if unasked.iter().all(|scope| is_closed(facts, scope)) {
        return Outcome::note(
            ID,
            format!(
                "Clients neither ask for {} at sign-in nor are they granted it if they registered \
                 themselves. To change both: {OPEN}",
                unasked.join(", ")
            ),
        );
    }
    Outcome::found(
        ID,
        format!("`scopes_supported` does not have {}, which the API defines.", unasked.join(", ")),
        "Clients do not ask for it at sign-in, so the call of the tool is refused with 403 until \
         they ask again. Some never do.",
        format!("Add {} to `scopes_supported`.", unasked.join(" ")),
    )
}

fn undefined_tools(facts: &Facts<'_>, api: &Value) -> Outcome {
    const ID: &str = "api.undefined_tools";
    let defined = defined(api);
    let undefined: Vec<String> = facts
        .tenant
        .tools
        .iter()
        .filter(|tool| tool.access == Access::Undeclared)
        .map(|tool| tool.permission())
        .filter(|name| !defined.contains(&name.as_str()))
        .collect();
    let public: Vec<&str> = facts
        .tenant
        .tools
        .iter()
        .filter(|tool| tool.access == Access::Public)
        .map(|tool| tool.name.as_str())
        .collect();
    if undefined.is_empty() {
        let public = public.join(", ");
        return Outcome::passed(ID, format!("only tools whose code says so are public: {public}"));
    }
    if facts.variables.get("undefined_tools") == Some("refuse") {
        return Outcome::found(
            ID,
            format!("Nothing defines {}.", undefined.join(", ")),
            "Nobody may use these tools, because `undefined_tools` is `refuse`.",
            "cargo run -- tenant setup",
        );
    }
    Outcome::found(
        ID,
        format!("Nothing defines {}.", undefined.join(", ")),
        "These tools are open to everybody who signs in.",
        "cargo run -- tenant setup\nOr say `.public()` or `.private()` in the code of the tool, or \
         set undefined_tools = \"refuse\".",
    )
}

fn strange(facts: &Facts<'_>, api: &Value) -> Outcome {
    const ID: &str = "api.strange_permissions";
    let strange: Vec<&str> = defined(api)
        .into_iter()
        .filter(|name| {
            name.strip_prefix("tool:")
                .is_some_and(|name| !facts.tenant.tools.iter().any(|tool| tool.name == name))
        })
        .collect();
    if strange.is_empty() {
        return Outcome::passed(ID, "every `tool:` permission is that of a tool of this build");
    }
    Outcome::found(
        ID,
        format!("This build has no tool for {}.", strange.join(", ")),
        "If the name is misspelled, holding it opens nothing, and the tool that is meant may be \
         open to others.",
        "Correct the name, or remove the permission: Dashboard, Applications, APIs, your API, \
         Permissions. If the server that runs has other tools than this build, there is nothing to \
         fix.",
    )
}

fn descriptions(api: &Value) -> Outcome {
    let scopes = api["scopes"].as_array();
    let bare: Vec<&str> = scopes
        .into_iter()
        .flatten()
        .filter(|scope| scope["description"].as_str().is_none_or(|text| text.trim().is_empty()))
        .filter_map(|scope| scope["value"].as_str())
        .collect();
    if bare.is_empty() {
        return Outcome::passed("api.descriptions", "every permission has one");
    }
    Outcome::found(
        "api.descriptions",
        format!("These permissions have no description: {}.", bare.join(", ")),
        "The consent page shows their names, which people do not understand.",
        "cargo run -- tenant setup\nOr: Dashboard, Applications, APIs, your API, Permissions.",
    )
}
