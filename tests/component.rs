//! The component as a file: its size, and its imports and exports.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;

use wasmparser::{Parser, Payload};

/// Everything that a host has to provide. Sockets and files must not be among it.
const IMPORTS: &str = include_str!("imports.txt");

fn component() -> Vec<u8> {
    fs::read(doorward_dev::build_component()).expect("the component can be read")
}

/// The limit of the size: 1.5 MiB. A component is fetched and compiled wherever it starts, so an
/// addition has to be worth its bytes.
const MAX_BYTES: usize = 1_572_864;

#[test]
fn the_component_is_at_most_1_5_mib() {
    let size = component().len();
    assert!(size <= MAX_BYTES, "{size} bytes");
}

#[test]
fn the_component_imports_what_is_expected_and_exports_one_handler() {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(&component()) {
        match payload.expect("the component is valid") {
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.expect("an import is readable").name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.expect("an export is readable").name.name.to_owned());
                }
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    imports.sort();
    assert_eq!(imports.join("\n"), IMPORTS.trim_end());
    assert_eq!(exports, ["wasi:http/handler@0.3.0"]);
}
