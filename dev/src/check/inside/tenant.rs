//! The tenant's domain and its settings.

use super::{Facts, connection, has, setup};
use crate::{check::outcome::Outcome, management};

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    all.push(domain(facts));
    let Some(settings) = facts.known("tenant.settings", &facts.tenant.settings, all) else {
        return;
    };
    all.push(resource_parameter(facts, settings));
    all.push(response_issuer(settings));
    all.push(registration(settings));
    all.extend(open_registration(settings));
    documents(facts, settings, all);
    all.push(scope_descriptions(settings));
    all.extend(default_audience(facts, settings));
    mfa(facts, all);
}

fn domain(facts: &Facts<'_>) -> Outcome {
    let expected =
        format!("{}/", management::origin(facts.variables.get("auth0_domain").unwrap_or_default()));
    let issuer = facts.tenant.discovery["issuer"].as_str().unwrap_or_default();
    if issuer == expected {
        Outcome::passed("tenant.domain", issuer)
    } else {
        Outcome::found(
            "tenant.domain",
            format!("`auth0_domain` makes the issuer {expected}, but the tenant says {issuer}."),
            "Tokens name the tenant's issuer, and the server accepts only the one of `auth0_domain`.",
            format!(
                "Set `auth0_domain` to {}.",
                issuer.trim_start_matches("https://").trim_end_matches('/')
            ),
        )
    }
}

fn resource_parameter(facts: &Facts<'_>, settings: &serde_json::Value) -> Outcome {
    const ID: &str = "tenant.resource_parameter";
    if settings["resource_parameter_profile"] == "compatibility" {
        return Outcome::passed(ID, "clients may send `resource`");
    }
    let fallback = settings["default_audience"] == facts.variables.audience();
    Outcome::found(
        ID,
        "The Resource Parameter Compatibility Profile is off.",
        match fallback {
            true => {
                "MCP clients send `resource`, not `audience`. The default audience makes up for \
                 it, but only for this one API."
            }
            false => {
                "MCP clients send `resource`, not `audience`. They get opaque tokens, which the \
                 server refuses."
            }
        },
        setup(
            "auth0 api patch tenants/settings --data '{\"resource_parameter_profile\": \
             \"compatibility\"}'",
        ),
    )
}

fn response_issuer(settings: &serde_json::Value) -> Outcome {
    const ID: &str = "tenant.response_issuer";
    if settings["authorization_response_iss_parameter_supported"] == true {
        return Outcome::passed(ID, "authorization responses name their issuer");
    }
    Outcome::found(
        ID,
        "Include Issuer in Authorization Responses is off.",
        "Clients that use several servers cannot tell which one answered (RFC 9207).",
        setup(
            "auth0 api patch tenants/settings --data \
             '{\"authorization_response_iss_parameter_supported\": true}'",
        ),
    )
}

fn registration(settings: &serde_json::Value) -> Outcome {
    const ID: &str = "tenant.registration";
    let cimd = settings["client_id_metadata_document_supported"] == true;
    let dynamic = settings["flags"]["enable_dynamic_client_registration"] == true;
    if dynamic && settings["dynamic_client_registration_security_mode"] == "permissive" {
        return Outcome::found(
            ID,
            "Clients that register themselves are permissive.",
            "Anybody can register a client that may use every API of the tenant.",
            "auth0 api patch tenants/settings --data \
             '{\"dynamic_client_registration_security_mode\": \"strict\"}'",
        );
    }
    if cimd || dynamic {
        let how = match (cimd, dynamic) {
            (true, true) => "client ID metadata documents, and dynamic registration",
            (true, false) => "client ID metadata documents",
            _ => "dynamic registration",
        };
        return Outcome::passed(ID, how);
    }
    Outcome::note(
        ID,
        "Client ID metadata documents and dynamic registration are both off: only clients that an \
         administrator registered can sign in. To accept the documents of known clients: cargo run \
         -- tenant setup --registration documents",
    )
}

/// Whether anybody may register a client. That is how many MCP clients get in, so nothing is wrong.
fn open_registration(settings: &serde_json::Value) -> Option<Outcome> {
    let is_open = settings["flags"]["enable_dynamic_client_registration"] == true;
    is_open.then(|| {
        Outcome::note(
            "tenant.open_registration",
            "Dynamic registration is on: anybody on the internet can register a client, under any \
             name, and it may do what its users allow on the consent page. To close it: auth0 api \
             patch tenants/settings --data '{\"flags\": {\"enable_dynamic_client_registration\": \
             false}}'",
        )
    })
}

/// Auth0 knows only the documents that were imported, unless it registers them dynamically.
fn documents(facts: &Facts<'_>, settings: &serde_json::Value, all: &mut Vec<Outcome>) {
    const ID: &str = "tenant.documents";
    if settings["client_id_metadata_document_supported"] != true {
        return;
    }
    let Some(documents) = facts.known(ID, &facts.tenant.documents, all) else { return };
    all.push(if documents.is_empty() {
        // What imports them also opens the API, so it is no repair.
        Outcome::note(
            ID,
            "The tenant accepts client ID metadata documents, and has imported none: clients that \
             have one use it instead of registering, and are refused as \"Unknown client\", unless \
             the tenant registers documents dynamically. To import one: Dashboard, Applications, \
             Create Application, Import from URL. To import those of known clients, and open the API \
             to third-party clients: cargo run -- tenant setup --registration documents",
        )
    } else {
        Outcome::passed(ID, documents.join(", "))
    });
}

fn scope_descriptions(settings: &serde_json::Value) -> Outcome {
    const ID: &str = "tenant.scope_descriptions";
    if settings["flags"]["use_scope_descriptions_for_consent"] == true {
        return Outcome::passed(ID, "the consent page says in words what a client may do");
    }
    Outcome::found(
        ID,
        "The consent page shows the names of scopes, not their descriptions.",
        "People are asked to allow `tool:calendar_summary`, and do not know what that is.",
        setup("auth0 tenant-settings update set flags.use_scope_descriptions_for_consent"),
    )
}

fn default_audience(facts: &Facts<'_>, settings: &serde_json::Value) -> Option<Outcome> {
    let audience = settings["default_audience"].as_str().filter(|audience| !audience.is_empty())?;
    let text = if audience == facts.variables.audience() {
        "Clients that name no API get tokens for this one.".to_owned()
    } else {
        format!("Clients that name no API get tokens for {audience}, which this server refuses.")
    };
    Some(Outcome::note("tenant.default_audience", text))
}

fn mfa(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some(policies) = facts.known("tenant.mfa", &facts.tenant.mfa, all) else { return };
    let policies = serde_json::json!(policies);
    if !has(&policies, "all-applications") {
        let text = "no policy that the Token Vault cannot satisfy";
        return all.push(Outcome::passed("tenant.mfa", text));
    }
    // Without a token that may read the connections, it may be in use.
    let uses_vault = facts
        .tenant
        .connections
        .as_ref()
        .map_or(true, |connections| connections.iter().any(connection::is_for_token_vault));
    all.push(if uses_vault {
        Outcome::found(
            "tenant.mfa",
            "MFA is required of everybody, always.",
            "The exchange of a token at the Token Vault cannot ask for a second factor, so it \
             fails.",
            "First deploy and bind an Action that asks for MFA at every sign-in, of every \
             application: docs/actions.md, A second factor at every sign-in. Only then: Dashboard, \
             Security, Multi-factor Auth, Never. The policy is the whole tenant's: without the \
             Action no application asks for a second factor any more.",
        )
    } else {
        let text = "MFA is required of everybody, and no connection is for the Token Vault";
        Outcome::passed("tenant.mfa", text)
    });
}
