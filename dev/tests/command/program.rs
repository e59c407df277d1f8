//! Runs the program as a user would.

use doorward_dev::{Wasi, build_component};
use std::{
    net::TcpListener,
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Timeout of each wait, far longer than any takes.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

/// Returns the program with these arguments. Builds the component first, so that `--no-build` finds
/// it.
pub(crate) fn program(arguments: &[&str]) -> Command {
    build_component(Wasi::V0_3);
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward-dev"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The exit status and output of a program.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) async fn run(command: &mut Command) -> Ended {
    let output = timeout(TIMEOUT, command.output())
        .await
        .expect("the program ends")
        .expect("the program starts");
    Ended {
        status: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
    }
}

/// A running program that serves.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// The output until the server was running.
    pub(crate) banner: String,
    // Kept open, so that the program can continue to print.
    _stdout: Lines<BufReader<ChildStdout>>,
}

/// Starts a program and waits until it has printed the banner.
pub(crate) async fn serve(command: &mut Command) -> Serving {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
    let mut banner = String::new();
    let reading = async {
        while let Some(line) = lines.next_line().await.expect("standard output is UTF-8") {
            banner.push_str(&line);
            banner.push('\n');
            if line.starts_with("Press Ctrl-C to stop") {
                return;
            }
        }
        panic!("it ended before it served: {banner}");
    };
    timeout(TIMEOUT, reading).await.expect("it serves in time");
    Serving { child, banner, _stdout: lines }
}

impl Serving {
    /// Sends a signal and returns the exit status.
    pub(crate) async fn end_with(mut self, with: rustix::process::Signal) -> i32 {
        signal(&self.child, with);
        let status = timeout(TIMEOUT, self.child.wait())
            .await
            .expect("it ends")
            .expect("it can be waited for");
        status.code().expect("it ended by itself")
    }
}

/// Sends a signal to a running program.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = child.id().expect("it still runs");
    let id = rustix::process::Pid::from_raw(id.cast_signed()).expect("a process id");
    rustix::process::kill_process(id, signal).expect("the signal is sent");
}

/// Returns a free port that no other test gets.
///
/// It is below the range from which the system chooses ports for connections and for binding port
/// 0, both of which the other tests do all the time.
pub(crate) fn free_port() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 100).expect("less than 100") * 100;
    let mut ports =
        std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed)).take(100);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("a free port").to_string()
}
