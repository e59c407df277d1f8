//! The state that wasmtime keeps for one instance of the component.

use crate::figures::{Figures, MemoryLimiter};
use crate::files::Files;
use crate::key_value::Stores;
use crate::log::{GuestOutput, Log};
use crate::outbound::{Hooks, Outbound};
use crate::variables::ComponentVariables;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// State that all instances of a component share.
#[derive(Debug)]
pub(crate) struct Application {
    /// The name of the component.
    pub(crate) component: String,
    /// The variables that the component sees.
    pub(crate) variables: ComponentVariables,
    /// The stores that the component may open.
    pub(crate) granted_stores: BTreeSet<String>,
    /// The key-value stores of all components.
    pub(crate) stores: Stores,
    /// The files that the component can read.
    pub(crate) files: Option<Files>,
    /// The memory that an instance may have, in bytes.
    pub(crate) memory: usize,
    /// The client for the component's outbound requests.
    pub(crate) outbound: Arc<Outbound>,
    /// The log.
    pub(crate) log: Log,
    /// The measurements of all instances.
    pub(crate) figures: Figures,
}

/// The state of one instance.
pub(crate) struct Instance {
    /// The state that all instances share.
    pub(crate) application: Arc<Application>,
    /// The resource handles of this instance.
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    /// Limits the memory of this instance.
    pub(crate) memory: MemoryLimiter,
}

impl Instance {
    /// Creates the state of a new instance. As on Spin without grants, it has no arguments,
    /// environment or sockets, and no files but those of its manifest section, which it can read.
    ///
    /// # Errors
    /// Returns an error if the files are gone.
    pub(crate) fn new(application: Arc<Application>) -> wasmtime::Result<Self> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(GuestOutput::new(application.log.clone()))
            .stderr(GuestOutput::new(application.log.clone()));
        if let Some(files) = &application.files {
            wasi.preopened_dir(files.folder(), "/", FsPerms::ReadOnly)?;
        }
        Ok(Self {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks(application.outbound.clone()),
            memory: MemoryLimiter::new(application.figures.clone(), application.memory),
            application,
        })
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}
