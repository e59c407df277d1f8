//! The command line.

use crate::HostChoice;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const ABOUT: &str = "Runs Doorward on this machine; needs no account and nothing else installed";

const LONG_ABOUT: &str = "\
Runs Doorward on this machine. It needs no account and nothing else installed.

Without a command, it builds the component, starts the server with a local stand-in for an Auth0 \
tenant, and prints what to do next. `try` runs the whole flow as an MCP client and checks each \
step.";

const AFTER_HELP: &str = "\
Run it with cargo in the root folder of the repository. Options go after `--`:
  cargo run                                  start the server and a local tenant; stop with Ctrl-C
  cargo run -- try                           run the whole flow and check each step, on free ports
  cargo run -- --port 8080                   start the server at http://127.0.0.1:8080
  cargo run -- --env-file .env --port 3001   start the server for a real tenant

Environment file (--env-file): lines of NAME=value. Each setting accepts any of its names:
  the tenant's domain      AUTH0_DOMAIN          DOMAIN          required
  the API's identifier     AUTH0_AUDIENCE        AUDIENCE        required; <public URL>/mcp
  the server's client ID   AUTH0_CLIENT_ID       CLIENT_ID       required
  the client's secret      AUTH0_CLIENT_SECRET   CLIENT_SECRET   required, or a private key:
                           [AUTH0_]CLIENT_ASSERTION_SIGNING_KEY  PKCS#8 PEM; line breaks may be \\n
                           [AUTH0_]CLIENT_ASSERTION_SIGNING_ALG  RS256, PS256 or ES256
  the server's public URL  MCP_SERVER_URL        BASE_URL        default: http://127.0.0.1:<port>
  scopes to request        SCOPES                                separated by spaces
  the port                 PORT                                  default: 3000; --port overrides it
Any variable of spin.toml may also be given as SPIN_VARIABLE_<NAME>.

Exit status:
  0    stopped by Ctrl-C or SIGTERM while serving; with `try`, all steps passed
  1    a step of `try` failed
  2    the command line or the environment file is invalid
  3    the toolchain is incomplete or the component does not build
  4    the tenant or the server cannot start (a port is in use, for example) or stopped unexpectedly
  130  stopped by Ctrl-C before it was serving, or during `try`; 143 by SIGTERM";

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
    #[arg(long, value_name = "URL", conflicts_with_all = ["host", "no_build"])]
    pub server_url: Option<url::Url>,

    /// How the component is built and run.
    #[command(flatten)]
    pub run: Run,
}

/// Options of both commands.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Run {
    /// Host that runs the component
    #[arg(long, value_enum, value_name = "HOST", default_value_t)]
    pub host: HostChoice,

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
        assert_eq!(cli.serve.run, Run { host: HostChoice::Auto, no_build: false });
    }

    #[test]
    fn try_takes_its_own_options_after_its_name() {
        let cli = parse(&["try", "--host", "local", "--no-build"]).expect("the options of try");
        let run = Run { host: HostChoice::Local, no_build: true };
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
        let options =
            ["--port", "--tenant-port", "--host", "--env-file", "--no-build", "cargo run -- try"];
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
