//! Why a host does not start.

use crate::allowed_hosts::InvalidHost;
use crate::manifest::ManifestError;
use crate::variables::MissingVariables;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a host does not start. Each message says what to do about it, or what to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no manifest.
    #[error("there is no manifest at {}", .0.display())]
    ManifestNotFound(PathBuf),
    /// The manifest can not be read.
    #[error("the manifest {} can not be read: {source}", .path.display())]
    ManifestUnreadable {
        /// The manifest.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The manifest is not valid.
    #[error("the manifest {} is not valid: {source}", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// Required variables have no value.
    #[error(transparent)]
    MissingVariables(#[from] MissingVariables),
    /// An allowed host is not valid.
    #[error(transparent)]
    AllowedHost(#[from] InvalidHost),
    /// There is no Wasm file.
    #[error("there is no component at {}{}", .path.display(), build_hint(.build))]
    ComponentNotFound {
        /// The Wasm file.
        path: PathBuf,
        /// The command that builds it, as the manifest has it.
        build: Option<String>,
    },
    /// The Wasm file can not be read.
    #[error("the component {} can not be read: {source}", .path.display())]
    ComponentUnreadable {
        /// The Wasm file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The Wasm file is not a component.
    #[error("{} is not a valid component: {reason}", .path.display())]
    InvalidComponent {
        /// The Wasm file.
        path: PathBuf,
        /// What the compiler says.
        reason: String,
    },
    /// The component needs what Spin 4.1 does not offer, or what this host leaves out.
    #[error("{} imports what this host does not have: {reason}", .path.display())]
    MissingImport {
        /// The Wasm file.
        path: PathBuf,
        /// The import, and what is wrong with it.
        reason: String,
    },
    /// The component does not answer HTTP requests of WASI 0.3.
    #[error("{} does not export `wasi:http/handler@0.3`: {reason}", .path.display())]
    NoHandler {
        /// The Wasm file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// Another process listens there.
    #[error("{0} is already in use by another process; stop it or choose another port")]
    AddressInUse(SocketAddr),
    /// The address can not be listened on.
    #[error("unable to listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The Wasm runtime does not start.
    #[error("the Wasm runtime does not start: {0}")]
    Runtime(String),
}

fn build_hint(command: &Option<String>) -> String {
    match command {
        Some(command) => format!("; build it with `{command}`"),
        None => String::new(),
    }
}
