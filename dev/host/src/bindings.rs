//! The interfaces that Spin adds to WASI, generated from `wit/`.

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package doorward:host;
            world spin {
                import spin:key-value/key-value@3.0.0;
                import spin:variables/variables@3.0.0;
                import fermyon:spin/key-value@2.0.0;
                import fermyon:spin/variables@2.0.0;
            }
        ",
        path: "../../wit",
        world: "doorward:host/spin",
        imports: {
            "spin:key-value/key-value.[method]store.get-keys": trappable,
            "fermyon:spin/key-value.[drop]store": trappable,
        },
        with: {
            "spin:key-value/key-value.store": crate::key_value::OpenStore,
            "fermyon:spin/key-value.store": crate::key_value::OpenStore,
        },
    });
}

/// Spin's interfaces for WASI 0.2, whose functions block.
pub(crate) mod blocking_interfaces {
    pub(crate) use super::generated::fermyon::spin::{key_value, variables};
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

/// Everything that a component may import: WASI 0.2 and 0.3, `wasi:http`, key-value and variables,
/// the last two in the versions for either.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    blocking_interfaces::key_value::add_to_linker::<Instance, Spin>(linker, |instance| instance)?;
    blocking_interfaces::variables::add_to_linker::<Instance, Spin>(linker, |instance| instance)?;
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

impl blocking_interfaces::variables::Host for &mut Instance {
    fn get(&mut self, name: String) -> Result<String, blocking_interfaces::variables::Error> {
        let value = blocking::in_place(|| self.application.variables.get(&name));
        value.map_err(|error| match error {
            LookupError::InvalidName(message) => {
                blocking_interfaces::variables::Error::InvalidName(message)
            }
            LookupError::Undefined(message) => {
                blocking_interfaces::variables::Error::Undefined(message)
            }
        })
    }
}
