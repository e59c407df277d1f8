//! Prints the bill of materials of the component.

use doorward_inventory::{Inventory, TARGETS};
use std::{env, path::Path, process::ExitCode};

const HELP: &str = "\
Prints the bill of materials (CycloneDX 1.6, JSON) of the component, as it is built for a Wasm target.

Usage: cargo run --package doorward-inventory -- [TARGET]

TARGET is wasm32-wasip2 or wasm32-wasip1. Without it, the crates of both builds are listed.";

fn main() -> ExitCode {
    let target = env::args().nth(1);
    if target.as_ref().is_some_and(|it| it.starts_with('-')) {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = target.as_deref().map(|target| [target]);
    match Inventory::read(&root, target.as_ref().map_or(&TARGETS[..], |it| &it[..])) {
        Ok(inventory) => {
            println!("{:#}", inventory.bill_of_materials());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("The bill of materials cannot be made: {error}.");
            ExitCode::FAILURE
        }
    }
}
