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
    /// How instances of a component are reused.
    pub reuse: Reuse,
    /// The limits of each instance.
    pub limits: Limits,
    /// The Wasm file of the component that the first trigger with a public route names. Defaults to
    /// the manifest's `source`, as for all other components.
    pub component: Option<PathBuf>,
    /// The destination of the host's messages and the components' output.
    pub log: Log,
}

/// The limits of each instance. Spin has none; the clouds that run Spin applications have some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time until the response begins, and then until it ends. An instance that exceeds it is
    /// ended, with all its requests.
    pub time: Duration,
    /// The memory of an instance, in bytes.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Doorward waits 30 seconds for a body.
        Self { time: Duration::from_secs(60), memory: 128 << 20 }
    }
}

/// How instances of a component are reused. The defaults are Spin's.
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
