//! Errors that prevent a host from starting.

use crate::allowed_hosts::InvalidHost;
use crate::manifest::ManifestError;
use crate::variables::MissingVariables;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The reason why a host cannot start. Each message says what to do or where to look.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The manifest does not exist.
    #[error("there is no manifest at {}", .0.display())]
    ManifestNotFound(PathBuf),
    /// The manifest cannot be read.
    #[error("cannot read the manifest {}: {source}", .path.display())]
    ManifestUnreadable {
        /// The manifest.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The manifest is invalid.
    #[error("the manifest {} is invalid: {source}", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The reason.
        source: ManifestError,
    },
    /// Required variables have no value.
    #[error(transparent)]
    MissingVariables(#[from] MissingVariables),
    /// An entry of `allowed_outbound_hosts` is invalid.
    #[error(transparent)]
    AllowedHost(#[from] InvalidHost),
    /// The Wasm file does not exist.
    #[error("there is no component at {}{}", .path.display(), build_hint(.build))]
    ComponentNotFound {
        /// The Wasm file.
        path: PathBuf,
        /// The manifest's build command.
        build: Option<String>,
    },
    /// The Wasm file cannot be read.
    #[error("cannot read the component {}: {source}", .path.display())]
    ComponentUnreadable {
        /// The Wasm file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file of a component cannot be read.
    #[error("cannot read the file {} of component {component:?}: {source}", .path.display())]
    File {
        /// The component.
        component: String,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The Wasm file is not a component.
    #[error("{} is not a valid component: {reason}", .path.display())]
    InvalidComponent {
        /// The Wasm file.
        path: PathBuf,
        /// The compiler's message.
        reason: String,
    },
    /// The component has an import that Spin 4.1 or this host does not provide.
    #[error("{} has an import that this host does not provide: {reason}", .path.display())]
    MissingImport {
        /// The Wasm file.
        path: PathBuf,
        /// The import and the reason.
        reason: String,
    },
    /// The component does not export the HTTP handler of WASI 0.3.
    #[error("{} does not export `wasi:http/handler@0.3`: {reason}", .path.display())]
    NoHandler {
        /// The Wasm file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Another process listens on the address.
    #[error("{0} is already in use by another process; stop it or choose another port")]
    AddressInUse(SocketAddr),
    /// Listening on the address fails.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// The Wasm runtime cannot start.
    #[error("the Wasm runtime cannot start: {0}")]
    Runtime(String),
}

fn build_hint(command: &Option<String>) -> String {
    match command {
        Some(command) => format!("; build it with `{command}`"),
        None => String::new(),
    }
}
