//! Runs `spin up` as a child process.

use super::manifest;
use crate::{
    Error,
    log::{Log, LogBuffer},
    process::ProcessGroup,
    workspace,
};
use doorward_host::{Limits, Reuse};
use std::{
    collections::BTreeMap, ffi::OsString, io, net::SocketAddr, path::PathBuf, process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

/// Timeout until `spin up` responds. The first start compiles the components.
const START_TIMEOUT: Duration = Duration::from_secs(180);

/// The interval between health checks during the start.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Options of `spin up`. Not `Debug`, because the variables hold a secret.
pub(crate) struct SpinOptions {
    /// The program.
    pub program: OsString,
    /// The manifest of the component.
    pub manifest: PathBuf,
    /// The `.wasm` to run instead of the manifest's `source`.
    pub component: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Values for the manifest's variables. They are passed in the environment, because all users
    /// of the machine can read the command line.
    pub variables: BTreeMap<String, String>,
    /// How instances are reused.
    pub reuse: Reuse,
    /// The limits of instances. Spin has none unless they differ from the default.
    pub limits: Limits,
    /// The runtime configuration.
    pub runtime_config: Option<PathBuf>,
    /// The destination of Spin's output.
    pub log: Log,
}

/// A running `spin up`. Dropping it kills Spin and its triggers, and removes their state.
#[derive(Debug)]
pub(crate) struct SpinServer {
    group: ProcessGroup,
    url: String,
    log: LogBuffer,
    // Dropped after the group, so that no process writes to the folder while it is removed.
    state: TempDir,
}

impl SpinServer {
    /// Starts `spin up` and waits until it responds.
    ///
    /// # Errors
    /// Returns an error if `spin up` cannot be started, exits, or does not respond in time.
    pub(crate) async fn start(options: SpinOptions) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::start(format!("Cannot start Spin: {error}"));
        let state = tempfile::tempdir().map_err(failed)?;
        let manifest = manifest::for_component(
            &options.manifest,
            workspace::COMPONENT,
            &options.component,
            state.path(),
        )
        .map_err(failed)?;
        let mut command = command(&options, &manifest, &state);
        let mut group = ProcessGroup::spawn(&mut command).map_err(failed)?;
        let log = LogBuffer::default();
        // There are pipes only if the output is captured.
        capture(group.child().stdout.take(), log.clone());
        capture(group.child().stderr.take(), log.clone());
        let url = format!("http://{}", options.listen);
        let health = format!("{url}/.well-known/spin/health");
        tokio::select! {
            status = group.wait() => {
                let status = status.map_err(failed)?;
                let said = log.text();
                return Err(Error::start(format!("`spin up` stopped unexpectedly ({status}). {said}").trim_end()));
            }
            () = wait_until_healthy(&health) => {}
            () = tokio::time::sleep(START_TIMEOUT) => {
                return Err(Error::start(format!("`spin up` did not respond within {} seconds.", START_TIMEOUT.as_secs())));
            }
        }
        Ok(Self { group, url, log, state })
    }

    /// The server's URL, without a path.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The captured output so far. Empty unless it is captured.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The captured output since this was last called.
    pub(crate) fn take_log(&self) -> String {
        self.log.take()
    }

    /// The id of the process group of `spin up` and its triggers.
    pub(crate) fn process_group(&self) -> Option<u32> {
        self.group.id()
    }

    /// The folder with the state of the application.
    pub(crate) fn state_folder(&self) -> PathBuf {
        self.state.path().join("state")
    }

    /// Waits until `spin up` stops unexpectedly.
    pub(crate) async fn ended(&mut self) -> Error {
        match self.group.wait().await {
            Ok(status) => Error::start(format!("`spin up` stopped unexpectedly ({status}).")),
            Err(error) => Error::start(format!("Cannot wait for `spin up`: {error}")),
        }
    }
}

fn command(options: &SpinOptions, manifest: &std::path::Path, state: &TempDir) -> Command {
    let mut command = Command::new(&options.program);
    command.arg("up").arg("-f").arg(manifest);
    command.arg("--listen").arg(options.listen.to_string());
    command.arg("--state-dir").arg(state.path().join("state"));
    // Pass no options for the defaults, so that the benchmarks measure Spin without options.
    if options.reuse != Reuse::default() {
        let Reuse { requests, concurrent, idle, .. } = &options.reuse;
        command.arg("--max-instance-reuse-count").arg(requests.to_string());
        command.arg("--max-instance-concurrent-reuse-count").arg(concurrent.to_string());
        command.arg("--idle-instance-timeout").arg(format!("{}ms", idle.as_millis()));
    }
    if options.limits != Limits::default() {
        let Limits { time, memory } = &options.limits;
        command.arg("--request-timeout").arg(format!("{}ms", time.as_millis()));
        command.arg("--max-instance-memory").arg(memory.to_string());
    }
    if let Some(file) = &options.runtime_config {
        command.arg("--runtime-config-file").arg(file);
    }
    // Run in a folder without a `.env`, which Spin would read.
    command.current_dir(state.path()).stdin(Stdio::null());
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SPIN_VARIABLE_"))
    {
        command.env_remove(name);
    }
    for (name, value) in &options.variables {
        command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
    }
    let output = || match options.log {
        Log::Inherit => Stdio::inherit(),
        Log::Capture => Stdio::piped(),
        Log::Discard => Stdio::null(),
    };
    command.stdout(output()).stderr(output());
    command
}

/// Copies the output of `pipe` to `log` until the pipe closes.
fn capture(pipe: Option<impl AsyncRead + Unpin + Send + 'static>, log: LogBuffer) {
    let Some(pipe) = pipe else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            log.push(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}

/// Waits until `url` responds with 200.
async fn wait_until_healthy(url: &str) {
    let client = reqwest::Client::new();
    loop {
        if client.get(url).send().await.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
