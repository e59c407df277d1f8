//! What the documents say about the code stays true.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::Path};

/// The text of all Rust files in a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() && !path.ends_with("node_modules") {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("the file can be read"));
        }
    }
}

#[test]
fn every_test_that_the_conformance_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    for folder in ["src", "tests", "dev", "examples"] {
        let folder = root.join(folder);
        if folder.is_dir() {
            sources(&folder, &mut code);
        }
    }
    let table = fs::read_to_string(root.join("docs/conformance.md")).expect("the table is there");
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let named = rows.filter_map(|row| row.trim_end_matches('|').rsplit_once('|')).flat_map(|row| {
        // Names of tests are sentences; what has fewer words is a module.
        row.1.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 2)
    });
    let mut count = 0;
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "there is no test `{name}`");
        count += 1;
    }
    assert!(count > 50, "{count}");
}
