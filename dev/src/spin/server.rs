//! `spin up` as a child process.

use super::manifest;
use crate::{
    Error,
    log::{Log, LogBuffer},
    process::ProcessGroup,
    workspace,
};
use doorward_host::Reuse;
use std::{
    collections::BTreeMap, ffi::OsString, io, net::SocketAddr, path::PathBuf, process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

/// How long `spin up` may take until it answers; the first start compiles the component.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What `spin up` is started with. It holds a secret among its variables, so it cannot be printed.
pub(crate) struct SpinOptions {
    /// The program.
    pub program: OsString,
    /// The manifest of the component.
    pub manifest: PathBuf,
    /// The `.wasm` to run in place of the manifest's `source`.
    pub component: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The values of the manifest's variables. They go through the environment: a command line is there for all to see.
    pub variables: BTreeMap<String, String>,
    /// How instances are reused.
    pub reuse: Reuse,
    /// Where Spin's output goes.
    pub log: Log,
}

/// A running `spin up`. Dropping it kills it and the triggers it started, and removes its state.
#[derive(Debug)]
pub(crate) struct SpinServer {
    group: ProcessGroup,
    url: String,
    log: LogBuffer,
    // After the group, so that nobody writes there any more when it is removed.
    _state: TempDir,
}

impl SpinServer {
    /// Starts `spin up` and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started, ends by itself, or does not answer in a minute.
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
        // Only what is captured has a pipe to take.
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
        Ok(Self { group, url, log, _state: state })
    }

    /// The URL it listens on, without a path.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it has printed so far, where that is captured.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until it ends, which it should not do by itself.
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
    // The benchmark measures Spin as it is without options.
    if options.reuse != Reuse::default() {
        let Reuse { requests, concurrent, idle, .. } = &options.reuse;
        command.arg("--max-instance-reuse-count").arg(requests.to_string());
        command.arg("--max-instance-concurrent-reuse-count").arg(concurrent.to_string());
        command.arg("--idle-instance-timeout").arg(format!("{}ms", idle.as_millis()));
    }
    // Spin reads a `.env` in its folder; here there is none.
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

/// Copies what comes out of `pipe` into `log` until it closes.
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

/// Waits until `url` answers 200.
async fn wait_until_healthy(url: &str) {
    let client = reqwest::Client::new();
    loop {
        if client.get(url).send().await.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
