//! The component as a file, in both builds: its size, its imports and exports, and whose
//! cryptography is in it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, env, fs, path::Path};

use doorward_dev::Wasi;
use wasmparser::{Parser, Payload};
use wit_parser::{Resolve, WorldItem, WorldKey};

/// The limit of the size: 1.5 MiB. A component is fetched and compiled wherever it starts, so an
/// addition has to be worth its bytes.
const MAX_BYTES: usize = 1_572_864;

/// What a component or a world has to be given, and what it offers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Interfaces {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
}

fn component(wasi: Wasi) -> Vec<u8> {
    fs::read(doorward_dev::build_component(wasi)).expect("the component can be read")
}

/// The interfaces of a world in `wit/`.
fn world(name: &str) -> Interfaces {
    let mut resolve = Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit");
    let (package, _) = resolve.push_dir(folder).expect("wit/ is valid");
    let world = resolve.select_world(&[package], Some(name)).expect("the world exists");
    let names = |items: Vec<(&WorldKey, &WorldItem)>| {
        items.into_iter().map(|(key, _)| resolve.name_world_key(key)).collect()
    };
    let world = &resolve.worlds[world];
    Interfaces {
        imports: names(world.imports.iter().collect()),
        exports: names(world.exports.iter().collect()),
    }
}

/// A panic names its source file. Whoever builds the component is not to be read from that, and the
/// same source gives the same bytes in every folder.
#[test]
fn the_component_names_no_folder_of_its_builder() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf();
    let home = env::home_dir().expect("there is a home folder");
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), Into::into);
    let folders = [workspace, cargo, home];
    for wasi in [Wasi::V0_3, Wasi::V0_2] {
        let component = component(wasi);
        for folder in folders.iter().filter(|it| it.parent().is_some()) {
            let folder = format!("{}/", folder.display()).into_bytes();
            let found = component.windows(folder.len()).position(|it| it == folder);
            let text = found.map(|at| {
                let end = component.len().min(at + 120);
                String::from_utf8_lossy(&component[at..end]).into_owned()
            });
            assert_eq!(text, None, "the component names a folder of its builder");
        }
    }
}

#[test]
fn each_build_is_at_most_1_5_mib() {
    for wasi in [Wasi::V0_3, Wasi::V0_2] {
        let size = component(wasi).len();
        assert!(size <= MAX_BYTES, "{wasi}: {size} bytes");
    }
}

#[test]
fn the_build_for_wasi_0_3_is_the_world_in_wit() {
    let mut built = Interfaces::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(&component(Wasi::V0_3)) {
        match payload.expect("the component is valid") {
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    built.imports.insert(import.expect("an import is readable").name.name.into());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    built.exports.insert(export.expect("an export is readable").name.name.into());
                }
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    assert_eq!(built, world("wasi-0-3"));
}

/// The functions of preview 1 that the standard library may import: time, randomness, standard
/// output and error, an environment that is empty, and the end of the process. None opens a file or
/// a socket.
const PREVIEW_1: [&str; 6] =
    ["clock_time_get", "environ_get", "environ_sizes_get", "fd_write", "proc_exit", "random_get"];

#[test]
fn the_build_for_wasi_0_2_is_the_world_in_wit() {
    let mut built = Interfaces::default();
    for payload in Parser::new(0).parse_all(&component(Wasi::V0_2)) {
        match payload.expect("the module is valid") {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.expect("an import is readable");
                    if import.module == "wasi_snapshot_preview1" {
                        assert!(PREVIEW_1.contains(&import.name), "{}", import.name);
                    } else {
                        built.imports.insert(import.module.into());
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let name = export.expect("an export is readable").name;
                    if let Some((interface, _)) = name.split_once('#') {
                        built.exports.insert(interface.into());
                    }
                }
            }
            _ => {}
        }
    }
    // `cabi_post_` functions name no other interface.
    built.exports.retain(|name| !name.starts_with("cabi_post_"));
    assert_eq!(built, world("wasi-0-2"));
}

/// The first round constants of SHA-512 (FIPS 180-4, section 4.2.3). Their upper halves are those
/// of SHA-256.
const ROUND_CONSTANTS: [u64; 4] =
    [0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc];

/// `jwt-compact` depends on older versions of `sha2` and `hmac`, for algorithms that are not used.
/// Every implementation of SHA-2 has these constants, as a table or in its code: the older `sha2`
/// has them in its code.
#[test]
fn the_component_has_one_implementation_of_sha_2() {
    for (wasi, constant) in
        [Wasi::V0_2, Wasi::V0_3].into_iter().flat_map(|wasi| ROUND_CONSTANTS.map(|it| (wasi, it)))
    {
        let component = component(wasi);
        let count =
            |pattern: &[u8]| component.windows(pattern.len()).filter(|it| it == &pattern).count();
        let sha_512_tables = count(&constant.to_le_bytes());
        let sha_512 = sha_512_tables + count(&instruction(0x42, constant.cast_signed()));
        assert_eq!(sha_512, 1, "implementations of SHA-512 with {constant:x}");
        let upper = (constant >> 32) as u32;
        let tables = count(&upper.to_le_bytes()) - sha_512_tables;
        let sha_256 = tables + count(&instruction(0x41, upper.cast_signed().into()));
        assert_eq!(sha_256, 1, "implementations of SHA-256 with {upper:x}");
    }
}

/// An instruction with a constant, which is in LEB128.
fn instruction(opcode: u8, mut constant: i64) -> Vec<u8> {
    let mut bytes = vec![opcode];
    loop {
        let low = (constant & 0x7f) as u8;
        constant >>= 7;
        let is_last = constant == if low & 0x40 == 0 { 0 } else { -1 };
        bytes.push(if is_last { low } else { low | 0x80 });
        if is_last {
            return bytes;
        }
    }
}
