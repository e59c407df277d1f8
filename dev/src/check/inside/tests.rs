//! Breaks one setting at a time, of a local tenant or of the variables, and sees which check says
//! so.

use super::*;
use crate::{
    check::outcome::Verdict,
    providers::{GOOGLE, VAULT},
};
use doorward_tenant::{
    AppType, ClientAuth, Control, Fault, Group, Options, RateLimit, Seed, SubjectType,
    Tenant as Local, TokenDialect,
};

const API: &str = "http://127.0.0.1:3000/mcp";
const SECRET: &str = "local-only-secret-that-everybody-knows";

struct World {
    tenant: Local,
    variables: Variables,
    http: Http,
}

impl World {
    async fn new() -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let options = Options { listen, seed: Seed::load_default(API) };
        let tenant = Local::start(options).await.expect("the tenant starts");
        let values = [
            ("auth0_domain", tenant.domain()),
            ("auth0_audience", API),
            ("auth0_client_id", "doorward"),
            ("auth0_client_secret", SECRET),
            ("connect_client_id", "doorward-connect"),
            ("connect_client_secret", SECRET),
            ("public_url", "http://127.0.0.1:3000"),
            ("local_tenant_url", tenant.origin()),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = Variables::new(values.into(), "the test".to_owned());
        Self { tenant, variables, http: Http::new().expect("a client") }
    }

    /// The Management API with a token that may read everything.
    async fn admin(&self) -> Management {
        let origin = self.tenant.origin();
        let form = format!(
            "grant_type=client_credentials&client_id=local-api-explorer&client_secret={SECRET}\
             &audience={origin}/api/v2/"
        );
        let request = Request::post(format!("{origin}/oauth/token"))
            .header("content-type", "application/x-www-form-urlencoded");
        let response = self.http.send(request, form).await.expect("an answer");
        let json = response.json().expect("JSON");
        let token = json["access_token"].as_str().expect("a token").to_owned();
        Management::with_token(self.http.clone(), origin, token)
    }

    async fn check(&self, user: Option<&str>) -> Vec<Outcome> {
        let admin = self.admin().await;
        check(&self.http, &self.variables, Some(&admin), user).await
    }
}

fn ids(outcomes: &[Outcome], is: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
    outcomes.iter().filter(|one| is(&one.verdict)).map(|one| one.id).collect()
}

fn found(outcomes: &[Outcome]) -> Vec<&'static str> {
    ids(outcomes, |verdict| matches!(verdict, Verdict::Found(_)))
}

fn unknown(outcomes: &[Outcome]) -> Vec<&'static str> {
    ids(outcomes, |verdict| matches!(verdict, Verdict::Unknown(_)))
}

#[tokio::test]
async fn a_healthy_tenant_is_all_green() {
    let world = World::new().await;
    let outcomes = world.check(Some("owner@example.com")).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    assert_eq!(unknown(&outcomes), [""; 0], "{outcomes:#?}");
    let passed = ids(&outcomes, |verdict| matches!(verdict, Verdict::Passed(_)));
    assert!(passed.len() > 35, "{} checks passed: {passed:?}", passed.len());
}

#[tokio::test]
async fn without_a_token_of_an_administrator_it_checks_what_the_server_may_read() {
    let world = World::new().await;
    world.tenant.control().edit_api(API, |api| api.signing_alg = "PS256".to_owned()).expect("it");
    let outcomes = check(&world.http, &world.variables, None, None).await;
    assert_eq!(found(&outcomes), ["api.signing_alg"]);
    assert_eq!(unknown(&outcomes), [""; 0], "{outcomes:#?}");
    let notes = ids(&outcomes, |verdict| matches!(verdict, Verdict::Note(_)));
    assert!(notes.contains(&"tenant.token"), "it says what it could not check: {notes:?}");
}

pub(crate) type Break = fn(&Control, &mut Variables);

fn api(control: &Control, change: impl FnOnce(&mut doorward_tenant::Api)) {
    control.edit_api(API, change).expect("the API exists");
}

fn client(control: &Control, id: &str, change: impl FnOnce(&mut doorward_tenant::Client)) {
    control.edit(|directory| {
        change(directory.clients.iter_mut().find(|one| one.client_id == id).expect("it exists"));
    });
}

fn google(control: &Control, change: impl FnOnce(&mut doorward_tenant::Connection)) {
    control.edit(|directory| {
        change(directory.connections.iter_mut().find(|one| one.name == GOOGLE).expect("it exists"));
    });
}

fn stream(control: &Control, stream: Value) {
    control.edit(|directory| directory.log_streams.push(stream));
}

/// A server that is not on this machine, with a log stream.
fn deployed(variables: &mut Variables) {
    variables.set("revocation_secret", "a-secret-for-revocations-of-32-characters");
}

fn healthy_stream() -> Value {
    serde_json::json!({
        "id": "lst_1", "type": "http", "status": "active",
        "sink": {
            "httpEndpoint": "http://127.0.0.1:3000/revoke",
            "httpAuthorization": "Bearer a-secret-for-revocations-of-32-characters",
        },
        "filters": [
            {"type": "category", "name": "management.success"},
            {"type": "category", "name": "user.success"},
            {"type": "category", "name": "auth.logout.success"},
            {"type": "category", "name": "other"},
        ],
    })
}

/// Each setting that is broken, and the check that names it.
pub(crate) const BROKEN: &[(&str, &str, Break)] = &[
    ("server.audience", "a slash too many in the audience", |_, variables| {
        variables.set("auth0_audience", "http://127.0.0.1:3000/mcp/");
    }),
    ("server.public_url", "a public URL over plain HTTP", |_, variables| {
        variables.set("public_url", "http://mcp.example.com");
    }),
    ("server.secrets", "a short secret", |_, variables| {
        variables.set("revocation_secret", "short");
    }),
    ("server.credentials", "a secret and a key", |_, variables| {
        variables.set("auth0_client_private_key", "-----BEGIN PRIVATE KEY-----");
    }),
    ("server.upstreams", "a tool of another server with a built-in one's name", |_, variables| {
        let entry = r#"{ "get": { "url": "https://w.example/mcp", "tools": ["datetime"] } }"#;
        variables.set("upstreams", entry);
    }),
    ("tenant.resource_parameter", "the profile of resource parameters", |control, _| {
        control.edit(|it| it.tenant.resource_parameter_profile = "audience".to_owned());
    }),
    ("tenant.response_issuer", "no issuer in responses", |control, _| {
        control.edit(|it| it.tenant.response_issuer = false);
    }),
    ("tenant.registration", "permissive clients", |control, _| {
        control.edit(|it| it.tenant.permissive_registration = true);
    }),
    ("tenant.scope_descriptions", "names of scopes on the consent page", |control, _| {
        control.edit(|it| it.tenant.scope_descriptions = false);
    }),
    ("tenant.mfa", "MFA for everybody", |control, _| {
        control.edit(|it| it.tenant.mfa_policies.push("all-applications".to_owned()));
    }),
    ("api.exists", "no API", |control, _| {
        control.edit(|it| it.apis.retain(|api| api.identifier != API));
    }),
    ("api.exists", "an API with a slash", |control, _| {
        api(control, |api| api.identifier.push('/'));
    }),
    ("api.signing_alg", "HS256", |control, _| {
        api(control, |api| api.signing_alg = "HS256".to_owned());
    }),
    ("api.signing_alg", "an algorithm that the server does not accept", |control, _| {
        api(control, |api| api.signing_alg = "RS512".to_owned());
    }),
    ("api.rbac", "no RBAC", |control, _| api(control, |api| api.enforce_policies = false)),
    ("api.dialect", "Auth0's own dialect", |control, _| {
        api(control, |api| api.token_dialect = TokenDialect::AccessToken);
    }),
    ("api.dialect", "a dialect without permissions", |control, _| {
        api(control, |api| api.token_dialect = TokenDialect::Rfc9068Profile);
    }),
    ("api.permissions", "a permission that is not defined", |control, _| {
        api(control, |api| api.scopes.retain(|scope| scope.value != "tool:greet"));
    }),
    ("api.strange_permissions", "a misspelled permission", |control, variables| {
        api(control, |api| {
            let mut scope = api.scopes[0].clone();
            scope.value = "tool:calender_summary".to_owned();
            api.scopes.push(scope);
        });
        variables.set(
            "scopes_supported",
            "tool:whoami tool:greet tool:calendar_summary tool:calender_summary",
        );
    }),
    ("api.descriptions", "a permission without a description", |control, _| {
        api(control, |api| api.scopes[0].description.clear());
    }),
    ("api.offline_access", "refresh tokens that the API does not allow", |control, variables| {
        api(control, |api| api.allow_offline_access = false);
        variables.set("offer_offline_access", "true");
    }),
    ("api.scopes_supported", "a scope that the API does not define", |_, variables| {
        variables.set("scopes_supported", "tool:whoami tool:greet tool:calendar_summary tool:x");
    }),
    ("api.scopes_supported", "a scope that nobody asks for", |_, variables| {
        variables.set("scopes_supported", "tool:whoami tool:greet");
    }),
    ("server.credentials", "an application without its secret", |_, variables| {
        variables.set("auth0_client_secret", "");
    }),
    ("application.token", "a wrong secret", |_, variables| {
        variables.set("auth0_client_secret", "not-the-secret-but-long-enough-to-be-one");
    }),
    ("application.token", "no grant for the Management API", |control, _| {
        control.edit(|it| {
            it.client_grants.retain(|grant| {
                grant.client_id.as_deref() != Some("doorward")
                    || grant.subject_type == SubjectType::User
            });
        });
    }),
    ("application.token", "a wrong Management API", |_, variables| {
        variables.set("management_audience", "https://custom.example/api/v2/");
    }),
    ("application.scopes", "a scope of the Management API", |control, _| {
        control.edit(|it| it.client_grants[0].scopes.retain(|scope| scope != "read:users"));
    }),
    ("application.scopes", "a scope that a variable needs", |control, variables| {
        variables.set("effective_permissions", "true");
        control.edit(|it| {
            it.client_grants[0].scopes.retain(|scope| scope != "read:user_effective_permissions");
        });
    }),
    ("application.scopes", "a scope for blocked users", |control, variables| {
        variables.set("effective_permissions", "true");
        variables.set("check_blocked", "true");
        control.edit(|it| it.client_grants[0].scopes.retain(|scope| scope != "read:users"));
    }),
    ("application.scopes", "a scope for members of organizations", |control, variables| {
        variables.set("allowed_organizations", "acme");
        control.edit(|it| it.client_grants[0].scopes.retain(|scope| scope != "read:roles"));
    }),
    ("organizations", "an organization that is not there", |_, variables| {
        variables.set("allowed_organizations", "acme org_that_is_not_there");
    }),
    ("application.exists", "an application that is not there", |_, variables| {
        variables.set("auth0_client_id", "somebody-else");
    }),
    ("application.type", "a machine's application", |control, _| {
        client(control, "doorward", |it| it.app_type = AppType::NonInteractive);
    }),
    ("application.type", "an application of another API", |control, _| {
        client(control, "doorward", |it| {
            it.resource_server_identifier = Some("https://downstream.example/".to_owned());
        });
    }),
    ("application.first_party", "a third-party application", |control, _| {
        client(control, "doorward", |it| it.oidc_conformant = false);
    }),
    ("application.authentication", "a public client", |control, _| {
        client(control, "doorward", |it| it.token_endpoint_auth_method = ClientAuth::None);
    }),
    ("application.grant_types", "no Token Vault", |control, _| {
        client(control, "doorward", |it| it.grant_types.retain(|one| one != VAULT));
    }),
    ("application.connection", "a connection that is not enabled", |control, _| {
        client(control, "doorward", |it| it.connections.clear());
    }),
    ("connection.domain_level", "no connection at domain level", |control, _| {
        google(control, |it| it.is_domain_connection = false);
    }),
    ("connection.exists", "no Google", |control, _| {
        control.edit(|it| it.connections.clear());
    }),
    ("connection.token_vault", "Google without Token Vault", |control, _| {
        google(control, |it| it.connected_accounts = false);
    }),
    ("connection.scopes", "Google without the calendar", |control, _| {
        google(control, |it| it.scopes.retain(|scope| !scope.contains("calendar")));
    }),
    ("connection.keys", "developer keys", |control, _| google(control, |it| it.options.clear())),
    ("connect.secret", "a connect page without a secret", |_, variables| {
        variables.set("connect_client_secret", "");
    }),
    ("connect.exists", "a connect page without an application", |control, _| {
        control.edit(|it| it.clients.retain(|one| one.client_id != "doorward-connect"));
    }),
    ("connect.type", "a connect page in a browser", |control, _| {
        client(control, "doorward-connect", |it| it.app_type = AppType::Spa);
    }),
    ("connect.callback", "another callback URL", |control, _| {
        client(control, "doorward-connect", |it| it.redirect_uris[0].push('/'));
    }),
    ("connect.grant", "a connect page without the My Account API", |control, _| {
        control.edit(|it| {
            it.client_grants.retain(|grant| grant.client_id.as_deref() != Some("doorward-connect"));
        });
    }),
    ("connect.connection", "a connect page without Google", |control, _| {
        client(control, "doorward-connect", |it| it.connections.clear());
    }),
    ("log_stream", "a log stream that stopped", |control, variables| {
        deployed(variables);
        let mut broken = healthy_stream();
        broken["status"] = "suspended".into();
        stream(control, broken);
    }),
    ("log_stream", "a log stream with another secret", |control, variables| {
        deployed(variables);
        let mut broken = healthy_stream();
        broken["sink"]["httpAuthorization"] = "Bearer other".into();
        stream(control, broken);
    }),
    ("log_stream", "a log stream that leaves out users", |control, variables| {
        deployed(variables);
        let mut broken = healthy_stream();
        broken["filters"].as_array_mut().expect("a list").pop();
        stream(control, broken);
    }),
];

#[tokio::test]
async fn each_broken_setting_is_named() {
    for (id, what, broken) in BROKEN {
        let mut world = World::new().await;
        broken(world.tenant.control(), &mut world.variables);
        let outcomes = world.check(None).await;
        assert!(found(&outcomes).contains(id), "{what}: {outcomes:#?}");
        let text = format!("{outcomes:?}");
        assert!(!text.contains(SECRET) && !text.contains("not-the-secret"), "{what}: {text}");
    }
}

/// The text of the outcome with this id.
fn text(outcomes: &[Outcome], id: &str) -> String {
    let outcome = outcomes.iter().find(|one| one.id == id);
    format!("{:?}", outcome.unwrap_or_else(|| panic!("no {id}: {outcomes:#?}")).verdict)
}

#[tokio::test]
async fn a_server_for_others_is_told_what_keeps_in_those_who_left() {
    let mut world = World::new().await;
    let local = world.check(None).await;
    assert!(!text(&local, "log_stream").contains("check_blocked"), "{local:#?}");
    assert!(!local.iter().any(|one| one.id == "api.token_lifetime"), "{local:#?}");
    assert!(!local.iter().any(|one| one.id == "api.offline_access"), "{local:#?}");
    world.variables.set("public_url", "https://mcp.example.com");
    let public = world.check(None).await;
    let blocked = text(&public, "log_stream");
    assert!(blocked.starts_with("Note(") && blocked.contains("`check_blocked`"), "{blocked}");
    let lifetime = text(&public, "api.token_lifetime");
    assert!(lifetime.starts_with("Note(") && lifetime.contains("86400 seconds"), "{lifetime}");
    let offline = text(&public, "api.offline_access");
    assert!(offline.starts_with("Note(") && offline.contains("refresh token"), "{offline}");
    // With a log stream that is the only thing missing.
    world.variables.set("revocation_secret", "a-secret-for-revocations-of-32-characters");
    let streamed = text(&world.check(None).await, "server.check_blocked");
    assert!(streamed.starts_with("Note(") && streamed.contains("log stream fails"), "{streamed}");
    world.variables.set("check_blocked", "true");
    let both = world.check(None).await;
    assert!(!both.iter().any(|one| one.id == "server.check_blocked"), "{both:#?}");
    world.variables.set("revocation_secret", "");
    api(world.tenant.control(), |api| api.token_lifetime = 7200);
    let careful = world.check(None).await;
    assert!(!text(&careful, "log_stream").contains("check_blocked"), "{careful:#?}");
    assert!(!careful.iter().any(|one| one.id == "api.token_lifetime"), "{careful:#?}");
}

/// An operator may have closed it, so the command that opens it is named, and nothing is wrong.
#[tokio::test]
async fn an_api_that_is_closed_to_clients_is_a_note_with_what_opens_it() {
    let mut world = World::new().await;
    let control = world.tenant.control();
    let is_note = |outcomes: &[Outcome], id: &str, what: &str| {
        let note = text(outcomes, id);
        assert!(note.starts_with("Note(") && note.contains(what), "{note}");
        assert!(note.contains("tenant setup --third-party-access"), "{note}");
        assert_eq!(found(outcomes), [""; 0], "{outcomes:#?}");
    };
    api(control, |api| api.user_access = "deny_all".to_owned());
    is_note(&world.check(None).await, "api.user_access", "refuses all users");
    control.edit(|it| {
        let mut grants = it.client_grants.iter_mut();
        let grant = grants.find(|grant| grant.default_for.is_some()).expect("it exists");
        grant.scopes.pop();
    });
    is_note(&world.check(None).await, "clients.grant", "lacks tool:calendar_summary");
    world.variables.set("scopes_supported", "tool:whoami tool:greet");
    is_note(&world.check(None).await, "api.scopes_supported", "ask for tool:calendar_summary");
    let control = world.tenant.control();
    control.edit(|it| it.client_grants.retain(|grant| grant.default_for.is_none()));
    is_note(&world.check(None).await, "clients.grant", "have no default grant");
    world.variables.set("allowed_organizations", "acme");
    let control = world.tenant.control();
    control.edit(|it| it.organizations[1].third_party_clients = false);
    is_note(&world.check(None).await, "organizations", "sign in members of acme");
}

#[tokio::test]
async fn a_tenant_that_imported_no_documents_is_a_note() {
    let world = World::new().await;
    world.tenant.control().edit(|it| it.tenant.client_id_metadata_documents = true);
    let outcomes = world.check(None).await;
    let note = text(&outcomes, "tenant.documents");
    assert!(note.starts_with("Note(") && note.contains("Import from URL"), "{note}");
    assert!(note.contains("tenant setup --registration documents"), "{note}");
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
}

#[tokio::test]
async fn who_can_become_a_client_or_a_user_is_a_note() {
    let mut world = World::new().await;
    world.tenant.control().edit(|directory| {
        for (name, strategy, is_closed, is_domain_connection) in [
            ("Users", "auth0", false, true),
            ("Staff", "auth0", true, true),
            ("Private", "auth0", false, false),
            ("acme-saml", "samlp", false, true),
        ] {
            let mut other = directory.connections[0].clone();
            other.id = format!("con_{name}");
            (other.name, other.strategy) = (name.to_owned(), strategy.to_owned());
            other.options.insert("disable_signup".to_owned(), is_closed.into());
            other.is_domain_connection = is_domain_connection;
            directory.connections.push(other);
        }
    });
    let notes = |outcomes: &[Outcome], id: &str| -> Vec<String> {
        let notes = outcomes.iter().filter_map(|one| match &one.verdict {
            Verdict::Note(text) if one.id == id => Some(text.clone()),
            _ => None,
        });
        notes.collect()
    };
    let outcomes = world.check(None).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    let open = notes(&outcomes, "connection.open_sign_up");
    assert_eq!(open.len(), 2, "{open:#?}");
    assert!(open[0].contains("account at google-oauth2") && open[0].contains("auth0 api patch"));
    assert!(open[1].contains("sign up with Users") && open[1].contains("Disable Sign Ups"));
    let registration = notes(&outcomes, "tenant.open_registration");
    assert!(registration[0].contains("\"enable_dynamic_client_registration\": false"));
    assert_eq!(notes(&outcomes, "tenant.registration"), [""; 0]);

    // A tenant that is closed is as an operator wants it.
    world.tenant.control().edit(|it| it.tenant.dynamic_client_registration = false);
    world.variables.set("allowed_organizations", "acme");
    let outcomes = world.check(None).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    assert_eq!(notes(&outcomes, "connection.open_sign_up"), [""; 0]);
    let membership = notes(&outcomes, "connection.membership");
    assert!(membership[0].contains("Membership On Authentication"), "{membership:?}");
    assert_eq!(notes(&outcomes, "tenant.open_registration"), [""; 0]);
    let closed = notes(&outcomes, "tenant.registration");
    assert!(closed[0].contains("an administrator registered"), "{closed:?}");
}

#[tokio::test]
async fn mfa_of_the_whole_tenant_is_wrong_only_with_the_token_vault() {
    let world = World::new().await;
    world.tenant.control().edit(|it| it.tenant.mfa_policies.push("all-applications".to_owned()));
    let outcomes = world.check(None).await;
    let finding = text(&outcomes, "tenant.mfa");
    let (action, never) = (finding.find("First deploy"), finding.find("Never"));
    assert!(finding.starts_with("Found") && action.is_some() && action < never, "{finding}");
    google(world.tenant.control(), |it| it.connected_accounts = false);
    let outcomes = world.check(None).await;
    assert!(text(&outcomes, "tenant.mfa").starts_with("Passed"), "{outcomes:#?}");
}

#[tokio::test]
async fn variables_that_the_server_refuses_are_found_as_it_reads_them() {
    let mut world = World::new().await;
    world.variables.set("check_blocked", "yes");
    world.variables.set("no_such", "1");
    let outcomes = world.check(None).await;
    assert_eq!(found(&outcomes), ["server.variables"], "{outcomes:#?}");
    let refused = text(&outcomes, "server.variables");
    assert!(refused.contains("`check_blocked` is neither `true` nor `false`"), "{refused}");
    let unknown = text(&outcomes, "server.unknown_variables");
    assert!(unknown.contains("`no_such`. If"), "{unknown}");
    // Each variable is named once.
    world.variables.set("auth0_client_secret", "hunter2");
    world.variables.set("connect_client_secret", "hunter3");
    let outcomes = world.check(None).await;
    let refused = text(&outcomes, "server.variables");
    assert!(!refused.contains("client_secret"), "{refused}");
    let secrets = found(&outcomes).into_iter().filter(|id| *id == "server.secrets");
    assert_eq!(secrets.count(), 2, "{outcomes:#?}");
}

#[tokio::test]
async fn an_application_without_its_secret_is_found() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join(".env");
    let text = format!(
        "SPIN_VARIABLE_AUTH0_DOMAIN={}\nSPIN_VARIABLE_AUTH0_AUDIENCE={API}\n\
         SPIN_VARIABLE_AUTH0_CLIENT_ID=doorward\n",
        world.tenant.domain()
    );
    std::fs::write(&file, text).expect("it is written");
    let variables = Variables::at_hand(Some(&file)).expect("it is valid").expect("it is there");
    let outcomes = check(&world.http, &variables, None, None).await;
    assert_eq!(found(&outcomes), ["server.credentials"], "{outcomes:#?}");
}

#[tokio::test]
async fn a_tenant_that_does_not_answer_is_one_outcome() {
    let mut world = World::new().await;
    let admin = world.admin().await;
    world.variables.set("auth0_domain", "127.0.0.1:1");
    world.variables.set("local_tenant_url", "http://127.0.0.1:1");
    let outcomes = check(&world.http, &world.variables, Some(&admin), None).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    assert_eq!(unknown(&outcomes), ["tenant.domain"], "{outcomes:#?}");
}

#[tokio::test]
async fn a_connection_that_mcp_clients_cannot_use_is_a_note() {
    let world = World::new().await;
    world.tenant.control().edit(|directory| {
        let mut other = directory.connections[0].clone();
        other.id = "con_other".to_owned();
        other.name = "Staff".to_owned();
        other.is_domain_connection = false;
        directory.connections.push(other);
    });
    let outcomes = world.check(None).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    let note = text(&outcomes, "connection.not_domain_level");
    assert!(note.contains("Staff is not at domain level"), "{note}");
}

#[tokio::test]
async fn a_server_without_an_application_needs_a_secret_and_asks_no_tenant() {
    let mut world = World::new().await;
    for name in ["auth0_client_id", "connect_client_id", "connect_client_secret"] {
        world.variables.set(name, "");
    }
    world.variables.set("permission_source", "token");
    for (client_secret, server_secret, named) in [
        (SECRET, "", &["server.credentials"][..]),
        (SECRET, SECRET, &["server.credentials"]),
        ("", "", &["server.credentials"]),
        ("", SECRET, &[]),
    ] {
        world.variables.set("auth0_client_secret", client_secret);
        world.variables.set("server_secret", server_secret);
        let outcomes = check(&world.http, &world.variables, None, None).await;
        assert_eq!(found(&outcomes), named, "{outcomes:#?}");
        assert!(outcomes.iter().any(|one| one.id == "tenant.none"), "{outcomes:#?}");
    }
    assert!(world.tenant.control().received(None).is_empty(), "the tenant was asked");
}

#[tokio::test]
async fn a_user_who_lacks_something_is_named_with_it() {
    let world = World::new().await;
    let control = world.tenant.control();
    for (user, expected) in [
        ("guest@example.com", vec!["user.permissions", "user.account"]),
        ("unconnected@example.com", vec!["user.account"]),
        ("narrow@example.com", vec!["user.account"]),
        ("auth0|owner", vec![]),
        ("nobody@example.com", vec!["user.exists"]),
    ] {
        assert_eq!(found(&world.check(Some(user)).await), expected, "{user}");
    }
    control.disconnect_account("owner@example.com", GOOGLE).expect("the owner exists");
    assert_eq!(found(&world.check(Some("owner@example.com")).await), ["user.account"]);
}

#[tokio::test]
async fn a_user_is_not_looked_up_by_an_address_that_is_not_verified() {
    let world = World::new().await;
    world.tenant.control().edit(|directory| {
        let owner = directory.person("owner@example.com").expect("the owner exists").clone();
        let user_id = "google-oauth2|stranger".to_owned();
        directory.people.insert(
            0,
            doorward_tenant::Person { user_id, email_unverified: true, ..owner.clone() },
        );
        let (user_id, email) = ("auth0|new".to_owned(), "new@example.com".to_owned());
        directory.people.push(doorward_tenant::Person {
            user_id,
            email,
            email_unverified: true,
            ..owner
        });
    });
    let outcomes = world.check(Some("owner@example.com")).await;
    assert!(text(&outcomes, "user.exists").contains("Passed(\"auth0|owner\")"), "{outcomes:#?}");
    let outcomes = world.check(Some("new@example.com")).await;
    assert_eq!(found(&outcomes), ["user.exists"], "{outcomes:#?}");
    let why = text(&outcomes, "user.exists");
    assert!(
        why.contains("nobody has verified new@example.com") && why.contains("auth0|new"),
        "{why}"
    );
    assert_eq!(found(&world.check(Some("auth0|new")).await), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_not_wrong() {
    let world = World::new().await;
    let admin = world.admin().await;
    let control = world.tenant.control();
    control.edit(|directory| directory.tenant.mfa_policies.clear());
    let fault = Fault::management(500, "internal_error", "An internal server error occurred");
    control.inject(doorward_tenant::Endpoint::ManagementResourceServers, fault);
    let outcomes = check(&world.http, &world.variables, Some(&admin), None).await;
    assert_eq!(found(&outcomes), [""; 0], "{outcomes:#?}");
    assert_eq!(unknown(&outcomes), ["api.exists"], "{outcomes:#?}");
}

#[tokio::test]
async fn the_rate_limit_of_a_small_tenant_delays_the_checks_and_breaks_none() {
    let world = World::new().await;
    let admin = world.admin().await;
    let limit = RateLimit { burst: 4, per_second: 8.0 };
    world.tenant.control().set_rate_limit(Group::Management, Some(limit));
    let outcomes = check(&world.http, &world.variables, Some(&admin), None).await;
    assert_eq!(unknown(&outcomes), [""; 0], "{outcomes:#?}");
}
