//! A running application.

use crate::allowed_hosts::{self, AllowedHosts};
use crate::chaining::Chaining;
use crate::engine;
use crate::figures::{Figures, InstanceFigures};
use crate::files::Files;
use crate::instance::{Application, Instance};
use crate::key_value::{Contents, Stores};
use crate::manifest::{Component, Manifest};
use crate::outbound::Outbound;
use crate::server::Server;
use crate::variables::{self, ComponentVariables};
use crate::workers::Workers;
use crate::{Options, StartError, bindings, componentize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wasmtime::component::Linker;
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre};
use wasmtime_wasi_http::{p2, p3};

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
    /// Returns an error if the manifest, a variable, a file or a component is missing or invalid,
    /// or if the address cannot be listened on.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let manifest = read_manifest(&options.manifest)?;
        let defaults = variables::defaults(&manifest.variables);
        for component in manifest.components.values() {
            allowed_hosts::check(&component.allowed_hosts, &defaults)?;
        }
        let values = variables::resolve(&manifest.variables, &options.variables)?;
        let ids: BTreeSet<_> = manifest.components.keys().cloned().collect();
        let (stores, figures) = (Stores::default(), Figures::default());
        let chaining = Chaining::default();
        let mut components = Vec::new();
        for component in manifest.components.into_values() {
            let allowed = AllowedHosts::new(&component.allowed_hosts, &values, &ids);
            if let Some(malformed) = allowed.malformed() {
                options.log.host(&malformed.to_string());
            }
            let replaced = options.component.as_deref().filter(|_| component.id == manifest.main);
            let (path, wasm) = read_component(&options, &component, replaced)?;
            let home = options.manifest.parent().unwrap_or(Path::new(""));
            let files = Files::copy(home, &component.files).map_err(|(path, source)| {
                StartError::File { component: component.id.clone(), path, source }
            })?;
            let log = options.log.clone();
            let outbound = Outbound::new(&component.id, allowed, chaining.clone(), log.clone())
                .map_err(|error| StartError::Runtime(error.to_string()))?;
            let application = Application {
                variables: ComponentVariables::new(&component.id, &component.variables, &values),
                component: component.id,
                granted_stores: component.key_value_stores,
                stores: stores.clone(),
                files,
                memory: options.limits.memory,
                outbound: Arc::new(outbound),
                log,
                figures: figures.clone(),
            };
            components.push((application, path, wasm));
        }
        let listener = listen(options.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: options.listen, source })?;

        let (stop, stopped) = watch::channel(());
        let mut handlers = BTreeMap::new();
        for (application, path, wasm) in components {
            // Compiling takes seconds and all processors.
            let prepared = tokio::task::spawn_blocking(move || prepare(&path, wasm)).await;
            let prepared = prepared.map_err(|error| StartError::Runtime(error.to_string()))??;
            let id = application.component.clone();
            let (reuse, limits) = (options.reuse.clone(), options.limits.clone());
            let application = Arc::new(application);
            let workers = Workers::new(prepared, application, reuse, limits, stopped.clone());
            handlers.insert(id, ProxyHandler::new(workers));
        }
        let server = Arc::new(Server { routes: manifest.routes, handlers, log: options.log });
        chaining.connect(&server);
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

    /// Empties all key-value stores, as if a store without persistence had been restarted.
    pub fn clear_key_value(&self) {
        self.stores.clear();
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
    replaced: Option<&Path>,
) -> Result<(PathBuf, Vec<u8>), StartError> {
    let folder = options.manifest.parent().unwrap_or(Path::new(""));
    let path = match replaced {
        Some(path) => path.to_owned(),
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
fn prepare(path: &Path, wasm: Vec<u8>) -> Result<ProxyPre<Instance>, StartError> {
    let runtime = |error: wasmtime::Error| StartError::Runtime(format!("{error:#}"));
    let engine = engine::engine().map_err(runtime)?;
    let mut linker = Linker::new(&engine);
    bindings::add_to_linker(&mut linker).map_err(runtime)?;

    let path = path.to_owned();
    let reason = |error: wasmtime::Error| format!("{error:#}");
    let compiled = componentize::componentize(wasm).and_then(|wasm| engine::compile(&engine, wasm));
    let component = match compiled {
        Ok(component) => component,
        Err(error) => return Err(StartError::InvalidComponent { path, reason: reason(error) }),
    };
    let linked = match linker.instantiate_pre(&component) {
        Ok(linked) => linked,
        Err(error) => return Err(StartError::MissingImport { path, reason: reason(error) }),
    };
    // The handler that the component exports tells which WASI it is for.
    if let Ok(component) = p2::bindings::ProxyPre::new(linked.clone()) {
        return Ok(ProxyPre::P2(component));
    }
    match p3::bindings::ServicePre::new(linked) {
        Ok(component) => Ok(ProxyPre::P3(component)),
        Err(error) => Err(StartError::NoHandler { path, reason: reason(error) }),
    }
}

#[cfg(test)]
mod tests;
