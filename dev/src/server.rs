//! The running server: the component on one of the two hosts.

use crate::{
    Error, Host, Log,
    spin::{SpinOptions, SpinServer},
    workspace,
};
use doorward_host::{CapturedLog, Limits, Reuse};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// Options of a server. Not `Debug`, because the variables hold a secret.
#[derive(Clone)]
pub struct ServerOptions {
    /// The host that runs the component.
    pub host: Host,
    /// The Spin manifest. Defaults to the one of this workspace.
    pub manifest: Option<PathBuf>,
    /// The component.
    pub component: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Values for the manifest's variables.
    pub variables: BTreeMap<String, String>,
    /// How instances are reused.
    pub reuse: Reuse,
    /// The limits of instances. Spin has none unless they differ from the default.
    pub limits: Limits,
    /// Spin's runtime configuration, such as another key-value store. The local host has none.
    pub runtime_config: Option<PathBuf>,
    /// The destination of the server's output.
    pub log: Log,
}

/// A running server. It stops when it is dropped.
pub struct Server {
    backend: Backend,
}

enum Backend {
    Local { host: doorward_host::Host, log: CapturedLog },
    Spin(SpinServer),
}

impl Server {
    /// Starts the component and waits until it responds.
    ///
    /// # Errors
    /// Returns an error if the host cannot start.
    pub async fn start(options: ServerOptions) -> Result<Self, Error> {
        let ServerOptions {
            host,
            manifest,
            component,
            listen,
            variables,
            reuse,
            limits,
            runtime_config,
            log,
        } = options;
        let manifest = manifest.unwrap_or_else(workspace::manifest);
        let backend = match host {
            Host::Spin { program, .. } => {
                let options = SpinOptions {
                    program,
                    manifest,
                    component,
                    listen,
                    variables,
                    reuse,
                    limits,
                    runtime_config,
                    log,
                };
                Backend::Spin(SpinServer::start(options).await?)
            }
            Host::Local { .. } => {
                let captured = CapturedLog::default();
                let log = match log {
                    Log::Inherit => doorward_host::Log::Inherit,
                    Log::Capture => doorward_host::Log::Capture(captured.clone()),
                    Log::Discard => doorward_host::Log::Discard,
                };
                let component = Some(component);
                let options = doorward_host::Options {
                    manifest,
                    listen,
                    variables,
                    reuse,
                    limits,
                    component,
                    log,
                };
                let host = doorward_host::Host::start(options).await;
                let host = host
                    .map_err(|error| Error::start(format!("Cannot start the server: {error}")))?;
                Backend::Local { host, log: captured }
            }
        };
        Ok(Self { backend })
    }

    /// The server's URL, without a path: `http://127.0.0.1:3000`.
    pub fn url(&self) -> &str {
        match &self.backend {
            Backend::Local { host, .. } => host.url(),
            Backend::Spin(spin) => spin.url(),
        }
    }

    /// The captured output of the component and its host so far. Empty unless it is captured.
    pub fn logs(&self) -> String {
        match &self.backend {
            Backend::Local { log, .. } => log.text(),
            Backend::Spin(spin) => spin.log(),
        }
    }

    /// The captured output since this was last called, which is then forgotten: for a server that
    /// runs for long.
    pub fn take_logs(&self) -> String {
        match &self.backend {
            Backend::Local { log, .. } => log.take(),
            Backend::Spin(spin) => spin.take_log(),
        }
    }

    /// The id of the process group that the server runs in; `None` if it is in this process.
    pub fn process_group(&self) -> Option<u32> {
        match &self.backend {
            Backend::Local { .. } => None,
            Backend::Spin(spin) => spin.process_group(),
        }
    }

    /// The folder with Spin's key-value store, if it is the default one. `None` on the local host.
    pub fn state_folder(&self) -> Option<PathBuf> {
        match &self.backend {
            Backend::Local { .. } => None,
            Backend::Spin(spin) => Some(spin.state_folder()),
        }
    }

    /// The local host, through which tests read the component's stores. `None` on Spin.
    pub fn local(&self) -> Option<&doorward_host::Host> {
        match &self.backend {
            Backend::Local { host, .. } => Some(host),
            Backend::Spin(_) => None,
        }
    }

    /// Checks the component's health.
    ///
    /// # Errors
    /// Returns an error with the response if `/health` does not respond with 200.
    pub async fn check(&self) -> Result<(), Error> {
        let failed =
            |error: reqwest::Error| Error::start(format!("The server does not respond: {error}"));
        let answer = reqwest::get(format!("{}/health", self.url())).await.map_err(failed)?;
        let status = answer.status();
        if status == 200 {
            return Ok(());
        }
        let body = answer.text().await.map_err(failed)?;
        Err(Error::start(
            format!(
                "The server is unhealthy; see its log. `/health` responded with {status} {body}"
            )
            .trim_end(),
        ))
    }

    /// Stops the server. The local host first answers the requests in flight.
    pub async fn stop(self) {
        match self.backend {
            Backend::Local { host, .. } => host.stop().await,
            Backend::Spin(spin) => drop(spin),
        }
    }

    /// Waits until the server stops unexpectedly, which the local host never does.
    pub async fn ended(&mut self) -> Error {
        match &mut self.backend {
            Backend::Local { .. } => std::future::pending().await,
            Backend::Spin(spin) => spin.ended().await,
        }
    }
}
