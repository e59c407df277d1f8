//! A second issuer beside the tenant. It is another tenant that has users with the same subjects.

use doorward_tenant::{Endpoint, Tenant};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{Answer, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(each_issuers_tokens_are_verified_with_its_own_keys with FOREIGN),
    case!(the_same_subject_at_another_issuer_has_no_permissions_of_the_user with FOREIGN),
    case!(a_second_domain_of_the_tenant_has_the_same_users with SECOND_DOMAIN),
    case!(the_metadata_names_both_issuers with FOREIGN),
    case!(an_issuer_whose_host_is_not_declared_is_503_and_the_log_says_so with UNDECLARED),
    case!(without_a_tenant_another_issuer_signs_people_in_and_its_scopes_decide with ALONE),
    case!(without_a_tenant_what_needs_one_is_a_misconfiguration with IMPOSSIBLE),
];

/// An issuer like those of other providers: other names of claims, and a claim for the kind of
/// token.
const FOREIGN: &[(&str, &str)] = &[
    ("issuer_origin", "{other}"),
    (
        "issuers",
        r#"[{ "issuer": "{other}/", "audiences": ["api://default"], "required": { "token_use": "access" },
              "claims": { "client_id": "cid", "scope": "scp" } }]"#,
    ),
];

const SECOND_DOMAIN: &[(&str, &str)] =
    &[("issuer_origin", "{other}"), ("issuers", r#"[{ "issuer": "{other}/", "tenant": true }]"#)];

const UNDECLARED: &[(&str, &str)] = &[("issuers", r#"[{ "issuer": "{other}/" }]"#)];

/// No tenant: another issuer, with a prefix for the scopes of an API.
const ALONE: &[(&str, &str)] = &[
    ("auth0_domain", "unused.invalid"),
    ("auth0_client_id", ""),
    ("auth0_client_secret", ""),
    ("connect_client_id", ""),
    ("connect_client_secret", ""),
    ("server_secret", "secret-of-a-server-without-a-tenant"),
    ("issuer_origin", "{other}"),
    (
        "issuers",
        r#"[{ "issuer": "{other}/", "audiences": ["api://default"], "required": { "token_use": "access" },
              "claims": { "client_id": "cid", "scope": "scp" }, "scope_prefix": "api://default/" }]"#,
    ),
];

/// No tenant, but what is asked of one.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("auth0_domain", "unused.invalid"),
    ("permission_source", "both"),
    ("issuers", r#"[{ "issuer": "{other}/" }]"#),
];

/// The claims of a token of the second issuer, with the same subject as the owner's.
fn claims_of_other(world: &World) -> Value {
    let owner = world.claims(OWNER);
    json!({
        "iss": world.other().issuer(), "aud": "api://default", "token_use": "access", "cid": "client",
        "scp": ["profile"], "sub": owner["sub"], "iat": owner["iat"], "exp": owner["exp"],
    })
}

/// Sends a token and returns the status and the audit lines.
async fn knock(world: &World, token: &str) -> (StatusCode, Vec<Value>) {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let request = world.request(Method::POST, "/mcp").bearer_auth(token).json(&message);
    let (answer, lines) = audited(world, request, 1).await;
    (answer.status, lines)
}

async fn each_issuers_tokens_are_verified_with_its_own_keys(world: &World) {
    let (ours, theirs) = (world.claims(OWNER), claims_of_other(world));
    let kid = |tenant: &Tenant| json!({ "kid": tenant.control().jwks()["keys"][0]["kid"] });
    let (tenant, other) = (world.tenant(), world.other());
    let (first, second) = (kid(tenant), kid(other));
    let mut unknown = ours.clone();
    unknown["iss"] = json!("https://evil.example/");
    let mut id_token = theirs.clone();
    id_token["token_use"] = json!("id");
    for (signer, header, claims, reason) in [
        (tenant, &first, &ours, "admitted"),
        (other, &second, &theirs, "admitted"),
        (other, &first, &ours, "token_signature_wrong"),
        (tenant, &second, &theirs, "token_signature_wrong"),
        (other, &second, &ours, "token_key_unknown"),
        (tenant, &first, &theirs, "token_key_unknown"),
        (tenant, &first, &unknown, "token_issuer_wrong"),
        (other, &second, &id_token, "token_required_claim_wrong"),
    ] {
        // Other instances may have fetched these keys before, which must not matter.
        let (status, lines) = knock(world, &signer.mint(header, claims)).await;
        assert_eq!(reasons(&lines), [reason], "{header} {claims}");
        let expected = if reason == "admitted" { 200 } else { 401 };
        assert_eq!(status.as_u16(), expected, "{header} {claims}");
        let issuer = lines[0].get("issuer");
        assert_eq!(issuer, (expected == 200).then_some(&claims["iss"]), "{header} {claims}");
    }
}

async fn the_same_subject_at_another_issuer_has_no_permissions_of_the_user(world: &World) {
    let mut claims = claims_of_other(world);
    let token = world.other().mint(&json!({}), &claims);
    let message =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "greet" } });
    let refused = world.post(&token, &message).await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "the permission belongs to the owner: {refused:?}"
    );
    claims["scp"] = json!(["profile", "tool:greet"]);
    let greeting =
        world.call_with(&world.other().mint(&json!({}), &claims), "greet", json!({})).await;
    assert!(!outcome(&greeting).0, "the scopes of the token count: {greeting}");
    let time = world.call_with(&token, "get_datetime", json!({})).await;
    assert!(!outcome(&time).0, "a public tool is for every caller: {time}");
    let calls = |endpoint| world.tenant().control().calls(endpoint);
    let asked = calls(Endpoint::ManagementUserPermissions)
        + calls(Endpoint::ManagementUserEffectivePermissions);
    assert_eq!(asked, 0, "the tenant was not asked about this user");
}

async fn a_second_domain_of_the_tenant_has_the_same_users(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["iss"] = json!(world.other().issuer());
    let token = world.other().mint(&json!({}), &claims);
    let greeting = world.call_with(&token, "greet", json!({ "name": "Owner" })).await;
    assert!(!outcome(&greeting).0, "{greeting}");
}

async fn the_metadata_names_both_issuers(world: &World) {
    let metadata = world.get("/.well-known/oauth-protected-resource").await.json();
    let issuers = json!([world.tenant().issuer(), world.other().issuer()]);
    assert_eq!(metadata["authorization_servers"], issuers);
}

async fn an_issuer_whose_host_is_not_declared_is_503_and_the_log_says_so(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["iss"] = json!(world.other().issuer());
    let (status, lines) = knock(world, &world.other().mint(&json!({}), &claims)).await;
    assert_eq!((status.as_u16(), reasons(&lines)), (503, vec!["issuer_unavailable"]));
    world.logged(&format!("declare {} there", world.other().origin())).await;
}

async fn without_a_tenant_another_issuer_signs_people_in_and_its_scopes_decide(world: &World) {
    let metadata = world.get("/.well-known/oauth-protected-resource").await.json();
    assert_eq!(metadata["authorization_servers"], json!([world.other().issuer()]));
    assert_eq!(metadata["scopes_supported"][0], "api://default/tool:whoami");
    let challenge = Answer::of(world.request(Method::POST, "/mcp")).await;
    let scopes = "scope=\"api://default/tool:whoami api://default/tool:greet";
    assert!(challenge.header("www-authenticate").contains(scopes), "{challenge:?}");
    let mut claims = claims_of_other(world);
    let message =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "greet" } });
    let refused = world.post(&world.other().mint(&json!({}), &claims), &message).await;
    let scopes = "scope=\"api://default/tool:greet profile\"";
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    assert!(refused.header("www-authenticate").contains(scopes), "{refused:?}");
    claims["scp"] =
        json!(["profile", "api://default/tool:greet", "api://default/tool:calendar_summary"]);
    let token = world.other().mint(&json!({}), &claims);
    let greeting = world.call_with(&token, "greet", json!({})).await;
    assert!(!outcome(&greeting).0, "{greeting}");
    // What needs Token Vault says that it is not there.
    let (is_error, text) = outcome(&world.call_with(&token, "calendar_summary", json!({})).await);
    assert!(is_error && text.contains("not set up to reach Google"), "{text}");
    // A token of the local tenant is one of a stranger.
    let (status, lines) = knock(world, &world.token(OWNER)).await;
    assert_eq!((status.as_u16(), reasons(&lines)), (401, vec!["token_issuer_wrong"]));
    world.logged("the Management API, the page for connecting accounts").await;
    assert!(world.tenant().control().received(None).is_empty(), "the tenant was asked nothing");
}

async fn without_a_tenant_what_needs_one_is_a_misconfiguration(world: &World) {
    assert_eq!(world.get("/health").await.status, StatusCode::SERVICE_UNAVAILABLE);
    for name in ["permission_source", "auth0_client_id", "connect_client_id"] {
        world.logged(&format!("misconfigured: the variable `{name}`")).await;
    }
}
