//! What the documents say about the code stays true.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::Path};

/// All files of the repository that a table can name: path and text.
fn files(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            if !path.ends_with("node_modules") && !path.ends_with("target") {
                all.push((path.to_string_lossy().into_owned(), String::new()));
                files(&path, all);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            all.push((path.to_string_lossy().into_owned(), text));
        }
    }
}

/// Whether what a table names is there: a test, a file or folder, a scenario of the official suite, or a module.
fn exists(name: &str, all: &[(String, String)]) -> bool {
    // Names of tests are sentences; what has fewer words is a module.
    if name.matches('_').count() > 2 {
        let rust = all.iter().filter(|(path, _)| path.ends_with(".rs"));
        return rust.into_iter().any(|(_, text)| text.contains(&format!("fn {name}(")));
    }
    let file = |name: &str| {
        let name = format!("/{}", name.trim_end_matches('/'));
        all.iter().any(|(path, _)| path.ends_with(&name))
    };
    let is_scenario = |name: &str| {
        let suite = all.iter().filter(|(path, _)| path.ends_with("tests/conformance/suite.rs"));
        suite.into_iter().any(|(_, text)| text.contains(&format!("{name:?}")))
    };
    file(name) || file(&format!("{name}.rs")) || is_scenario(name)
}

#[test]
fn everything_that_the_conformance_tables_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for folder in ["src", "tests", "dev", "examples"] {
        files(&root.join(folder), &mut all);
    }
    let tables = fs::read_to_string(root.join("docs/conformance.md")).expect("they are there");
    let rows = tables.lines().filter(|line| line.starts_with('|'));
    let named = rows
        .filter_map(|row| row.trim_end_matches('|').rsplit_once('|'))
        .flat_map(|row| row.1.split('`').skip(1).step_by(2))
        // A command or a value, in the reason why there is no test.
        .filter(|name| !name.contains(' '));
    let mut count = 0;
    for name in named {
        assert!(exists(name, &all), "there is no `{name}`");
        count += 1;
    }
    assert!(count > 150, "{count}");
}

#[test]
fn every_row_of_the_conformance_tables_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tables = fs::read_to_string(root.join("docs/conformance.md")).expect("they are there");
    for row in tables.lines().filter(|line| line.starts_with('|')) {
        let last = row.trim_end_matches('|').rsplit_once('|').map(|(_, last)| last.trim());
        assert!(last.is_some_and(|last| !last.is_empty()), "{row}");
    }
}
