//! The program behind `cargo run`. See `cargo run -- --help`.

use clap::Parser;
use doorward_dev::{
    Error, check,
    cli::{Cli, Command},
    deploy, secrets, serve, setup,
    signals::Signals,
    trial,
};
use std::process::ExitCode;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Error::start(format!("Cannot start Tokio: {error}"))),
    };
    let code = runtime.block_on(run(cli));
    // Do not wait for blocking tasks: the local host cannot be interrupted while it compiles the
    // component. All child processes have been killed by now, because their owners are dropped.
    runtime.shutdown_background();
    code
}

/// Runs the command until it is done or a signal arrives.
async fn run(cli: Cli) -> ExitCode {
    let mut signals = match Signals::watch() {
        Ok(signals) => signals,
        Err(error) => return failed(&Error::start(format!("Cannot watch for signals: {error}"))),
    };
    let mut serving = tokio::select! {
        // Dropping the other future stops everything that it has started.
        interrupt = signals.next() => return interrupt.exit_code(),
        outcome = start(cli) => match outcome {
            Ok(Some(serving)) => serving,
            Ok(None) => return ExitCode::SUCCESS,
            Err(error) => return failed(&error),
        },
    };
    tokio::select! {
        _ = signals.next() => {}
        error = serving.ended() => return failed(&error),
    }
    // Finish the requests in flight. A second signal stops at once.
    tokio::select! {
        interrupt = signals.next() => interrupt.exit_code(),
        () = serving.stop() => ExitCode::SUCCESS,
    }
}

/// Starts the command. Returns a server that runs until a signal arrives, or `None` if the command
/// is done.
async fn start(cli: Cli) -> Result<Option<serve::Serving>, Error> {
    match cli.command {
        Some(Command::Check(options)) => check::run(&options).await.map(|()| None),
        Some(Command::Secrets(command)) => secrets::run(&command).await.map(|()| None),
        Some(Command::Tenant(command)) => setup::run(&command).await.map(|()| None),
        Some(Command::Try(options)) => trial::run(&options).await.map(|()| None),
        Some(Command::Deploy(options)) => deploy::run(&options).await.map(|()| None),
        None => serve::start(&cli.serve).await.map(Some),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    error.exit_code()
}
