//! One instance of the component: what wasmtime keeps for it.

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

/// What all instances of the component share.
#[derive(Debug)]
pub(crate) struct Application {
    /// The variables that the component sees.
    pub(crate) variables: ComponentVariables,
    /// The stores that the component may open.
    pub(crate) granted_stores: BTreeSet<String>,
    /// The key-value stores.
    pub(crate) stores: Stores,
    /// The way out.
    pub(crate) outbound: Arc<Outbound>,
    /// The log.
    pub(crate) log: Log,
    /// What is measured.
    pub(crate) figures: Figures,
}

/// The state of one instance.
pub(crate) struct Instance {
    /// What it shares with the others.
    pub(crate) application: Arc<Application>,
    /// Its handles.
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    /// What is told about its memory.
    pub(crate) figures: Figures,
}

impl Instance {
    /// The state of a new instance: no arguments, environment, files or sockets, as on Spin without a grant.
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
