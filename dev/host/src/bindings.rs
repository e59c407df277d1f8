//! The interfaces that Spin adds to WASI, generated from `wit/`.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "spin",
        imports: {
            "spin:key-value/key-value.[method]store.get-keys": trappable,
        },
        with: { "spin:key-value/key-value.store": crate::key_value::OpenStore },
    });
}

pub(crate) use generated::spin::key_value::key_value;
pub(crate) use generated::spin::variables::variables;

use crate::blocking;
use crate::instance::Instance;
use crate::variables::LookupError;
use wasmtime::component::{Accessor, HasData, Linker};

/// Gives the implementations of Spin's interfaces access to the instance that calls them.
pub(crate) struct Spin;

impl HasData for Spin {
    type Data<'a> = &'a mut Instance;
}

/// Everything that a component may import: WASI 0.2 and 0.3, `wasi:http`, key-value and variables.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    key_value::add_to_linker::<Instance, Spin>(linker, |instance| instance)?;
    variables::add_to_linker::<Instance, Spin>(linker, |instance| instance)
}

impl variables::Host for &mut Instance {}

impl<T> variables::HostWithStore<T> for Spin {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, variables::Error> {
        let application = accessor.with(|mut access| access.get().application.clone());
        let value = blocking::in_place(|| application.variables.get(&name));
        value.map_err(|error| match error {
            LookupError::InvalidName(message) => variables::Error::InvalidName(message),
            LookupError::Undefined(message) => variables::Error::Undefined(message),
        })
    }
}
