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

/// Options for [`Tenant::start`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback address to listen on. With port 0 the system chooses the port.
    pub listen: SocketAddr,
    /// The people, APIs and clients to start with.
    pub seed: Seed,
}

/// A running tenant. It stops when dropped.
pub struct Tenant {
    control: Control,
    seed: Seed,
    task: JoinHandle<()>,
}

/// Why a tenant did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is in use, or the process may not bind it.
    #[error("the local tenant cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The address is not a loopback address. On any other, everybody on the network could sign in.
    #[error("the local tenant listens on loopback only: {0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The seed is invalid.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The signing keys could not be generated.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl Tenant {
    /// Starts a tenant on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`StartError`] if the address is in use or is not a loopback address, if the seed is
    /// invalid, or if no keys can be generated.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        // Fails if the process has already installed a provider. That one works just as well.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let origin = format!("http://{}", listener.local_addr().map_err(failed)?);
        let keys = tokio::task::spawn_blocking(KeyRing::generate).await.map_err(|_| KeyError)??;
        let seed = options.seed.with_origin(&origin)?;
        let mut live = seed.clone();
        directory::fill_in_defaults(&mut live, &origin);
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

    /// The origin, for example `http://127.0.0.1:4000`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.control.shared().origin
    }

    /// The `iss` of the tenant's tokens: the origin followed by a slash.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.control.shared().issuer()
    }

    /// Address and port, for example `127.0.0.1:4000`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.origin().trim_start_matches("http://")
    }

    /// Controls faults, counters, keys and the directory.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The seed that the tenant started with, without later changes.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Signs any header and claims with the current key; see [`Control::mint_with`] for other keys.
    /// `alg` and `kid` default to those of the key.
    #[must_use]
    pub fn mint(&self, header: &Value, claims: &Value) -> String {
        self.control.mint_with(SigningKey::Current, header, claims)
    }

    /// Issues an access token like the password grant does, for the first API of the seed. `person`
    /// is a user id or an email address. Scopes that the person may not have are left out.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the client does not exist, or if the seed has no API.
    pub fn mint_for(
        &self,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<String, Unknown> {
        self.control.mint_for(person, client_id, scopes)
    }

    /// Issues an access token as a sign-in to an organization, by id, does.
    ///
    /// # Errors
    ///
    /// Returns [`Unknown`] if the person or the client does not exist, if the person is not a
    /// member of the organization, or if the seed has no API.
    pub fn mint_for_member(
        &self,
        organization: &str,
        person: &str,
        client_id: &str,
        scopes: &[&str],
    ) -> Result<String, Unknown> {
        self.control.mint_for_member(organization, person, client_id, scopes)
    }

    /// Stops the tenant and waits until its port is free again.
    pub async fn stop(mut self) {
        self.task.abort();
        // An aborted task always returns an error.
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
