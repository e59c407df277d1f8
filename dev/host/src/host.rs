//! A running application.

use crate::allowed_hosts::{self, AllowedHosts};
use crate::engine;
use crate::figures::{Figures, InstanceFigures};
use crate::instance::{Application, Instance};
use crate::key_value::{Contents, Stores};
use crate::manifest::{Component, Manifest};
use crate::outbound::Outbound;
use crate::server::Server;
use crate::variables::{self, ComponentVariables};
use crate::workers::Workers;
use crate::{Options, StartError, bindings};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wasmtime::component::Linker;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A running application. Dropping it closes the listener; requests in flight finish in the
/// background.
#[derive(Debug)]
pub struct Host {
    url: String,
    address: SocketAddr,
    stores: Stores,
    figures: Figures,
    /// Never sends a value. Dropping it stops all receivers.
    stop: Option<watch::Sender<()>>,
    server: JoinHandle<()>,
}

impl Host {
    /// Starts the application of a manifest. It serves requests when this returns.
    ///
    /// # Errors
    /// Returns an error if the manifest, a variable or the component is missing or invalid, or if
    /// the address cannot be listened on.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let manifest = read_manifest(&options.manifest)?;
        let component = manifest.component;
        let defaults = variables::defaults(&manifest.variables);
        allowed_hosts::check(&component.allowed_hosts, &defaults)?;
        let values = variables::resolve(&manifest.variables, &options.variables)?;
        let allowed = AllowedHosts::new(&component.allowed_hosts, &values);
        if let Some(malformed) = allowed.malformed() {
            options.log.host(&malformed.to_string());
        }
        let (path, wasm) = read_component(&options, &component)?;
        let listener = listen(options.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: options.listen, source })?;

        let (stores, figures) = (Stores::default(), Figures::default());
        let outbound = Outbound::new(&component.id, allowed, options.log.clone())
            .map_err(|error| StartError::Runtime(error.to_string()))?;
        let application = Arc::new(Application {
            variables: ComponentVariables::new(&component.id, &component.variables, &values),
            granted_stores: component.key_value_stores,
            stores: stores.clone(),
            outbound: Arc::new(outbound),
            log: options.log.clone(),
            figures: figures.clone(),
        });
        // Compiling takes seconds and all processors.
        let prepared = tokio::task::spawn_blocking(move || prepare(&path, wasm)).await;
        let prepared = prepared.map_err(|error| StartError::Runtime(error.to_string()))??;

        let (stop, stopped) = watch::channel(());
        let workers = Workers::new(prepared, application, options.reuse, stopped.clone());
        let server = Arc::new(Server {
            routes: manifest.routes,
            handler: ProxyHandler::new(workers),
            log: options.log,
        });
        Ok(Self {
            url: format!("http://{address}"),
            address,
            stores,
            figures,
            stop: Some(stop),
            server: tokio::spawn(server.serve(listener, stopped)),
        })
    }

    /// The URL of the application: `http://127.0.0.1:3000`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that the application listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A copy of all key-value stores: label, key, value.
    pub fn key_value(&self) -> BTreeMap<String, Contents> {
        self.stores.snapshot()
    }

    /// Measurements of the instances so far.
    pub fn figures(&self) -> InstanceFigures {
        self.figures.snapshot()
    }

    /// Closes the listener and waits until all requests in flight are answered.
    pub async fn stop(mut self) {
        self.stop = None;
        // An error means that the server has already stopped.
        drop((&mut self.server).await);
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, StartError> {
    let path = path.to_owned();
    match std::fs::read_to_string(&path) {
        Ok(text) => Manifest::parse(&text).map_err(|source| StartError::Manifest { path, source }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(StartError::ManifestNotFound(path))
        }
        Err(source) => Err(StartError::ManifestUnreadable { path, source }),
    }
}

fn read_component(
    options: &Options,
    component: &Component,
) -> Result<(PathBuf, Vec<u8>), StartError> {
    let folder = options.manifest.parent().unwrap_or(Path::new(""));
    let path = match &options.component {
        Some(path) => path.clone(),
        None => folder.join(&component.source),
    };
    match std::fs::read(&path) {
        Ok(wasm) => Ok((path, wasm)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let build = component.build.clone();
            Err(StartError::ComponentNotFound { path, build })
        }
        Err(source) => Err(StartError::ComponentUnreadable { path, source }),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::AddressInUse(address),
        _ => StartError::Listen { address, source },
    })
}

/// Compiles the component and links its imports.
fn prepare(path: &Path, wasm: Vec<u8>) -> Result<ServicePre<Instance>, StartError> {
    let runtime = |error: wasmtime::Error| StartError::Runtime(format!("{error:#}"));
    let engine = engine::engine().map_err(runtime)?;
    let mut linker = Linker::new(&engine);
    bindings::add_to_linker(&mut linker).map_err(runtime)?;

    let path = path.to_owned();
    let reason = |error: wasmtime::Error| format!("{error:#}");
    let component = match engine::compile(&engine, wasm) {
        Ok(component) => component,
        Err(error) => return Err(StartError::InvalidComponent { path, reason: reason(error) }),
    };
    let linked = match linker.instantiate_pre(&component) {
        Ok(linked) => linked,
        Err(error) => return Err(StartError::MissingImport { path, reason: reason(error) }),
    };
    ServicePre::new(linked).map_err(|error| StartError::NoHandler { path, reason: reason(error) })
}

#[cfg(test)]
mod tests;
