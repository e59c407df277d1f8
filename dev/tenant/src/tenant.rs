//! Starting and stopping a tenant.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::control::{Control, Unknown};
use crate::keys::{KeyError, KeyRing, SigningKey};
use crate::seed::{Seed, SeedError};
use crate::state::{Shared, Store};
use crate::{directory, routes, serve};

/// How to start a tenant.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens: a loopback address. With port 0 the system chooses one.
    pub listen: SocketAddr,
    /// Who and what it knows.
    pub seed: Seed,
}

/// A running tenant. It stops when it is dropped.
pub struct Tenant {
    control: Control,
    seed: Seed,
    task: JoinHandle<()>,
}

/// Why a tenant did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something else listens there, or it may not.
    #[error("the local tenant cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Anybody on the network could sign in.
    #[error("the local tenant listens on loopback only, and {0} is none of it")]
    NotLoopback(SocketAddr),
    /// The seed does not fit together.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// No keys, no tokens.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl Tenant {
    /// Starts a tenant on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address is busy or no loopback address, or the seed is at fault.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        // Whoever else uses the library may have chosen already, which is as good.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let origin = format!("http://{}", listener.local_addr().map_err(failed)?);
        let keys = tokio::task::spawn_blocking(KeyRing::generate).await.map_err(|_| KeyError)??;
        let seed = options.seed.at(&origin)?;
        let mut live = seed.clone();
        directory::complete(&mut live, &origin);
        let shared = Arc::new(Shared {
            origin,
            store: Mutex::new(Store::new(live)),
            keys: Mutex::new(keys),
            faults: Mutex::default(),
            calls: Mutex::default(),
            limits: Mutex::default(),
        });
        let control = Control::new(shared.clone());
        let task = tokio::spawn(serve::run(listener, routes::router(shared)));
        Ok(Self { control, seed, task })
    }

    /// Scheme, address and port, as in `http://127.0.0.1:4000`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.control.shared().origin
    }

    /// The `iss` of its tokens: the origin and a slash.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.control.shared().issuer()
    }

    /// Address and port, as in `127.0.0.1:4000`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.origin().trim_start_matches("http://")
    }

    /// Faults, counters, keys and edits.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Who and what it knew at the start.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Signs any header and claims with the current key; see [`Control::mint_with`] for other keys. A header without
    /// `alg` and `kid` gets those of the key.
    #[must_use]
    pub fn mint(&self, header: &Value, claims: &Value) -> String {
        self.control.mint_with(SigningKey::Current, header, claims)
    }

    /// An access token as the password grant gives it: for this person (user id or e-mail address), this client and
    /// the API of the seed that comes first, with these scopes as far as the person may have them.
    ///
    /// # Errors
    ///
    /// When there is no such person or client, or no API.
    pub fn mint_for(
        &self,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<String, Unknown> {
        self.control.mint_for(person, client_id, scopes)
    }

    /// Stops, and waits until the port is free again.
    pub async fn stop(mut self) {
        self.task.abort();
        // An aborted task ends with an error that says so.
        let _ = (&mut self.task).await;
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tenant({})", self.origin())
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.task.abort();
    }
}
