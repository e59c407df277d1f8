//! The command line.

use crate::{HostChoice, Wasi};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const ABOUT: &str = "Runs Doorward on this machine; needs no account and nothing else installed";

const LONG_ABOUT: &str = "\
Runs Doorward on this machine. It needs no account and nothing else installed.

Without a command, it builds the component, starts the server with a local stand-in for an Auth0 \
tenant, and prints what to do next. `try` runs the whole flow as an MCP client and checks each \
step. `check` finds out what is wrong with any MCP server, and with the tenant behind this one.";

const AFTER_HELP: &str = "\
Run it with cargo in the root folder of the repository. Options go after `--`:
  cargo run                                  start the server and a local tenant; stop with Ctrl-C
  cargo run -- try                           run the whole flow and check each step, on free ports
  cargo run -- check https://mcp.example.com find out what is wrong with a server and its tenant
  cargo run -- tenant setup --domain example.eu.auth0.com --url https://mcp.example.com
                                             say what a tenant needs; with --yes, do it
  cargo run -- --port 8080                   start the server at http://127.0.0.1:8080
  cargo run -- --env-file .env --port 3001   start the server for a real tenant
  cargo run -- --with examples/tools         start it with the tool components of a folder
  cargo run -- deploy aka --env-file .env    deploy it; `deploy --help` says more

Environment file (--env-file): lines of NAME=value. Each setting accepts any of its names:
  the tenant's domain      AUTH0_DOMAIN          DOMAIN          required
  the API's identifier     AUTH0_AUDIENCE        AUDIENCE        required; <public URL>/mcp
  the server's client ID   AUTH0_CLIENT_ID       CLIENT_ID       with a secret, or a private key
  the client's secret      AUTH0_CLIENT_SECRET   CLIENT_SECRET   or else a private key:
                           [AUTH0_]CLIENT_ASSERTION_SIGNING_KEY  PKCS#8 PEM; line breaks may be \\n
                           [AUTH0_]CLIENT_ASSERTION_SIGNING_ALG  RS256, PS256 or ES256
                           [AUTH0_]CLIENT_ASSERTION_SIGNING_KEY_ID
  the server's public URL  MCP_SERVER_URL        BASE_URL        default: http://127.0.0.1:<port>
  the connect page's client  [AUTH0_]CONNECT_CLIENT_ID and [AUTH0_]CONNECT_CLIENT_SECRET
  the log stream's secret  REVOCATION_SECRET
  OpenAI's token           OPENAI_APPS_VERIFICATION_TOKEN        which proves a domain
  scopes to request        SCOPES                                separated by spaces
  the port                 PORT                                  default: 3000; --port overrides it
Any variable of spin.toml may also be given as SPIN_VARIABLE_<NAME>. Without a secret and a key, as
in the files of servers that only verify tokens, the token alone decides who may use what, and there
is no Token Vault.

Exit status:
  0    stopped by Ctrl-C or SIGTERM while serving; all steps of `try` or checks of `check` passed
  1    a step of `try` failed, or `check` found something, also after `deploy`
  2    the command line or the environment file is invalid, or `check` could not find out
  3    the toolchain is incomplete or the component does not build
  4    the tenant or the server cannot start (a port is in use, for example) or stopped unexpectedly,
       or a command of `deploy` failed
  130  stopped by Ctrl-C before it was serving, or during a command; 143 by SIGTERM";

const CHECK_HELP: &str = "\
Examples:
  cargo run -- check                                   the server of `cargo run`
  cargo run -- check https://mcp.example.com           any server, by its URL
  cargo run -- check --auth0-cli --user ada@example.com
  cargo run -- check --json --env-file production.env --token-stdin < token

The Management token needs the scopes read:resource_servers, read:clients, read:client_grants,
read:connections, read:tenant_settings, read:users, read:organizations, read:actions,
read:triggers, read:log_streams and read:mfa_policies. With the Auth0 CLI: auth0 login --scopes read:client_grants,…

Exit status: 0 if nothing was found, 1 if something was, 2 if a check could not be made.";

const SETUP_HELP: &str = "\
Examples:
  auth0 login --scopes read:clients,create:clients,update:clients,read:client_keys,…
  cargo run -- tenant setup --domain example.eu.auth0.com --url https://mcp.example.com
  cargo run -- tenant setup --domain example.eu.auth0.com --url https://mcp.example.com --yes

The Management token needs the scopes read:, create: and update: of resource_servers, clients,
client_grants, actions, log_streams and (with --roles) roles, read:client_keys, read: and update: of
connections and tenant_settings, and (with --roles) read:users; for organizations also read: and
create: of organizations, organization_connections, organization_members and
organization_member_roles; for `teardown` also delete: of what was made.

The file of --roles:
  [[role]]
  name = \"Member\"
  description = \"May use every tool\"
  permissions = [\"tool:whoami\", \"tool:greet\", \"tool:calendar_summary\"]
  users = [\"ada@example.com\"]

  [[organization]]
  name = \"acme\"
  display_name = \"Acme\"
  members = [{ user = \"grace@example.com\", roles = [\"Member\"] }]

What was made is remembered beside the environment file, in <FILE>.tenant.json.

Exit status: 0 if everything is done, 1 if something could not be, 2 if the command line is invalid.";

/// The arguments of the command.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "cargo run --",
    bin_name = "cargo run --",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = "See `--help` for examples, the environment file and the exit statuses.",
    after_long_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    max_term_width = 110
)]
pub struct Cli {
    /// What to do. Without a command, the server runs until Ctrl-C.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of the server.
    #[command(flatten)]
    pub serve: Serve,
}

/// The commands besides serving.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the whole flow as an MCP client and check each step
    ///
    /// Starts its own tenant and server on free ports. Signs in twice through the tenant's pages,
    /// as a browser would: as a user with all permissions, speaking MCP 2026-07-28, and as a user
    /// without permissions, speaking MCP 2025-11-25.
    Try(Try),
    /// Find out what is wrong with a server, and with the tenant behind it
    ///
    /// From outside, it looks at any MCP server as a client does: the challenge, the metadata, the
    /// authorization server, CORS, the versions of the protocol. From inside, with the server's
    /// variables (--env-file, .env or SPIN_VARIABLE_…), it compares every setting with the tenant.
    /// Each finding says what is wrong, why it matters, and what fixes it. It changes nothing, but
    /// if `revocation_secret` is at hand, it has the server store a revocation of nobody.
    #[command(after_long_help = CHECK_HELP)]
    Check(Check),

    /// Deploy to a host, and look at the server from outside
    ///
    /// `cloud` is Fermyon Cloud, `aka` Akamai Functions, `kube` a Kubernetes cluster with SpinKube.
    /// Builds the component that the host runs, deploys it, reads the URL that the host chose, sets
    /// the variables that depend on it, and deploys again. Then it checks that the server answers
    /// from outside as clients expect. It goes on where an interrupted run has stopped. It uses
    /// `spin cloud deploy` and `spin aka deploy`, because `spin deploy` alone fails since Spin 4.0,
    /// unless SPIN_DEPLOY_PLUGIN says which of them is meant.
    Deploy(Deploy),

    /// Set a tenant up for the server, or undo that
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Check, make and replace the server's secrets, without printing one
    #[command(subcommand)]
    Secrets(SecretsCommand),
}

/// The commands about secrets.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum SecretsCommand {
    /// Check that the file is private and its secrets are strong
    Check {
        /// The file with the server's variables
        #[arg(long, value_name = "FILE", default_value = ".env")]
        env_file: PathBuf,
    },
    /// Make a secret that is not there yet
    Generate {
        /// Which secret
        #[arg(value_enum)]
        kind: SecretKind,
        /// The file with the server's variables, which the set-up wrote
        #[arg(long, value_name = "FILE", default_value = ".env")]
        env_file: PathBuf,
    },
    /// Replace a secret, in the tenant and in the file
    ///
    /// Of `revocation_secret` and `private_key` the tenant knows the old and the new one until
    /// `--finish`, so there is no gap. Of a client's secret Auth0 accepts only the new one.
    Rotate(Rotate),
    /// Write the variables of another server's environment file under Spin's names, for `spin up`
    Convert {
        /// The other file
        #[arg(value_name = "FILE")]
        from: PathBuf,
        /// The file to write
        #[arg(long, value_name = "FILE", default_value = ".env")]
        env_file: PathBuf,
    },
}

/// Options of `secrets rotate`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Rotate {
    /// Which secret
    #[arg(value_enum, default_value_t)]
    pub kind: RotateKind,

    /// End the rotation of `revocation_secret` or `private_key`: from now on only the new one is
    /// valid. No instance of the server may be left that has only the old one
    #[arg(long)]
    pub finish: bool,

    /// The file with the server's variables, which the set-up wrote
    #[arg(long, value_name = "FILE", default_value = ".env")]
    pub env_file: PathBuf,

    /// How the Management API is reached.
    #[command(flatten)]
    pub access: Access,
}

/// The secrets that can be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum RotateKind {
    /// The secret of the server's application
    #[default]
    Client,
    /// The secret of the connect page's application
    Connect,
    /// The secret of the log stream
    #[value(name = "revocation_secret")]
    RevocationSecret,
    /// The private key of the server's application
    #[value(name = "private_key")]
    PrivateKey,
}

/// The secrets that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecretKind {
    /// The secret of the log stream
    #[value(name = "revocation_secret")]
    RevocationSecret,
    /// The secret that the server's own keys are derived from, where it has no application
    #[value(name = "server_secret")]
    ServerSecret,
    /// An RSA key, with which the server authenticates instead of by a secret
    #[value(name = "private_key")]
    PrivateKey,
}

/// Where to deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Fermyon Cloud, by the plugin `cloud`
    Cloud,
    /// Akamai Functions, by the plugin `aka`
    Aka,
    /// SpinKube, by `spin registry push` and `kubectl`
    Kube,
}

/// Options of `deploy`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Deploy {
    /// The host: cloud, aka or kube
    #[arg(value_enum, value_name = "HOST", hide_possible_values = true)]
    pub target: Target,

    /// The environment file with the tenant's domain, the client's ID and other variables; as for
    /// serving, but without the public URL and the audience
    #[arg(long, value_name = "FILE")]
    pub env_file: PathBuf,

    /// The server's URL, if it is known: a custom domain, or the ingress of a cluster
    #[arg(long, value_name = "URL")]
    pub url: Option<url::Url>,

    /// The name of the image for a cluster, such as registry.example.com/doorward:0.1.0
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,

    /// Print what would be run, without secrets, and run nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Deploy the component from the last build, without building it again
    #[arg(long)]
    pub no_build: bool,

    /// Pass secrets to `spin cloud` and `spin aka` on their command line, which other users of this
    /// machine can read meanwhile. They take them in no other way
    #[arg(long)]
    pub secrets_on_command_line: bool,

    /// Further arguments for the plugin's `deploy`, or for `spin registry push`
    #[arg(last = true, value_name = "ARGUMENT")]
    pub further: Vec<String>,
}

/// The commands about a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant ready for the server; without --yes, only say what would be done
    ///
    /// Creates or corrects the API with the permissions of this build's tools, the application of
    /// the server with its grants, the connections, the application of the connect page, roles,
    /// organizations, an Action that adds name and email to tokens, the log stream, the clients'
    /// metadata documents, and the tenant's settings. Writes
    /// the environment file. What exists is kept: nothing is deleted, and a second run finds
    /// nothing to do. An interrupted run goes on where it stopped.
    #[command(after_long_help = SETUP_HELP)]
    Setup(Setup),
    /// Undo what `setup` made and changed; without --yes, only say what would be undone
    ///
    /// Deletes only what the set-up made, and gives settings their values back, unless somebody
    /// changed them since.
    Teardown(Teardown),
}

/// How the Management API is reached. The Auth0 CLI is used unless a token is piped in.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Access {
    /// Read a Management token from standard input
    #[arg(long)]
    pub token_stdin: bool,

    /// The Auth0 CLI, whose session is used [default: auth0]
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, default_missing_value = "auth0", conflicts_with = "token_stdin")]
    pub auth0_cli: Option<String>,
}

/// Options of `tenant setup`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Setup {
    /// The tenant, as in example.eu.auth0.com; 127.0.0.1:4000 is the local one
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,

    /// The URL at which clients reach the server [default: http://127.0.0.1:3000]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// The file for the server's variables, which is written for its owner alone
    #[arg(long, value_name = "FILE", default_value = ".env")]
    pub env_file: PathBuf,

    /// Do it, and not only say what would be done
    #[arg(long)]
    pub yes: bool,

    /// Print the commands of the Auth0 CLI that do the same, and do nothing
    #[arg(long, conflicts_with = "yes")]
    pub print_cli: bool,

    /// How clients that nobody registered get in [default: dynamic in the first run, in which none
    /// also leaves out their grant; later runs leave it as it is]
    #[arg(long, value_enum, value_name = "HOW")]
    pub registration: Option<Registration>,

    /// A client whose client ID metadata document the tenant imports: claude, claude-code, chatgpt,
    /// codex, vscode, or the URL of the document; may be given several times [default with
    /// `--registration documents` or `both`: all of these]
    #[arg(long, value_name = "CLIENT")]
    pub client: Vec<String>,

    /// Let clients get tokens of users for the API: all scopes in the default grant of third-party
    /// clients, no `deny_all`, and access to the organizations of `--roles` [default: the first run
    /// makes the grant, except with `--registration none`. A later run needs this option,
    /// `--client` or another `--registration`]
    #[arg(long)]
    pub third_party_access: bool,

    /// A connection with which users of MCP clients sign in; may be given several times
    /// [default: Username-Password-Authentication and google-oauth2 in the first run, if no
    /// connection is at domain level; later runs add none]
    #[arg(long, value_name = "CONNECTION")]
    pub sign_in: Vec<String>,

    /// A file with roles and organizations, and who has and is in them
    #[arg(long, value_name = "FILE")]
    pub roles: Option<PathBuf>,

    /// Make the API the default audience of the tenant
    #[arg(long)]
    pub default_audience: bool,

    /// Leave out the Token Vault: the Google connection and the connect page. Later runs do so, too
    #[arg(long)]
    pub no_vault: bool,

    /// Leave out the application of the connect page. Later runs do so, too
    #[arg(long)]
    pub no_connect_page: bool,

    /// Leave out the Action that adds name and email to access tokens. Later runs do so, too
    #[arg(long)]
    pub no_action: bool,

    /// Leave out the log stream, and the secret for it. Later runs do so, too
    #[arg(long)]
    pub no_log_stream: bool,

    /// Set the Token Vault up though an earlier run left it out
    #[arg(long, conflicts_with = "no_vault")]
    pub vault: bool,

    /// Make the application of the connect page though an earlier run left it out
    #[arg(long, conflicts_with_all = ["no_connect_page", "no_vault"])]
    pub connect_page: bool,

    /// Make the Action though an earlier run left it out
    #[arg(long, conflicts_with = "no_action")]
    pub action: bool,

    /// Make the log stream though an earlier run left it out
    #[arg(long, conflicts_with = "no_log_stream")]
    pub log_stream: bool,

    /// How the Management API is reached.
    #[command(flatten)]
    pub access: Access,
}

/// Options of `tenant teardown`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Teardown {
    /// The file that the set-up wrote
    #[arg(long, value_name = "FILE", default_value = ".env")]
    pub env_file: PathBuf,

    /// Do it, and not only say what would be undone
    #[arg(long)]
    pub yes: bool,

    /// How the Management API is reached.
    #[command(flatten)]
    pub access: Access,
}

/// How clients that nobody registered get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Client ID metadata documents: the tenant has to know those of your clients
    Documents,
    /// Dynamic client registration: anybody may register a client
    Dynamic,
    /// Both: clients that have a document use it, and the others register themselves
    Both,
    /// Neither: an administrator registers each client
    None,
}

/// The local tenant to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LocalTenant {
    /// Everything is set up for the server
    #[default]
    Ready,
    /// Nothing is set up: the tenant alone is started, for `tenant setup`
    Empty,
}

/// Options of the server.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Serve {
    /// Port of the server on 127.0.0.1 [default: 3000]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// Port of the local tenant on 127.0.0.1 [default: 4000]
    #[arg(long, value_name = "PORT", default_value_t = 4000, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub tenant_port: u16,

    /// What the local tenant begins with
    #[arg(long, value_enum, value_name = "STATE", default_value_t, conflicts_with_all = ["env_file", "with"])]
    pub tenant: LocalTenant,

    /// Build and start the tool components in this folder as well [default: examples/tools]
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "examples/tools")]
    pub with: Option<PathBuf>,

    /// Use the real tenant that this environment file describes, instead of a local one
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,

    /// How the component is built and run.
    #[command(flatten)]
    pub run: Run,
}

/// Options of `try`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Try {
    /// Test a server that `cargo run` already serves, such as http://127.0.0.1:3000, instead of
    /// starting one
    #[arg(long, value_name = "URL", conflicts_with_all = ["host", "wasi", "no_build"])]
    pub server_url: Option<url::Url>,

    /// How the component is built and run.
    #[command(flatten)]
    pub run: Run,
}

/// Options of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Check {
    /// The URL that clients connect to [default: that of the variables, or http://127.0.0.1:3000]
    ///
    /// A URL without a path is that of a Doorward: its endpoint is at /mcp.
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// File with the server's variables [default: .env, if it exists]
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,

    /// Read a Management token from standard input, to check all of the tenant
    #[arg(long)]
    pub token_stdin: bool,

    /// Use the session of the Auth0 CLI, to check all of the tenant
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, default_missing_value = "auth0", conflicts_with = "token_stdin")]
    pub auth0_cli: Option<String>,

    /// Read an access token of the server from standard input, to see which versions it speaks
    #[arg(long, conflicts_with = "token_stdin")]
    pub bearer_stdin: bool,

    /// A user whose permissions and connected account to check: an email address or a user id
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,

    /// The origin of a page in a browser that has to be able to use the server
    #[arg(long, value_name = "ORIGIN")]
    pub page: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of both commands.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Run {
    /// Host that runs the component
    #[arg(long, value_enum, value_name = "HOST", default_value_t)]
    pub host: HostChoice,

    /// Version of WASI that the component is built for
    #[arg(long, value_enum, value_name = "VERSION", default_value_t)]
    pub wasi: Wasi,

    /// Run the component from the last build, without building it again
    #[arg(long)]
    pub no_build: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["doorward-dev"], arguments].concat())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_arguments_the_server_runs_on_its_usual_ports() {
        let cli = parse(&[]).expect("nothing is needed");
        assert_eq!(cli.command, None);
        assert_eq!((cli.serve.port, cli.serve.tenant_port), (None, 4000));
        assert_eq!(
            cli.serve.run,
            Run { host: HostChoice::Auto, wasi: Wasi::V0_3, no_build: false }
        );
    }

    #[test]
    fn try_takes_its_own_options_after_its_name() {
        let cli = parse(&["try", "--host", "local", "--wasi", "0.2", "--no-build"])
            .expect("the options of try");
        let run = Run { host: HostChoice::Local, wasi: Wasi::V0_2, no_build: true };
        assert_eq!(cli.command, Some(Command::Try(Try { server_url: None, run })));
        assert!(parse(&["--port", "1", "try"]).is_err(), "`try` does not accept a port");
    }

    #[test]
    fn a_port_is_a_number_between_1_and_65535() {
        assert!(parse(&["--port", "0"]).is_err());
        assert!(parse(&["--port", "65536"]).is_err());
        assert!(parse(&["--port", "65535"]).is_ok());
    }

    #[test]
    fn the_help_names_every_option_every_name_of_the_environment_file_and_every_exit_status() {
        let help = Cli::command().render_long_help().to_string();
        let options = [
            "--port",
            "--tenant-port",
            "--host",
            "--wasi",
            "--env-file",
            "--no-build",
            "--with",
            "cargo run -- try",
        ];
        let names = [
            "AUTH0_DOMAIN",
            "AUTH0_AUDIENCE",
            "AUTH0_CLIENT_ID",
            "AUTH0_CLIENT_SECRET",
            "MCP_SERVER_URL",
        ];
        let short = [
            " DOMAIN",
            " AUDIENCE",
            " CLIENT_ID",
            " CLIENT_SECRET",
            " BASE_URL",
            " SCOPES",
            " PORT",
        ];
        let statuses = ["\n  0 ", "\n  1 ", "\n  2 ", "\n  3 ", "\n  4 ", "\n  130 ", "143"];
        for text in options.iter().chain(&names).chain(&short).chain(&statuses) {
            assert!(help.contains(text), "the help has {text:?}");
        }
    }
}
