//! The world of `wit/` for WASI 0.2, as Rust. No crate has exactly these interfaces: hosts of this
//! kind take `wasi:http@0.2.0` and nothing newer, together with Spin's of the same time.

#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "wasi-0-2",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "doorward_spin::macro_support::bindings",
});

// Named with their versions, because `wit/` has these packages in others, too.
pub use exports::wasi::http0_2_0::incoming_handler;
pub use wasi::{clocks0_2_0 as clocks, http0_2_0 as http, io0_2_0 as io, random0_2_0 as random};
