use serde_json::json;

use super::*;
use crate::testing::tenant;

fn caller(claims: Value) -> Result<Caller, TokenError> {
    let Value::Object(members) = claims else { panic!("claims are an object") };
    let issuer = Rc::new(tenant(&[], &[]));
    Caller::new(
        Claims { expires_at: 1, issued_at: 0, members },
        Secret::from("secret-token"),
        issuer,
    )
}

#[test]
fn both_dialects_name_the_client() {
    let auth0 = caller(json!({"sub": "auth0|1", "azp": "client"})).unwrap();
    let rfc9068 = caller(json!({"sub": "auth0|1", "client_id": "client"})).unwrap();
    assert_eq!(auth0.client_id(), rfc9068.client_id());
}

#[test]
fn a_token_without_subject_or_client_is_refused() {
    let error = |claims| caller(claims).err();
    assert_eq!(error(json!({"azp": "client"})), Some(TokenError::SubjectMissing));
    assert_eq!(error(json!({"sub": "", "azp": "client"})), Some(TokenError::SubjectMissing));
    assert_eq!(error(json!({"sub": "auth0|1"})), Some(TokenError::ClientMissing));
    assert_eq!(error(json!({"sub": "auth0|1", "azp": 7})), Some(TokenError::ClientMissing));
}

#[test]
fn an_organization_of_the_tenant_that_is_not_an_id_is_not_overlooked() {
    let of = |org_id: Value| {
        let caller = caller(json!({"sub": "auth0|1", "azp": "client", "org_id": org_id}));
        caller.map(|caller| caller.organization_id().map(str::to_owned))
    };
    assert_eq!(of(json!("org_1")), Ok(Some("org_1".to_owned())));
    for bad in [json!(null), json!(7), json!(["org_1"]), json!({})] {
        assert_eq!(of(bad.clone()), Err(TokenError::ClaimsMalformed), "{bad}");
    }
    // A name is none, so that no entry of `allowed_organizations` that is one matches an id.
    for bad in ["", "org 1", "org_", "acme", "ORG_1", "xorg_1", "org_a b", "org_1/../2", "org_%31"]
    {
        assert_eq!(of(json!(bad)), Err(TokenError::ClaimsMalformed), "{bad}");
    }
    let outside = caller(json!({"sub": "auth0|1", "azp": "client"})).unwrap();
    assert_eq!(outside.organization_id(), None);
}

#[test]
fn scope_and_permissions_are_merged_without_duplicates() {
    let caller = caller(json!({
        "sub": "auth0|1", "azp": "client", "scope": "a  b", "permissions": ["b", "c", 7]
    }))
    .unwrap();
    assert_eq!(caller.scopes(), ["a", "b", "c"]);
}

#[test]
fn a_caller_can_be_printed_without_its_token() {
    let caller = caller(json!({"sub": "auth0|1", "azp": "client"})).unwrap();
    assert!(!format!("{caller:?}").contains("secret-token"));
}

fn caller_with(name: &str, value: Value) -> Caller {
    let mut claims = json!({ "sub": "auth0|1", "client_id": "client" });
    claims[name] = value;
    caller(claims).unwrap()
}

#[test]
fn the_identity_provider_is_the_beginning_of_the_subject() {
    let provider =
        |subject: &str| caller_with("sub", json!(subject)).identity_provider().map(str::to_owned);
    assert_eq!(provider("google-oauth2|7").as_deref(), Some("google-oauth2"));
    assert_eq!(provider("oidc|my-connection|7").as_deref(), Some("oidc"));
    for subject in ["client@clients", "7", "|7"] {
        assert_eq!(provider(subject), None, "{subject}");
    }
}

#[test]
fn a_machine_of_the_tenant_is_its_own_subject_and_nothing_else() {
    let is_machine = |claims: Value| caller(claims).unwrap().is_machine();
    for machine in [
        json!({ "sub": "client@clients", "client_id": "client" }),
        json!({ "sub": "client@clients", "azp": "client", "gty": "client-credentials" }),
        json!({ "sub": "client@clients", "client_id": "client", "sub_profile": "user" }),
    ] {
        assert!(is_machine(machine.clone()), "{machine}");
    }
    for user in [
        json!({ "sub": "auth0|someone@clients", "client_id": "client" }),
        json!({ "sub": "auth0|client@clients", "client_id": "client" }),
        json!({ "sub": "other@clients", "client_id": "client" }),
        json!({ "sub": "client@clients@clients", "client_id": "client" }),
        json!({ "sub": "@clients", "client_id": "client" }),
        json!({ "sub": "client", "client_id": "client" }),
        json!({ "sub": "CLIENT@clients", "client_id": "client" }),
        // One claim contradicts the others.
        json!({ "sub": "auth0|1", "client_id": "client", "gty": "client-credentials" }),
        json!({ "sub": "client@clients", "client_id": "client", "gty": "password" }),
        json!({ "sub": "client@clients", "client_id": "client", "gty": ["client-credentials"] }),
        json!({ "sub": "client@clients", "client_id": "client", "gty": null }),
        // An Action may copy these claims from what a user typed in.
        json!({ "sub": "auth0|1", "client_id": "client", "idtyp": "app" }),
        json!({ "sub": "auth0|1", "client_id": "client", "sub_profile": "ai_agent" }),
        json!({ "sub": "auth0|1", "client_id": "client", "act": { "sub": "client@clients" } }),
        json!({ "sub": "auth0|1", "client_id": "client", "org_name": "client@clients" }),
    ] {
        assert!(!is_machine(user.clone()), "{user}");
    }
}

#[test]
fn a_machine_of_another_issuer_is_a_subject_that_is_the_client() {
    let is_machine = |sub: &str| {
        let claims = json!({ "sub": sub, "client_id": "client" });
        let members = claims.as_object().unwrap().clone();
        let issuer = Rc::new(TrustedIssuer { is_tenant: false, ..tenant(&[], &[]) });
        let token = Secret::from("secret-token");
        Caller::new(Claims { expires_at: 1, issued_at: 0, members }, token, issuer)
            .unwrap()
            .is_machine()
    };
    assert!(is_machine("client"));
    assert!(!is_machine("client@clients") && !is_machine("someone"));
}

#[test]
fn only_the_outermost_actor_counts() {
    let chain = json!({ "sub": "agent-2", "act": { "sub": "agent-1" } });
    assert_eq!(caller_with("act", chain).actor(), Some("agent-2"));
    assert_eq!(caller_with("act", json!({ "client_id": "agent-3" })).actor(), Some("agent-3"));
    assert_eq!(caller_with("act", json!({ "act": { "sub": "agent-1" } })).actor(), None);
    for act in [json!("agent"), json!(null), json!(["agent"])] {
        let claims = json!({ "sub": "auth0|1", "client_id": "client", "act": act });
        assert_eq!(caller(claims).err(), Some(TokenError::ClaimsMalformed), "{act}");
    }
}

#[test]
fn an_organization_is_in_a_list_by_its_id_or_by_its_name() {
    let mut claims = json!({ "sub": "auth0|1", "client_id": "client", "org_id": "org_1" });
    let is_in = |claims: &Value, entries: &[&str]| {
        let list: Vec<_> = entries.iter().map(|it| (*it).to_owned()).collect();
        caller(claims.clone()).unwrap().is_in_one_of(&list)
    };
    assert!(is_in(&claims, &["org_0", "org_1"]));
    assert!(!is_in(&claims, &["acme", "org_11", "ORG_1", ""]));
    claims["org_name"] = json!("acme");
    for name in ["acme", "Acme", "ACME"] {
        assert!(is_in(&claims, &[name]), "the tenant writes {name} in lower case");
    }
    assert!(!is_in(&claims, &["acm", "acme "]));
    claims["org_name"] = json!("org_0");
    assert!(!is_in(&claims, &["org_0"]), "a name cannot pose as an id");
    let none = caller_with("org_name", json!("acme"));
    assert!(none.organization().is_none() && !none.is_in_one_of(&["acme".to_owned()]));
}

#[test]
fn permissions_stay_apart_from_the_scopes() {
    let caller = caller(json!({
        "sub": "auth0|1", "azp": "client", "scope": "a", "permissions": ["b", 7]
    }))
    .unwrap();
    assert_eq!(caller.permissions(), ["b"]);
    assert!(caller_with("permissions", json!("b")).permissions().is_empty());
}

#[test]
fn custom_claims_are_found_under_their_namespace() {
    let caller = caller_with("https://example.com/roles", json!(["admin"]));
    for namespace in ["https://example.com", "https://example.com/"] {
        assert_eq!(caller.custom_claim(namespace, "roles"), Some(&json!(["admin"])));
    }
    assert_eq!(caller.custom_claim("https://other.example", "roles"), None);
}

#[test]
fn who_acts_is_the_actor_or_a_client_that_says_who_it_is() {
    use CallerKind::{Agent, Machine, User};
    let of = |claims: Value| {
        let caller = caller(claims).unwrap();
        (caller.acting().map(str::to_owned), caller.kind())
    };
    let url = "https://agent.example.com/client.json";
    for (claims, acting, kind) in [
        (json!({ "sub": "auth0|1", "azp": "c" }), None, User),
        (json!({ "sub": "auth0|1", "client_id": url }), Some(url), User),
        (json!({ "sub": "c@clients", "azp": "c" }), Some("c"), Machine),
        (json!({ "sub": "auth0|1", "azp": "c", "act": { "sub": "a" } }), Some("a"), Agent),
        (json!({ "sub": "auth0|1", "azp": url, "act": { "client_id": "a" } }), Some("a"), Agent),
        (
            json!({ "sub": "auth0|1", "azp": "c", "act": { "sub": "a", "act": { "sub": "b" } } }),
            Some("a"),
            Agent,
        ),
        // Somebody acts who is not named.
        (json!({ "sub": "auth0|1", "azp": "c", "act": {} }), None, Agent),
        (json!({ "sub": "c@clients", "azp": "c", "act": { "sub": "a" } }), Some("a"), Agent),
        // Not URLs of metadata.
        (json!({ "sub": "auth0|1", "azp": "http://a.example/c.json" }), None, User),
    ] {
        assert_eq!(of(claims.clone()), (acting.map(str::to_owned), kind), "{claims}");
    }
}
