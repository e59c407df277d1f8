//! `cargo run`: see `cargo run -- --help`.

use clap::Parser;
use doorward_dev::{
    Error,
    cli::{Cli, Command},
    serve,
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
    // Nothing interrupts the local host while it compiles the component, and nobody who wants to end waits for that.
    // By now all child processes have been killed: their owners are dropped.
    runtime.shutdown_background();
    code
}

/// Does what is asked, until it is done or a signal comes.
async fn run(cli: Cli) -> ExitCode {
    let mut signals = match Signals::watch() {
        Ok(signals) => signals,
        Err(error) => return failed(&Error::start(format!("Cannot watch for signals: {error}"))),
    };
    let mut serving = tokio::select! {
        // Dropping the other future ends what it has started.
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
    // This is how serving ends when all is well. Whoever cannot wait for the last answers says so again.
    tokio::select! {
        interrupt = signals.next() => interrupt.exit_code(),
        () = serving.stop() => ExitCode::SUCCESS,
    }
}

/// Does what is asked; what has to go on until a signal is returned.
async fn start(cli: Cli) -> Result<Option<serve::Serving>, Error> {
    match cli.command {
        Some(Command::Try(options)) => trial::run(&options).await.map(|()| None),
        None => serve::start(&cli.serve).await.map(Some),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    error.exit_code()
}
