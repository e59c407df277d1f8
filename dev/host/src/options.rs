//! What a caller chooses.

use crate::Log;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What to run and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `spin.toml`.
    pub manifest: PathBuf,
    /// Where to listen. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Values for the variables that the manifest declares. The host reads no environment by itself: see
    /// [`variables_from_env`](crate::variables_from_env).
    pub variables: BTreeMap<String, String>,
    /// How instances of the component are reused.
    pub reuse: Reuse,
    /// The Wasm file, instead of the manifest's `source`.
    pub component: Option<PathBuf>,
    /// Where the host's messages and the component's output go.
    pub log: Log,
}

/// How instances of the component are reused. The default is Spin's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// How many requests an instance answers in all.
    pub requests: usize,
    /// How many requests an instance answers at the same time.
    pub concurrent: usize,
    /// How long an instance without a request is kept.
    pub idle: Duration,
    /// How many instances there may be at the same time. Spin has no such limit: it starts an instance whenever the
    /// others are busy. With `Some(1)` all requests in flight are on one instance, and those beyond
    /// [`concurrent`](Self::concurrent) wait.
    pub instances: Option<usize>,
}

impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 128, concurrent: 16, idle: Duration::from_secs(1), instances: None }
    }
}
