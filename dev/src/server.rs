//! The running server: the component on one of the two hosts.

use crate::{
    Error, Host, Log,
    spin::{SpinOptions, SpinServer},
    workspace,
};
use doorward_host::{CapturedLog, Reuse};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// What a server is started with. It holds a secret among its variables, so it cannot be printed.
pub struct ServerOptions {
    /// The host that runs the component.
    pub host: Host,
    /// The Spin manifest; the one of this workspace when absent.
    pub manifest: Option<PathBuf>,
    /// The component.
    pub component: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Values for variables of the manifest.
    pub variables: BTreeMap<String, String>,
    /// How instances are reused.
    pub reuse: Reuse,
    /// Where its output goes.
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
    /// Starts the component and waits until it answers.
    ///
    /// # Errors
    /// When the host cannot start.
    pub async fn start(options: ServerOptions) -> Result<Self, Error> {
        let ServerOptions { host, manifest, component, listen, variables, reuse, log } = options;
        let manifest = manifest.unwrap_or_else(workspace::manifest);
        let backend = match host {
            Host::Spin { program, .. } => {
                let options =
                    SpinOptions { program, manifest, component, listen, variables, reuse, log };
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
                let options =
                    doorward_host::Options { manifest, listen, variables, reuse, component, log };
                let host = doorward_host::Host::start(options).await;
                let host = host
                    .map_err(|error| Error::start(format!("Cannot start the server: {error}")))?;
                Backend::Local { host, log: captured }
            }
        };
        Ok(Self { backend })
    }

    /// Its URL, without a path: `http://127.0.0.1:3000`.
    pub fn url(&self) -> &str {
        match &self.backend {
            Backend::Local { host, .. } => host.url(),
            Backend::Spin(spin) => spin.url(),
        }
    }

    /// What the component and its host have printed so far, where that is captured.
    pub fn logs(&self) -> String {
        match &self.backend {
            Backend::Local { log, .. } => log.text(),
            Backend::Spin(spin) => spin.log(),
        }
    }

    /// The local host, which shows tests what the component stored; none on Spin.
    pub fn local(&self) -> Option<&doorward_host::Host> {
        match &self.backend {
            Backend::Local { host, .. } => Some(host),
            Backend::Spin(_) => None,
        }
    }

    /// Asks the component whether it is well.
    ///
    /// # Errors
    /// When `/health` does not answer 200, with what it said.
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

    /// Stops in good order: no more connections are taken, and requests in flight are answered.
    pub async fn stop(self) {
        match self.backend {
            Backend::Local { host, .. } => host.stop().await,
            Backend::Spin(spin) => drop(spin),
        }
    }

    /// Waits until the server ends, which it should not do by itself. The local host never does.
    pub async fn ended(&mut self) -> Error {
        match &mut self.backend {
            Backend::Local { .. } => std::future::pending().await,
            Backend::Spin(spin) => spin.ended().await,
        }
    }
}
