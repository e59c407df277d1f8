//! Sets up a local tenant in which nothing is set up.

use super::*;
use crate::{
    check::{Verdict, inside},
    providers::GOOGLE,
    secrets,
};
use ::http::Request;
use doorward_tenant::{AppType, Endpoint, Fault, Group, Options, Person, RateLimit, Seed, Tenant};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const AUDIENCE: &str = "http://127.0.0.1:3000/mcp";

/// What a plan says.
struct Plan {
    changes: Vec<run::Change>,
    manual: Vec<String>,
    kept: Vec<String>,
}

struct World {
    tenant: Tenant,
    http: Http,
    folder: TempDir,
    options: cli::Setup,
}

impl World {
    async fn new() -> Self {
        Self::with(Seed::empty()).await
    }

    async fn with(seed: Seed) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let tenant = Tenant::start(Options { listen, seed }).await.expect("the tenant starts");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = cli::Setup {
            domain: Some(tenant.domain().to_owned()),
            url: None,
            env_file: folder.path().join(".env"),
            yes: true,
            print_cli: false,
            registration: None,
            client: Vec::new(),
            third_party_access: false,
            sign_in: Vec::new(),
            roles: None,
            default_audience: false,
            no_vault: false,
            no_connect_page: false,
            no_action: false,
            no_log_stream: false,
            vault: false,
            connect_page: false,
            action: false,
            log_stream: false,
            access: cli::Access { token_stdin: true, auth0_cli: None },
        };
        Self { tenant, http: Http::new().expect("a client"), folder, options }
    }

    /// The Management API, with a token that has these scopes; all without any.
    async fn admin(&self, scope: &str) -> Management {
        let origin = self.tenant.origin();
        let form = format!(
            "grant_type=client_credentials&client_id=local-api-explorer&scope={scope}\
             &client_secret=local-only-secret-that-everybody-knows&audience={origin}/api/v2/"
        );
        let request = Request::post(format!("{origin}/oauth/token"))
            .header("content-type", "application/x-www-form-urlencoded");
        let response = self.http.send(request, form).await.expect("an answer");
        let token = response.json().expect("JSON")["access_token"].as_str().map(str::to_owned);
        Management::with_token(self.http.clone(), origin, token.expect("a token"))
    }

    async fn set_up(&self) -> Result<(), Error> {
        self.set_up_with(&self.admin("").await).await
    }

    async fn set_up_with(&self, management: &Management) -> Result<(), Error> {
        let env = EnvFile::open(&self.options.env_file)?;
        let domain = self.tenant.domain();
        let wanted = wanted(&self.options, &env, domain)?;
        carry_out(&self.options, management, &wanted, domain, env).await
    }

    /// A plan of all steps, without its print.
    async fn plan(&self) -> Plan {
        let mut env = EnvFile::open(&self.options.env_file).expect("it is valid");
        let wanted = wanted(&self.options, &env, self.tenant.domain()).expect("it is valid");
        let path = state::path(&self.options.env_file);
        let state = State::read(path, &wanted.tenant, &wanted.audience).expect("it is valid");
        let management = self.admin("").await;
        let mut run = Run::new(&management, false, state);
        steps(&mut run, &wanted, &mut env).await.expect("it plans");
        let Run { changes, manual, kept, problems, .. } = run;
        assert_eq!(problems, [""; 0]);
        Plan { changes, manual, kept }
    }

    async fn tear_down(&self) -> Result<(), Error> {
        let path = state::path(&self.options.env_file);
        let state = State::read(path, self.tenant.origin(), AUDIENCE)?;
        let env = EnvFile::open(&self.options.env_file)?;
        teardown::undo(&self.admin("").await, state, env, true).await
    }

    /// What the doctor finds with the file that the set-up wrote.
    async fn findings(&self) -> Vec<String> {
        let variables = Variables::at_hand(Some(&self.options.env_file)).expect("it is valid");
        let variables = variables.expect("it is there");
        let admin = self.admin("").await;
        let outcomes = inside::check(&self.http, &variables, Some(&admin), None).await;
        let wrong = outcomes
            .iter()
            .filter(|one| matches!(one.verdict, Verdict::Found(_) | Verdict::Unknown(_)));
        wrong.map(|one| format!("{one:?}")).collect()
    }

    /// The directory, without what differs from run to run.
    fn directory(&self) -> String {
        let directory = self.tenant.control().directory();
        serde_json::to_string_pretty(&directory).expect("it is JSON")
    }

    fn directory_now(&self) -> Seed {
        self.tenant.control().directory()
    }

    /// The number of requests that change something.
    fn writes(&self) -> usize {
        let all = self.tenant.control().received(None);
        let changes = |path: &str| path.starts_with("/api/v2") && !path.ends_with("/preview");
        all.iter().filter(|one| changes(&one.path) && one.method != "GET").count()
    }

    /// Writes a file with roles and organizations, and has the set-up use it.
    fn use_roles(&mut self, text: &str) {
        let file = self.folder.path().join("roles.toml");
        fs::write(&file, text).expect("it is written");
        self.options.roles = Some(file);
    }

    fn env_file(&self) -> PathBuf {
        self.folder.path().join(".env")
    }
}

#[tokio::test]
async fn an_empty_tenant_is_set_up_once_and_the_doctor_finds_nothing() {
    let world = World::new().await;
    world.set_up().await.expect("it is set up");
    assert_eq!(world.findings().await, [""; 0]);
    let (directory, env) = (world.directory(), fs::read_to_string(world.env_file()));
    let writes = world.writes();
    assert!(writes > 8, "{writes}");
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.writes(), writes, "nothing is changed the second time");
    assert_eq!(world.directory(), directory);
    assert_eq!(fs::read_to_string(world.env_file()).ok(), env.ok());
}

#[tokio::test]
async fn the_plan_changes_nothing() {
    let mut world = World::new().await;
    world.options.yes = false;
    let before = world.directory();
    world.set_up().await.expect("it plans");
    world.options.print_cli = true;
    world.set_up().await.expect("it prints");
    assert_eq!(world.directory(), before);
    assert_eq!(world.writes(), 0);
    assert!(!world.env_file().exists());
}

#[tokio::test]
async fn the_tear_down_leaves_the_tenant_as_it_was() {
    let world = World::new().await;
    let before = world.directory();
    world.set_up().await.expect("it is set up");
    assert_ne!(world.directory(), before);
    world.tear_down().await.expect("it is undone");
    assert_eq!(world.directory(), before);
    assert!(!world.env_file().exists());
    assert!(!state::path(&world.env_file()).exists());
}

#[tokio::test]
async fn the_tear_down_leaves_alone_what_it_did_not_make_and_what_was_changed_since() {
    let mut world = World::new().await;
    let admin = world.admin("").await;
    let body = serde_json::json!({"name": "Mine", "identifier": AUDIENCE});
    admin.send("POST", "resource-servers", Some(&body)).await.expect("it is created");
    // That is no first run, in which they are the default.
    world.options.sign_in = vec![GOOGLE.to_owned()];
    world.options.registration = Some(Registration::Dynamic);
    world.set_up().await.expect("it is set up");
    assert_eq!(world.findings().await, [""; 0]);
    let profile = serde_json::json!({"friendly_name": "Mine", "flags":
        {"enable_dynamic_client_registration": false}});
    admin.send("PATCH", "tenants/settings", Some(&profile)).await.expect("it is changed");
    world.tear_down().await.expect("it is undone");
    let directory = world.tenant.control().directory();
    let api = directory.apis.iter().find(|api| api.identifier == AUDIENCE).expect("it is there");
    assert_eq!((api.name.as_str(), api.scopes.len()), ("Mine", 0));
    assert_eq!(directory.tenant.name, "Mine");
    assert_eq!(directory.tenant.resource_parameter_profile, "audience");
    assert_eq!(directory.clients.len(), 1, "the applications of the set-up are gone");
}

#[tokio::test]
async fn a_run_that_was_interrupted_anywhere_goes_on() {
    let whole = World::new().await;
    whole.set_up().await.expect("it is set up");
    let writes = u32::try_from(whole.writes()).expect("a few");
    for (skip, lost) in (0..writes).flat_map(|skip| [(skip, false), (skip, true)]) {
        let world = World::new().await;
        let admin = world.admin("").await;
        // Every write fails after this many; if `lost`, it is done, and only the answer is lost.
        let proxy = Interrupted::start(world.tenant.origin(), skip, lost).await;
        let broken = proxy.management(&world).await;
        world.set_up_with(&broken).await.expect_err("it is interrupted");
        world.set_up_with(&admin).await.expect("it goes on");
        assert_eq!(world.findings().await, [""; 0], "after {skip} changes, {lost}");
        let before = World::new().await;
        world.tear_down().await.expect("it is undone");
        let normal = |world: &World| world.directory().replace(world.tenant.domain(), "tenant");
        let ids = |text: String| -> Vec<String> {
            text.lines().filter(|line| !line.contains("\"id\"")).map(str::to_owned).collect()
        };
        assert_eq!(ids(normal(&world)), ids(normal(&before)), "after {skip} changes, {lost}");
    }
}

/// The set-up is what `check` and other commands name as a repair. Run again, it opens nothing.
#[tokio::test]
async fn only_the_first_run_lets_clients_register_and_strangers_sign_in() {
    let mut world = World::new().await;
    world.options.sign_in = vec![GOOGLE.to_owned()];
    world.set_up().await.expect("it is set up");
    assert!(world.directory_now().tenant.dynamic_client_registration, "it is the first run");
    // The operator closes the tenant, and something else breaks.
    let broken = |world: &World| {
        world.tenant.control().edit(|it| {
            it.tenant.dynamic_client_registration = false;
            it.tenant.response_issuer = false;
            it.connections[0].is_domain_connection = false;
        });
    };
    broken(&world);
    let connections = |world: &World| -> Vec<(String, bool)> {
        let directory = world.directory_now();
        let rows = directory.connections.iter();
        rows.map(|one| (one.name.clone(), one.is_domain_connection)).collect()
    };
    let enabled = |world: &World| -> Vec<String> {
        let clients = world.directory_now().clients;
        clients.into_iter().flat_map(|client| client.connections).collect()
    };
    let before = (connections(&world), enabled(&world));
    world.options.sign_in.clear();
    world.set_up().await.expect("it is repaired");
    let directory = world.directory_now();
    assert!(directory.tenant.response_issuer && !directory.tenant.dynamic_client_registration);
    assert_eq!((connections(&world), enabled(&world)), before);
    let run = world.plan().await;
    assert!(run.kept.join("\n").contains("registration is off. `--registration dynamic`"));
    assert!(run.manual.join("\n").contains("Name one by `--sign-in`"), "{:?}", run.manual);
    // Somebody who says so opens it.
    world.options.registration = Some(Registration::Dynamic);
    world.options.sign_in = vec![DATABASE.to_owned()];
    world.set_up().await.expect("it is opened");
    let directory = world.directory_now();
    assert!(directory.tenant.dynamic_client_registration);
    assert!(enabled(&world).contains(&DATABASE.to_owned()));
    world.options.registration = None;
    assert!(world.plan().await.kept.join("\n").contains("registration is on: anybody can"));
}

/// An operator may take scopes away from clients that register themselves, or the whole grant.
#[tokio::test]
async fn only_the_first_run_and_an_option_grant_third_party_clients_anything() {
    let mut world = World::new().await;
    world.set_up().await.expect("it is set up");
    let scopes = |world: &World| -> Option<Vec<String>> {
        let grants = world.directory_now().client_grants;
        grants.into_iter().find(|one| one.default_for.is_some()).map(|grant| grant.scopes)
    };
    let supported = |world: &World| {
        let env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
        env.get("scopes_supported").map(str::to_owned)
    };
    let (all, everything) = (scopes(&world).expect("it is made"), supported(&world));
    let closed = || {
        world.tenant.control().edit(|it| {
            let mut grants = it.client_grants.iter_mut();
            let grant = grants.find(|one| one.default_for.is_some()).expect("it exists");
            grant.scopes.retain(|scope| scope == "tool:whoami");
        });
        let mut env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
        env.set("scopes_supported", "tool:whoami");
        env.write().expect("it is written");
    };
    closed();
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(scopes(&world).expect("it is there"), ["tool:whoami"]);
    assert_eq!(supported(&world).as_deref(), Some("tool:whoami"));
    assert_eq!(world.findings().await, [""; 0]);
    let kept = world.plan().await.kept.join("\n");
    assert!(kept.contains("lacks tool:greet tool:calendar_summary"), "{kept}");
    assert!(kept.contains("`--third-party-access` grants it"), "{kept}");
    world.options.third_party_access = true;
    world.set_up().await.expect("it is opened");
    assert_eq!((scopes(&world), supported(&world)), (Some(all.clone()), everything.clone()));

    world.options.third_party_access = false;
    world.tenant.control().edit(|it| it.client_grants.retain(|one| one.default_for.is_none()));
    world.options.registration = Some(Registration::None);
    world.set_up().await.expect("there is nothing to do");
    assert_eq!((scopes(&world), world.findings().await), (None, Vec::new()));
    world.options.registration = Some(Registration::Dynamic);
    world.set_up().await.expect("it is opened");
    assert_eq!((scopes(&world), supported(&world)), (Some(all), everything));
}

#[tokio::test]
async fn a_first_run_that_lets_no_client_register_grants_them_nothing() {
    let mut world = World::new().await;
    let is_granted = |world: &World| {
        world.directory_now().client_grants.iter().any(|one| one.default_for.is_some())
    };
    world.options.registration = Some(Registration::None);
    let kept = world.plan().await.kept.join("\n");
    assert!(kept.contains("have no default grant for the API"), "{kept}");
    assert!(kept.contains("`--third-party-access` makes the grant"), "{kept}");
    world.set_up().await.expect("it is set up");
    assert!(!is_granted(&world) && !world.directory_now().tenant.dynamic_client_registration);
    assert_eq!(world.findings().await, [""; 0]);
    world.options.registration = None;
    world.set_up().await.expect("there is nothing to do");
    assert!(!is_granted(&world), "it is no first run any more");
    world.options.third_party_access = true;
    world.set_up().await.expect("it is opened");
    assert!(is_granted(&world));

    let mut world = World::new().await;
    world.options.registration = Some(Registration::None);
    world.options.client = vec!["vscode".to_owned()];
    world.set_up().await.expect("it is set up");
    assert!(is_granted(&world), "the client that is named needs it");
}

/// `check` names the set-up as a repair: plain, with a file of organizations, and with a new file
/// for another URL.
#[tokio::test]
async fn no_command_that_the_doctor_names_opens_what_an_operator_closed() {
    let mut world = World::new().await;
    world.use_roles("[[organization]]\nname = 'acme'\n");
    world.set_up().await.expect("it is set up");
    world.options.roles = None;
    world.tenant.control().edit(|it| {
        it.tenant.dynamic_client_registration = false;
        it.client_grants.retain(|one| one.default_for.is_none());
        it.organizations[0].third_party_clients = false;
        it.connections[1].is_domain_connection = false;
        let api = it.apis.iter_mut().find(|api| api.identifier == AUDIENCE).expect("it exists");
        api.user_access = "deny_all".to_owned();
    });
    let break_something = |world: &World| {
        world.tenant.control().edit(|it| it.tenant.response_issuer = false);
    };
    break_something(&world);
    let is_closed = |world: &World| {
        let directory = world.directory_now();
        let api = directory.apis.iter().find(|api| api.identifier == AUDIENCE).expect("it exists");
        assert_eq!(api.user_access, "deny_all");
        assert!(!directory.tenant.dynamic_client_registration);
        assert!(!directory.organizations[0].third_party_clients);
        assert!(!directory.connections[1].is_domain_connection);
        assert!(directory.client_grants.iter().all(|one| one.default_for.is_none()));
        assert!(directory.tenant.response_issuer, "it is repaired");
    };
    let findings = world.findings().await.join("\n");
    assert!(findings.contains("tenant.response_issuer"), "{findings}");
    for option in ["--registration", "--third-party-access", "--client"] {
        assert!(!findings.contains(option), "{findings}");
    }
    world.set_up().await.expect("it is repaired");
    is_closed(&world);
    assert_eq!(world.findings().await, [""; 0]);

    break_something(&world);
    world.use_roles("[[organization]]\nname = 'acme'\n");
    world.set_up().await.expect("it is repaired");
    is_closed(&world);
    let kept = world.plan().await.kept.join("\n");
    assert!(kept.contains("members of the organization acme. `--third-party-access`"), "{kept}");

    break_something(&world);
    let (roles, env_file) = (world.options.roles.take(), world.options.env_file.clone());
    world.options.url = Some("http://localhost:3000".to_owned());
    world.options.env_file = world.folder.path().join(".env.new");
    world.options.registration = Some(Registration::None);
    world.set_up().await.expect("another API is set up");
    is_closed(&world);

    // Somebody who says so opens it.
    (world.options.url, world.options.env_file) = (None, env_file);
    (world.options.registration, world.options.roles) = (None, roles);
    world.options.third_party_access = true;
    world.set_up().await.expect("it is opened");
    assert!(world.directory_now().organizations[0].third_party_clients);
}

#[tokio::test]
async fn what_the_first_run_left_out_is_made_only_if_an_option_says_so() {
    let mut world = World::new().await;
    let before = world.directory();
    (world.options.no_vault, world.options.no_action) = (true, true);
    world.set_up().await.expect("it is set up");
    let directory = world.directory();
    (world.options.no_vault, world.options.no_action) = (false, false);
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.directory(), directory);
    assert_eq!(world.findings().await, [""; 0], "an operator left them out");
    let kept = world.plan().await.kept.join("\n");
    for line in ["The Token Vault is left out", "`--vault` makes it", "`--action` makes it"] {
        assert!(kept.contains(line), "{kept}");
    }
    (world.options.vault, world.options.action) = (true, true);
    world.set_up().await.expect("they are made");
    (world.options.vault, world.options.action) = (false, false);
    let plan = world.plan().await;
    assert!(plan.changes.is_empty(), "{:#?}", plan.changes);
    assert!(!plan.kept.join("\n").contains("left out"), "{:?}", plan.kept);
    let directory = world.directory_now();
    assert!(directory.clients.iter().any(|client| client.app_type == AppType::RegularWeb));
    assert_eq!(world.findings().await, [""; 0]);

    // A choice is remembered even if it is all that a run has to do.
    world.options.no_vault = true;
    world.set_up().await.expect("there is nothing to do");
    world.options.no_vault = false;
    assert!(world.plan().await.kept.join("\n").contains("The Token Vault is left out"));
    world.tear_down().await.expect("it is undone");
    assert_eq!(world.directory(), before);
    assert!(!state::path(&world.env_file()).exists());
}

#[tokio::test]
async fn a_log_stream_that_was_left_out_is_made_only_if_an_option_says_so() {
    let mut world = World::new().await;
    world.options.url = Some("https://mcp.example.com".to_owned());
    world.options.no_log_stream = true;
    world.set_up().await.expect("it is set up");
    world.options.no_log_stream = false;
    world.set_up().await.expect("there is nothing to do");
    assert!(world.directory_now().log_streams.is_empty());
    world.options.log_stream = true;
    world.set_up().await.expect("it is made");
    assert_eq!(world.directory_now().log_streams.len(), 1);
}

/// Somebody may delete it to stop everything.
#[tokio::test]
async fn an_api_that_is_gone_does_not_make_a_first_run() {
    let world = World::new().await;
    world.set_up().await.expect("it is set up");
    world.tenant.control().edit(|it| {
        it.apis.retain(|api| api.identifier != AUDIENCE);
        it.tenant.dynamic_client_registration = false;
        it.connections.iter_mut().for_each(|one| one.is_domain_connection = false);
    });
    world.set_up().await.expect("it is made again");
    let directory = world.directory_now();
    assert!(directory.apis.iter().any(|api| api.identifier == AUDIENCE));
    assert!(!directory.tenant.dynamic_client_registration);
    assert!(directory.connections.iter().all(|one| !one.is_domain_connection));
}

#[tokio::test]
async fn without_the_state_file_a_tenant_that_has_the_api_is_no_first_run() {
    let world = World::new().await;
    world.set_up().await.expect("it is set up");
    world.tenant.control().edit(|it| it.tenant.dynamic_client_registration = false);
    fs::remove_file(state::path(&world.env_file())).expect("it is there");
    world.set_up().await.expect("it is completed");
    assert!(!world.directory_now().tenant.dynamic_client_registration);
}

/// A run that could not finish is not taken for a later one, but what it did is not done again.
#[tokio::test]
async fn a_first_run_that_lacked_a_scope_decides_later_what_it_could_not() {
    let world = World::new().await;
    let scopes = "read:resource_servers%20create:resource_servers%20read:clients%20create:clients\
                  %20read:client_grants%20create:client_grants%20read:actions%20create:actions\
                  %20update:actions%20read:connections%20update:connections";
    world.set_up_with(&world.admin(scopes).await).await.expect_err("no settings");
    assert!(!world.directory_now().tenant.dynamic_client_registration);
    world.set_up().await.expect("it is completed");
    assert!(world.directory_now().tenant.dynamic_client_registration);

    let world = World::new().await;
    let scopes = scopes.replace("actions", "log_streams");
    let scopes = format!("{scopes}%20read:tenant_settings%20update:tenant_settings");
    world.set_up_with(&world.admin(&scopes).await).await.expect_err("no Actions");
    assert!(world.directory_now().tenant.dynamic_client_registration);
    world.tenant.control().edit(|it| it.tenant.dynamic_client_registration = false);
    world.set_up().await.expect("it is completed");
    assert!(!world.directory_now().tenant.dynamic_client_registration, "it was decided before");
}

/// A run that went wrong elsewhere does not promote again what an operator took back.
#[tokio::test]
async fn sign_in_is_decided_once_even_if_the_first_run_ended_with_a_problem() {
    let world = World::new().await;
    let scopes = "read:resource_servers%20create:resource_servers%20read:clients%20create:clients\
                  %20read:client_grants%20create:client_grants%20read:connections%20update:connections\
                  %20read:tenant_settings%20update:tenant_settings";
    world.set_up_with(&world.admin(scopes).await).await.expect_err("no Actions");
    let promoted = |world: &World| -> Vec<String> {
        let rows = world.directory_now().connections.into_iter();
        rows.filter(|one| one.is_domain_connection).map(|one| one.name).collect()
    };
    assert_eq!(promoted(&world).len(), 2);
    world.tenant.control().edit(|it| {
        let google = it.connections.iter_mut().find(|one| one.name == GOOGLE).expect("it exists");
        google.is_domain_connection = false;
    });
    world.set_up().await.expect("it is completed");
    assert_eq!(promoted(&world), [DATABASE]);
}

#[tokio::test]
async fn a_new_organization_of_a_later_run_gets_no_connection_that_nobody_names() {
    let mut world = World::new().await;
    world.set_up().await.expect("it is set up");
    world.use_roles("[[organization]]\nname = 'acme'\n");
    let left = world.plan().await.manual.join("\n");
    assert!(left.contains("The organization acme has no connection"), "{left}");
    world.set_up().await.expect("it is made");
    assert_eq!(world.directory_now().organizations[0].connections, [""; 0]);
    world.options.sign_in = vec![DATABASE.to_owned()];
    world.set_up().await.expect("it gets one");
    assert_eq!(world.directory_now().organizations[0].connections, ["con_local_database"]);
}

#[tokio::test]
async fn a_new_connect_page_of_a_later_run_has_the_connections_that_users_sign_in_with() {
    let mut world = World::new().await;
    world.options.no_connect_page = true;
    world.options.sign_in = vec![DATABASE.to_owned()];
    world.set_up().await.expect("it is set up");
    world.options.no_connect_page = false;
    world.options.connect_page = true;
    world.options.sign_in.clear();
    world.set_up().await.expect("it is completed");
    let directory = world.directory_now();
    let page = directory.clients.iter().find(|client| client.app_type == AppType::RegularWeb);
    let mut connections = page.expect("it is made").connections.clone();
    connections.sort();
    assert_eq!(connections, [DATABASE, GOOGLE], "users sign in with one, and connect the other");
    // One that has a connection gets no other.
    world.tenant.control().edit(|it| {
        let mut other = it.connections[1].clone();
        (other.id, other.name) = ("con_other".to_owned(), "Other".to_owned());
        other.is_domain_connection = true;
        it.connections.push(other);
    });
    let writes = world.writes();
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn an_api_that_refuses_all_users_lets_in_only_applications_with_a_grant() {
    let mut world = World::new().await;
    world.set_up().await.expect("it is set up");
    let deny = |api: &mut doorward_tenant::Api| api.user_access = "deny_all".to_owned();
    world.tenant.control().edit_api(AUDIENCE, deny).expect("the API exists");
    world.set_up().await.expect("it is left alone");
    assert_eq!(world.directory_now().apis.last().expect("it").user_access, "deny_all");
    assert!(world.plan().await.kept.join("\n").contains("(`deny_all`). `--third-party-access`"));
    assert_eq!(world.findings().await, [""; 0]);
    world.options.third_party_access = true;
    let run = world.plan().await;
    let [change] = run.changes.as_slice() else { panic!("{:#?}", run.changes) };
    assert!(change.what.contains("which refuses all of them now (`deny_all`)"), "{}", change.what);
    world.set_up().await.expect("it is corrected");
    assert_eq!(world.directory_now().apis.last().expect("it").user_access, "require_client_grant");
    assert_eq!(world.findings().await, [""; 0]);
}

/// A proxy in front of a tenant that breaks off all writes after some.
struct Interrupted {
    origin: String,
    task: tokio::task::JoinHandle<()>,
}

impl Interrupted {
    async fn start(tenant: &str, allowed: u32, lost: bool) -> Self {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("its address"));
        let tenant = tenant.trim_start_matches("http://").to_owned();
        let left = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(allowed));
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (tenant, left) = (tenant.clone(), left.clone());
                tokio::spawn(async move {
                    let mut upstream = tokio::net::TcpStream::connect(&tenant).await.ok()?;
                    let mut bytes = vec![0; 65536];
                    loop {
                        tokio::select! {
                            read = client.read(&mut bytes) => {
                                let size = read.ok()?;
                                if size == 0 { return None::<()>; }
                                let text = String::from_utf8_lossy(&bytes[..size]).into_owned();
                                let writes = ["POST ", "PATCH ", "DELETE "];
                                if writes.iter().any(|method| text.starts_with(method))
                                    && left.fetch_update(
                                        std::sync::atomic::Ordering::SeqCst,
                                        std::sync::atomic::Ordering::SeqCst,
                                        |left| left.checked_sub(1),
                                    ).is_err()
                                {
                                    if lost {
                                        upstream.write_all(&bytes[..size]).await.ok()?;
                                        let _ = upstream.read(&mut bytes).await;
                                    }
                                    return None;
                                }
                                upstream.write_all(&bytes[..size]).await.ok()?;
                            }
                            read = async {
                                let mut answer = vec![0; 65536];
                                upstream.read(&mut answer).await.map(|size| { answer.truncate(size); answer })
                            } => {
                                let answer = read.ok()?;
                                if answer.is_empty() { return None; }
                                client.write_all(&answer).await.ok()?;
                            }
                        }
                    }
                });
            }
        });
        Self { origin, task }
    }

    async fn management(&self, world: &World) -> Management {
        let admin = world.admin("").await;
        admin.at(&self.origin)
    }
}

impl Drop for Interrupted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_token_without_a_scope_says_which_and_the_rest_is_done() {
    let world = World::new().await;
    let scopes = "read:resource_servers%20create:resource_servers%20read:clients%20create:clients\
                  %20read:client_grants%20create:client_grants%20read:connections%20update:connections\
                  %20read:tenant_settings%20update:tenant_settings";
    let error = world.set_up_with(&world.admin(scopes).await).await.expect_err("no Actions");
    let error = error.to_string();
    assert!(error.contains("read:actions") && error.contains("The Action"), "{error}");
    assert!(!error.contains("The API"), "{error}");
    world.set_up().await.expect("another token has the scope");
    assert_eq!(world.findings().await, [""; 0]);
}

#[tokio::test]
async fn the_rate_limit_of_a_small_tenant_delays_the_set_up() {
    let world = World::new().await;
    let limit = RateLimit { burst: 6, per_second: 10.0 };
    world.tenant.control().set_rate_limit(Group::Management, Some(limit));
    world.set_up().await.expect("it is set up");
}

#[tokio::test]
async fn a_tenant_that_refuses_is_quoted_and_nothing_secret_is() {
    let world = World::new().await;
    let fault = Fault::management(500, "internal_error", "An internal server error occurred");
    world.tenant.control().inject(Endpoint::ManagementResourceServers, fault);
    let error = world.set_up().await.expect_err("the tenant refuses").to_string();
    assert!(error.contains("An internal server error occurred"), "{error}");
    assert!(!error.contains("eyJ"), "{error}");
}

#[tokio::test]
async fn roles_of_a_file_are_made_and_given() {
    let mut world = World::new().await;
    world.use_roles(
        "[[role]]\nname = 'Member'\npermissions = ['tool:whoami', 'tool:greet']\n\
         users = ['owner@example.com', 'nobody@example.com']\n",
    );
    world.set_up().await.expect("it is set up");
    let writes = world.writes();
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.writes(), writes);
    let directory = world.tenant.control().directory();
    assert_eq!(directory.roles[0].permissions[AUDIENCE], ["tool:whoami", "tool:greet"]);
    let owner = directory.person("owner@example.com").expect("the owner exists");
    assert_eq!(owner.roles, ["Member"]);
}

#[tokio::test]
async fn an_address_that_is_not_verified_gets_nothing() {
    let mut world = World::new().await;
    // Somebody signed up with the guest's address, and comes first. Nobody verified the other one.
    world.tenant.control().edit(|directory| {
        let guest = directory.person("guest@example.com").expect("the guest exists").clone();
        let stranger = |email: &str, user_id: &str| Person {
            email: email.to_owned(),
            user_id: user_id.to_owned(),
            email_unverified: true,
            ..guest.clone()
        };
        directory.people.insert(0, stranger("guest@example.com", "auth0|stranger"));
        directory.people.push(stranger("new@example.com", "auth0|new"));
        let twin = Person { user_id: "google-oauth2|owner".to_owned(), ..guest.clone() };
        directory.people.push(Person { email: "owner@example.com".to_owned(), ..twin });
    });
    world.use_roles(
        "[[role]]\nname = 'Member'\npermissions = ['tool:whoami']\n\
         users = ['guest@example.com', 'new@example.com', 'owner@example.com']\n\
         [[organization]]\nname = 'acme'\nmembers = [\
         { user = 'guest@example.com', roles = ['Member'] }, { user = 'new@example.com' }]\n",
    );
    world.set_up().await.expect("it is set up");
    let directory = world.tenant.control().directory();
    let members = directory.people.iter().filter(|person| person.roles == ["Member"]);
    let members: Vec<&str> = members.map(|person| person.user_id.as_str()).collect();
    assert_eq!(members, ["auth0|guest"]);
    assert_eq!(directory.organizations[0].members, ["auth0|guest"]);

    let run = world.plan().await;
    let left = run.manual.join("\n");
    for text in [
        "nobody has verified new@example.com",
        "auth0|new (Username-Password-Authentication, not verified)",
        "2 users have verified owner@example.com",
        "google-oauth2|owner (google-oauth2)",
        "Name the user by id in the file",
    ] {
        assert!(left.contains(text), "{text} is not in {left}");
    }
}

#[tokio::test]
async fn a_plan_names_the_user_who_gets_a_role_by_id() {
    let mut world = World::new().await;
    world.use_roles(
        "[[role]]\nname = 'Member'\nusers = ['owner@example.com', 'auth0|guest']\n\
         [[organization]]\nname = 'acme'\n\
         members = [{ user = 'owner@example.com', roles = ['Member'] }]\n",
    );
    let run = world.plan().await;
    let lines: Vec<&str> = run.changes.iter().map(|change| change.what.as_str()).collect();
    for line in [
        "Give owner@example.com (auth0|owner) the role Member",
        "Give auth0|guest the role Member",
        "Add owner@example.com (auth0|owner) to the organization acme",
        "Give owner@example.com (auth0|owner) 1 roles in the organization acme",
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:#?}");
    }
}

#[tokio::test]
async fn organizations_of_a_file_are_made_with_members_and_their_roles() {
    let mut world = World::new().await;
    let before = world.directory();
    world.use_roles(
        "[[role]]\nname = 'Member'\npermissions = ['tool:whoami']\n\
         [[organization]]\nname = 'acme'\ndisplay_name = 'Acme'\n\
         members = [{ user = 'owner@example.com', roles = ['Member'] },\
                    { user = 'guest@example.com' }, { user = 'nobody@example.com' }]\n",
    );
    world.set_up().await.expect("it is set up");
    let directory = world.tenant.control().directory();
    let [acme] = directory.organizations.as_slice() else { panic!("one organization") };
    let id = |email: &str| directory.person(email).expect("it exists").user_id.clone();
    assert_eq!((acme.name.as_str(), acme.display_name.as_str()), ("acme", "Acme"));
    assert!(acme.members.contains(&id("owner@example.com")), "{:?}", acme.members);
    assert_eq!(acme.members.len(), 2, "who does not exist is left to a person");
    assert_eq!(acme.roles[&id("owner@example.com")], ["Member"]);
    assert!(acme.third_party_clients, "MCP clients are third-party clients");
    assert_eq!(acme.connections.len(), 2, "members sign in as everybody does");
    // The server may ask for the members' roles.
    assert_eq!(world.findings().await, [""; 0]);
    let variables = Variables::at_hand(Some(&world.env_file())).expect("it is valid");
    let (variables, admin) = (variables.expect("it is there"), world.admin("").await);
    let outcomes = inside::check(&world.http, &variables, Some(&admin), None).await;
    let notes = format!("{outcomes:?}");
    assert!(!notes.contains("the server may not read what their members hold"), "{notes}");
    let writes = world.writes();
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.writes(), writes);
    world.tear_down().await.expect("it is undone");
    assert_eq!(world.directory(), before);
}

#[tokio::test]
async fn an_organization_that_exists_keeps_its_connections_and_members() {
    let mut world = World::with(Seed::load_default(AUDIENCE)).await;
    world.tenant.control().edit(|directory| {
        let google = directory.connections[0].id.clone();
        directory.organizations[1].connections.push(google);
    });
    let before = world.tenant.control().directory().organizations[1].clone();
    let (name, user) = (before.name.clone(), "guest@example.com");
    world.use_roles(&format!(
        "[[organization]]\nname = '{name}'\nmembers = [{{ user = '{user}', roles = ['Nobody'] }}]\n"
    ));
    world.set_up().await.expect("it is set up");
    let after = world.tenant.control().directory().organizations[1].clone();
    assert_eq!(after.connections, before.connections);
    assert_eq!(after.members.len(), before.members.len() + 1);
}

#[tokio::test]
async fn documents_of_known_clients_are_imported_and_what_is_refused_is_left_to_a_person() {
    let mut world = World::new().await;
    let before = world.directory();
    world.options.registration = Some(Registration::Both);
    world.set_up().await.expect("it is set up");
    assert_eq!(world.findings().await, [""; 0]);
    let imported = |world: &World| -> Vec<String> {
        let clients = world.tenant.control().directory().clients;
        let imported = clients.iter().filter(|client| client.management_id.is_some());
        imported.map(|client| client.client_id.clone()).collect()
    };
    // The local tenant accepts no keys, as Auth0's smaller plans.
    assert_eq!(imported(&world).len(), CLIENTS.len() - 1);
    let writes = world.writes();
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.writes(), writes, "what was refused is not tried again");
    world.tear_down().await.expect("it is undone");
    assert_eq!(world.directory(), before);

    // Somebody who names a client gets an error.
    world.options.registration = Some(Registration::Dynamic);
    world.options.client = vec!["chatgpt".to_owned(), "vscode".to_owned()];
    let error = world.set_up().await.expect_err("it is refused").to_string();
    assert!(error.contains("Private Key JWT"), "{error}");
    assert_eq!(imported(&world), ["https://vscode.dev/oauth/client-metadata.json"]);
    world.options.client = vec!["somebody".to_owned()];
    let error = world.set_up().await.expect_err("it is no client").to_string();
    assert!(error.contains("claude-code"), "{error}");
}

/// Each setting that the doctor says the set-up fixes is broken, and then fixed by it.
#[tokio::test]
async fn the_set_up_mends_what_the_doctor_says_it_does() {
    let mut fixed = 0;
    for (id, what, broken) in inside::tests::BROKEN {
        let mut world = World::with(Seed::load_default(AUDIENCE)).await;
        let mut env = EnvFile::open(&world.env_file()).expect("it is new");
        for (name, value) in [
            ("auth0_client_id", "doorward"),
            ("auth0_client_secret", "local-only-secret-that-everybody-knows"),
            ("connect_client_id", "doorward-connect"),
            ("connect_client_secret", "local-only-secret-that-everybody-knows"),
        ] {
            env.set(name, value);
        }
        env.write().expect("it is written");
        world.set_up().await.expect("it is completed");
        let at_hand = || {
            let variables = Variables::at_hand(Some(&world.env_file())).expect("it is valid");
            variables.expect("it is there")
        };
        let mut variables = at_hand();
        broken(world.tenant.control(), &mut variables);
        let mut env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
        for (name, value) in variables.changed_since(&at_hand()) {
            env.set(&name, &value);
        }
        env.write().expect("it is written");
        let admin = world.admin("").await;
        let outcomes = inside::check(&world.http, &at_hand(), Some(&admin), None).await;
        let fix = outcomes.iter().find_map(|one| match &one.verdict {
            Verdict::Found(finding) if one.id == *id => Some(finding.fix.clone()),
            _ => None,
        });
        let fix = fix.unwrap_or_else(|| panic!("{what}: {outcomes:#?}"));
        if !fix.starts_with("cargo run -- tenant setup") || fix.contains("if that made") {
            continue;
        }
        if fix.contains("--roles <file>") {
            world.use_roles("[[organization]]\nname = 'acme'\n");
        }
        // An operator may have closed these, so no repair opens them.
        for option in ["--registration", "--third-party-access", "--client"] {
            assert!(!fix.contains(option), "{what}: {fix}");
        }
        if fix.contains("--sign-in <connection>") {
            world.options.sign_in = vec![GOOGLE.to_owned()];
        }
        world.set_up().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let left = world.findings().await;
        assert!(!left.iter().any(|one| one.contains(&format!("{id:?}"))), "{what}: {left:#?}");
        fixed += 1;
    }
    assert!(fixed > 30, "{fixed}");
}

#[tokio::test]
async fn a_tenant_that_was_set_up_by_hand_is_only_completed() {
    let world = World::with(Seed::load_default(AUDIENCE)).await;
    let clients = world.tenant.control().directory().clients.len();
    world.set_up().await.expect("it is completed");
    let directory = world.tenant.control().directory();
    // The connect page's application has no mark and no variable names it, so a new one is made.
    assert_eq!(directory.clients.len(), clients + 1);
    assert_eq!(directory.apis.iter().filter(|api| api.identifier == AUDIENCE).count(), 1);
    assert_eq!(world.findings().await, [""; 0]);
}

#[tokio::test]
async fn a_server_that_the_tenant_can_reach_gets_a_log_stream_with_a_secret_of_its_own() {
    let mut world = World::new().await;
    world.options.url = Some("https://mcp.example.com".to_owned());
    world.set_up().await.expect("it is set up");
    let writes = world.writes();
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(world.writes(), writes);
    let env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
    let secret = env.get("revocation_secret").expect("it is there");
    assert_ne!(env.get("server_secret"), Some(secret), "the two are used for different things");
    let directory = world.tenant.control().directory();
    let [stream] = directory.log_streams.as_slice() else { panic!("one log stream") };
    assert_eq!(stream["sink"]["httpEndpoint"], "https://mcp.example.com/revoke");
    assert_eq!(stream["sink"]["httpAuthorization"], format!("Bearer {secret}"));
}

#[tokio::test]
async fn a_server_gets_a_secret_that_the_tenant_does_not_know_and_keeps_it() {
    let world = World::new().await;
    let server_secret = || {
        let env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
        env.get("server_secret").map(str::to_owned).expect("it is there")
    };
    world.set_up().await.expect("it is set up");
    let first = server_secret();
    assert!(first.len() >= secrets::LENGTH, "the server accepts it");
    assert!(!world.directory().contains(&first));
    world.set_up().await.expect("there is nothing to do");
    assert_eq!(server_secret(), first);
}

#[tokio::test]
async fn a_server_with_a_private_key_does_not_get_its_client_secret_back() {
    let world = World::new().await;
    world.set_up().await.expect("it is set up");
    let text = fs::read_to_string(world.env_file()).expect("it is there");
    let lines = text.lines().filter(|line| !line.contains("_CLIENT_SECRET="));
    let text = lines.collect::<Vec<_>>().join("\n");
    fs::write(world.env_file(), text).expect("it is written");
    let mut env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
    assert_eq!(env.get("auth0_client_secret"), None);
    env.set("auth0_client_private_key", "a key");
    env.write().expect("it is written");
    world.tenant.control().edit(|it| it.tenant.response_issuer = false);
    world.set_up().await.expect("it is repaired");
    let env = EnvFile::open(&world.env_file()).expect("the set-up wrote it");
    assert_eq!(env.get("auth0_client_secret"), None);
    assert!(env.get("auth0_client_id").is_some() && env.get("connect_client_secret").is_some());
}

#[test]
fn the_lines_of_the_auth0_cli_hold_no_secret() {
    let http = Http::new().expect("a client");
    let management = Management::with_token(http, "http://127.0.0.1:9", String::new());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let state = State::read(folder.path().join("s"), "t", "a").expect("it is new");
    let mut run = Run::new(&management, false, state);
    run.hidden.push("hunter2".to_owned());
    run.changes.push(run::Change {
        what: "Create it".to_owned(),
        method: "POST",
        path: "log-streams".to_owned(),
        body: serde_json::json!({"a": "Bearer hunter2", "b": "it's"}),
    });
    let text = run.cli();
    assert!(
        text.contains("auth0 api post \"log-streams\" --data '{\"a\":\"Bearer (hidden)\""),
        "{text}"
    );
    assert!(text.contains("it'\\''s"), "{text}");
}
