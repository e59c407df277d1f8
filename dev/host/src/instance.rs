//! The state that wasmtime keeps for one instance of the component.

use crate::figures::Figures;
use crate::key_value::Stores;
use crate::log::{GuestOutput, Log};
use crate::outbound::{Hooks, Outbound};
use crate::variables::ComponentVariables;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// State that all instances of the component share.
#[derive(Debug)]
pub(crate) struct Application {
    /// The variables that the component sees.
    pub(crate) variables: ComponentVariables,
    /// The stores that the component may open.
    pub(crate) granted_stores: BTreeSet<String>,
    /// The key-value stores.
    pub(crate) stores: Stores,
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
    /// Records the memory of this instance.
    pub(crate) figures: Figures,
}

impl Instance {
    /// Creates the state of a new instance. As on Spin without grants, it has no arguments,
    /// environment, files or sockets.
    pub(crate) fn new(application: Arc<Application>) -> Self {
        let wasi = WasiCtx::builder()
            .stdout(GuestOutput::new(application.log.clone()))
            .stderr(GuestOutput::new(application.log.clone()))
            .build();
        Self {
            table: ResourceTable::new(),
            wasi,
            http: WasiHttpCtx::new(),
            hooks: Hooks(application.outbound.clone()),
            figures: application.figures.clone(),
            application,
        }
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
