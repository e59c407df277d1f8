//! `tenant setup` and `tenant teardown`: make a tenant ready for a server, and undo it.

mod documents;
mod env;
mod organizations;
mod part;
mod roles;
mod run;
mod state;
mod steps;
mod teardown;

pub(crate) use env::EnvFile;
pub(crate) use part::{Part, left_out};

use crate::{
    Error,
    cli::{self, Registration},
    http::Http,
    management::Management,
    providers::CLIENTS,
    stack, token_input,
    tools::{self, Access},
    variables::Variables,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use run::Run;
use state::State;
use std::{collections::BTreeMap, path::Path};
use url::Url;

/// The database connection that every new tenant has.
const DATABASE: &str = "Username-Password-Authentication";

/// What the first run decides if no option does, and no later run: with which connections users
/// sign in, whether clients may register themselves, and what they may ask for.
const SIGN_IN: &str = "sign_in";
const REGISTRATION: &str = "registration";
const ACCESS: &str = "third_party_access";

/// The variables on which the scopes of the Management API depend, and where it is.
const SCOPES_FOLLOW: [&str; 7] = [
    "management_url",
    "management_audience",
    "permission_source",
    "effective_permissions",
    "check_blocked",
    "allowed_organizations",
    "effective_organization_roles",
];

/// What the consent page says of the tools of this repository.
const DESCRIPTIONS: [(&str, &str); 3] = [
    ("whoami", "See who you are signed in as"),
    ("greet", "Greet you by name"),
    ("calendar_summary", "Read the events of your calendar"),
];

/// What the tenant should be like.
struct Wanted {
    /// The tenant's origin.
    tenant: String,
    public_url: String,
    audience: String,
    management_audience: String,
    management_scopes: Vec<String>,
    /// The permissions of the API, with their descriptions.
    permissions: Vec<(String, String)>,
    /// The connections with which users of MCP clients sign in, as `--sign-in` names them.
    sign_in: Vec<String>,
    /// What the options say is made, or left out.
    choices: Vec<(Part, bool)>,
    /// Whether the tenant cannot reach the server, because it is on this machine.
    is_loopback: bool,
    documents: bool,
    /// The URLs of the client ID metadata documents that are imported.
    imports: Vec<String>,
    /// Whether somebody named them.
    imports_are_named: bool,
    /// What `--registration` says.
    registration: Option<Registration>,
    /// Whether an option opens the API to third-party clients.
    access: bool,
    default_audience: bool,
    /// Whether clients are told to ask for a refresh token.
    offline_access: bool,
    roles: Vec<roles::Role>,
    organizations: Vec<organizations::Organization>,
}

/// Runs a command about the tenant.
///
/// # Errors
/// Returns an error if something could not be done.
pub async fn run(command: &cli::TenantCommand) -> Result<(), Error> {
    match command {
        cli::TenantCommand::Setup(options) => setup(options).await,
        cli::TenantCommand::Teardown(options) => teardown::run(options).await,
    }
}

async fn setup(options: &cli::Setup) -> Result<(), Error> {
    let env = EnvFile::open(&options.env_file)?;
    let domain = match options.domain.as_deref().or_else(|| env.get("auth0_domain")) {
        Some(domain) => domain.trim_start_matches("https://").trim_end_matches('/').to_owned(),
        None => {
            return Err(Error::usage(
                "Name the tenant: --domain <tenant>.<region>.auth0.com, or 127.0.0.1:4000 for the \
                 local one.",
            ));
        }
    };
    let wanted = wanted(options, &env, &domain)?;
    // The server refuses these two together.
    if wanted.tenant.starts_with("http://") && !wanted.is_loopback {
        return Err(Error::usage(format!(
            "{domain} is the local tenant, which is for a server on this machine, not for {}. Leave \
             `--url` out, or name a tenant of Auth0 by `--domain`.",
            wanted.public_url
        )));
    }
    let management = management(&options.access, &wanted.tenant).await?;
    carry_out(options, &management, &wanted, &domain, env).await
}

/// Plans the changes and, if the options say so, makes them.
async fn carry_out(
    options: &cli::Setup,
    management: &Management,
    wanted: &Wanted,
    domain: &str,
    mut env: EnvFile,
) -> Result<(), Error> {
    let path = state::path(&options.env_file);
    let mut state = State::read(path.clone(), &wanted.tenant, &wanted.audience)?;
    let is_new_choice = state.choose(&wanted.choices);
    let mark = if options.print_cli { "# " } else { "" };
    println!("{mark}The tenant {}, for the server at {}.\n", wanted.tenant, wanted.audience);
    let mut planned = Run::new(management, false, state);
    steps(&mut planned, wanted, &mut env).await?;
    // The plan may have looked at secrets and filled in ids; what is written is decided later.
    let filled_in = env;
    let mut env = EnvFile::open(&options.env_file)?;
    let file_changes = filled_in.differs_from(&env)
        | describe(&mut env, wanted, domain, &planned.granted)?
        | env.is_unread_by_spin()
        | is_new_choice;
    if options.print_cli {
        match planned.changes.is_empty() {
            true => println!("# There is nothing to change in the tenant."),
            false => print!("{}", planned.cli()),
        }
        return outcome(&planned, options);
    }
    if planned.changes.is_empty() && planned.problems.is_empty() && !file_changes {
        println!("Nothing to do.");
        return outcome(&planned, options);
    }
    if !options.yes {
        for change in &planned.changes {
            println!("  {}", change.what);
        }
        if file_changes || !planned.changes.is_empty() {
            println!("  Write {}", options.env_file.display());
        }
        outcome(&planned, options)?;
        println!("\nNothing was changed. `--yes` does it.");
        return Ok(());
    }
    env.write()?;
    let state = State::read(path, &wanted.tenant, &wanted.audience)?;
    let mut done = Run::new(management, true, state);
    steps(&mut done, wanted, &mut env).await?;
    env.write()?;
    println!("  ✓ Write {}", options.env_file.display());
    outcome(&done, options)?;
    println!(
        "\nDone: {}. Next:\n  cargo run -- --env-file {file}\n  cargo run -- check --env-file {file}",
        match done.changes.len() {
            0 => "the tenant needed no change".to_owned(),
            1 => "1 change".to_owned(),
            count => format!("{count} changes"),
        },
        file = options.env_file.display()
    );
    Ok(())
}

/// Takes all steps. One that is refused does not keep the others from being taken, unless the token
/// does not count or the tenant does not answer.
async fn steps(run: &mut Run<'_>, wanted: &Wanted, env: &mut EnvFile) -> Result<(), Error> {
    macro_rules! step {
        ($name:literal, $step:expr) => {
            if let Err(stop) = $step.await
                && !run.ended($name, stop)?
            {
                return Ok(());
            }
        };
    }
    if run.state.choose(&wanted.choices) && run.apply {
        run.state.write()?;
    }
    for part in run.state.left_out.clone() {
        if !wanted.choices.contains(&(part, false)) {
            run.kept.push(format!(
                "{} is left out, as an earlier run was told. `--{}` makes it.",
                part.what(),
                part.name()
            ));
        }
    }
    step!("The API", steps::api(run, wanted));
    step!("The application of the server", steps::application(run, wanted, env));
    step!("The grant for the Management API", steps::management(run, wanted, env));
    step!("The default grant of third-party clients", steps::third_parties(run, wanted));
    step!("The connect page", steps::connect_page(run, wanted, env));
    step!("The connections", steps::connections(run, wanted, env));
    step!("The roles", roles::ensure(run, &wanted.roles, &wanted.audience));
    step!("The organizations", organizations::ensure(run, wanted));
    step!("The Action", steps::action(run, wanted));
    step!("The log stream", steps::log_stream(run, wanted, env));
    step!("The tenant's settings", steps::settings(run, wanted));
    step!("The clients' metadata documents", documents::import(run, wanted));
    Ok(())
}

impl<'a> Run<'a> {
    fn new(management: &'a Management, apply: bool, state: State) -> Self {
        Self {
            management,
            apply,
            state,
            changes: Vec::new(),
            sign_in: Vec::new(),
            manual: Vec::new(),
            kept: Vec::new(),
            granted: Vec::new(),
            problems: Vec::new(),
            hidden: Vec::new(),
        }
    }
}

/// Prints what is left to a person, what nobody decided, and what did not succeed.
fn outcome(run: &Run<'_>, options: &cli::Setup) -> Result<(), Error> {
    let mark = if options.print_cli { "# " } else { "" };
    if !run.manual.is_empty() {
        println!("\n{mark}Left to you:");
        for text in &run.manual {
            println!("{mark}  - {text}");
        }
    }
    if !run.kept.is_empty() {
        println!("\n{mark}Left as it is:");
        for text in &run.kept {
            println!("{mark}  - {text}");
        }
    }
    if run.problems.is_empty() {
        return Ok(());
    }
    let done = match (options.yes, run.changes.len()) {
        (false, _) => "Nothing was changed.".to_owned(),
        (true, count) => format!(
            "Changes made or tried: {count}. They are remembered: the next run goes on from here."
        ),
    };
    Err(Error::flow(format!("{done}\n  {}", run.problems.join("\n  "))))
}

fn wanted(options: &cli::Setup, env: &EnvFile, domain: &str) -> Result<Wanted, Error> {
    let url = options.url.as_deref().or_else(|| env.get("public_url"));
    let url = url.unwrap_or("http://127.0.0.1:3000");
    let parsed = Url::parse(url).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && matches!(url.path(), "/" | "/mcp" | "/mcp/")
    });
    let parsed = parsed.ok_or_else(|| {
        Error::usage(format!("{url} is not the URL of a server, such as https://mcp.example.com."))
    })?;
    let public_url = parsed.origin().ascii_serialization();
    let mut values = BTreeMap::from([
        ("auth0_domain".to_owned(), domain.to_owned()),
        ("public_url".to_owned(), public_url.clone()),
    ]);
    for name in SCOPES_FOLLOW {
        values.extend(env.get(name).map(|value| (name.to_owned(), value.to_owned())));
    }
    let variables = Variables::new(values, String::new());
    let is_loopback = variables.is_loopback();
    if !is_loopback && parsed.scheme() == "http" {
        return Err(Error::usage(format!(
            "{url} is not an https URL. Only a server on this machine may do without."
        )));
    }
    let permissions = tools::of_this_build()
        .into_iter()
        .filter(|tool| tool.access != Access::Public)
        .map(|tool| {
            let known = DESCRIPTIONS.iter().find(|(name, _)| *name == tool.name);
            let text = known.map_or(tool.description.clone(), |(_, text)| (*text).to_owned());
            (tool.permission(), text)
        })
        .collect();
    let file = match &options.roles {
        Some(file) => roles::read(file)?,
        None => roles::File::default(),
    };
    let mut management_scopes = variables.management_scopes();
    if !file.organizations.is_empty() {
        let more = variables.organization_scopes().into_iter();
        let more: Vec<_> = more.filter(|scope| !management_scopes.contains(scope)).collect();
        management_scopes.extend(more);
    }
    let by_documents =
        matches!(options.registration, Some(Registration::Documents | Registration::Both));
    let imports: Vec<String> = match options.client.as_slice() {
        [] if by_documents => CLIENTS.iter().map(|(_, url)| (*url).to_owned()).collect(),
        names => names.iter().map(|name| documents::url(name)).collect::<Result<_, _>>()?,
    };
    let choices = [
        (Part::TokenVault, options.vault, options.no_vault),
        (Part::ConnectPage, options.connect_page, options.no_connect_page),
        (Part::Action, options.action, options.no_action),
        (Part::LogStream, options.log_stream, options.no_log_stream),
    ];
    let choices = choices.into_iter().filter(|(_, is_made, is_left_out)| *is_made || *is_left_out);
    let choices = choices.map(|(part, is_made, _)| (part, is_made)).collect();
    Ok(Wanted {
        tenant: variables.tenant_origin(),
        audience: stack::mcp_url(&public_url),
        management_audience: variables.management_audience(),
        management_scopes: management_scopes.into_iter().map(str::to_owned).collect(),
        permissions,
        sign_in: options.sign_in.clone(),
        choices,
        is_loopback,
        documents: by_documents || !imports.is_empty(),
        imports,
        imports_are_named: !options.client.is_empty(),
        access: options.third_party_access
            || !options.client.is_empty()
            || options.registration.is_some_and(|how| how != Registration::None),
        registration: options.registration,
        default_audience: options.default_audience,
        offline_access: env.get("offer_offline_access") == Some("true"),
        roles: file.roles,
        organizations: file.organizations,
        public_url,
    })
}

/// Sets the variables that do not depend on what is made. `granted` is what third-party clients may
/// ask for. Says whether that changes the file.
fn describe(
    env: &mut EnvFile,
    wanted: &Wanted,
    domain: &str,
    granted: &[String],
) -> Result<bool, Error> {
    let mut changes = env.set("auth0_domain", domain)
        | env.set("auth0_audience", &wanted.audience)
        | env.set("public_url", &wanted.public_url);
    // Where an operator has taken a scope out of the grant, the variable is the operator's, too.
    let is_closed = granted.len() < wanted.permissions.len();
    if !is_closed || (env.get("scopes_supported").is_none() && !granted.is_empty()) {
        changes |= env.set("scopes_supported", &granted.join(" "));
    }
    if wanted.tenant.starts_with("http://") {
        changes |= env.set("local_tenant_url", &wanted.tenant);
        changes |= env.set("google_api_url", &wanted.tenant);
    }
    let port = Url::parse(&wanted.public_url).ok().and_then(|url| url.port());
    if let Some(port) = port.filter(|_| wanted.public_url.starts_with("http://")) {
        changes |= env.set_plain("PORT", &port.to_string());
    }
    // Otherwise the server's keys come from a secret that the tenant's administrators can read.
    if env.get("server_secret").is_none() {
        changes |= env.set("server_secret", &random_secret()?);
    }
    Ok(changes)
}

/// The Management API, with the token or the session that the options name.
pub(crate) async fn management(access: &cli::Access, origin: &str) -> Result<Management, Error> {
    if access.token_stdin {
        let http = Http::new().map_err(|error| Error::start(error.to_string()))?;
        let token = token_input::from_stdin().await?;
        return Ok(Management::with_token(http, origin, token));
    }
    let domain = origin.split_once("://").map_or(origin, |(_, domain)| domain);
    if origin.starts_with("http://") {
        return Err(Error::usage(
            "The Auth0 CLI does not know the local tenant: pipe a Management token in with \
             `--token-stdin`. The tenant prints the command that gets one.",
        ));
    }
    let program = access.auth0_cli.clone().unwrap_or_else(|| "auth0".to_owned());
    if !Path::new(&program).is_absolute() && !on_path(&program) {
        return Err(Error::usage(format!(
            "There is no `{program}` on PATH. Install the Auth0 CLI and log in \
             (https://github.com/auth0/auth0-cli), or pipe a Management token in with \
             `--token-stdin`."
        )));
    }
    Ok(Management::with_cli(program.into(), domain))
}

fn on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Whether a run with this environment file left a state file beside it.
pub(crate) fn is_remembered(env_file: &Path) -> bool {
    state::path(env_file).exists()
}

/// A new secret of 43 characters.
pub(crate) fn random_secret() -> Result<String, Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::start(format!("There is no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests;
