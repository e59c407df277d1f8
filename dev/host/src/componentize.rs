//! Makes a component of a module, as Spin does with what was built for `wasm32-wasip1`.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

/// The first bytes of a module.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Returns the component of a module, and everything else as it is.
///
/// # Errors
/// Returns an error if the module does not say which interfaces it imports and exports.
pub(crate) fn componentize(wasm: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
    if !wasm.starts_with(MODULE) {
        return Ok(wasm);
    }
    let encoded = ComponentEncoder::default()
        .module(&wasm)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| wasmtime::format_err!("{error:#}"))
}
