//! Options of a host.

use crate::Log;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Options of a host.
#[derive(Clone, Debug)]
pub struct Options {
    /// The path of the `spin.toml`.
    pub manifest: PathBuf,
    /// The address to listen on. With port 0 the system chooses one.
    pub listen: SocketAddr,
    /// Values for the variables that the manifest declares. The host does not read the environment
    /// by itself: see [`variables_from_env`](crate::variables_from_env).
    pub variables: BTreeMap<String, String>,
    /// How instances of the component are reused.
    pub reuse: Reuse,
    /// The Wasm file. Defaults to the manifest's `source`.
    pub component: Option<PathBuf>,
    /// The destination of the host's messages and the component's output.
    pub log: Log,
}

/// How instances of the component are reused. The defaults are Spin's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// The total number of requests that an instance handles.
    pub requests: usize,
    /// The number of requests that an instance handles at the same time.
    pub concurrent: usize,
    /// The idle timeout of an instance.
    pub idle: Duration,
    /// The limit of concurrent instances, or `None` for no limit. Spin has none: it starts an
    /// instance whenever all others are busy. With `Some(1)`, all requests in flight are on one
    /// instance, and those beyond [`concurrent`](Self::concurrent) wait.
    pub instances: Option<usize>,
}

impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 128, concurrent: 16, idle: Duration::from_secs(1), instances: None }
    }
}
