//! What the documents say about the code stays true.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

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

/// The text of a file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between the two, without them.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("there is no {begin:?}"));
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

/// The names at the beginning of the lines of a table of TOML.
fn names_in_toml<'a>(text: &'a str, table: &str) -> BTreeSet<&'a str> {
    let lines = between(text, &format!("\n[{table}]\n"), "\n[").lines();
    lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect()
}

#[test]
fn every_variable_is_in_the_manifest_in_the_readme_and_in_the_code() {
    let (manifest, readme, code) = (read("spin.toml"), read("README.md"), read("src/config.rs"));
    let declared = names_in_toml(&manifest, "variables");
    let rows = between(&readme, "\n## Variables\n", "\n## ").lines();
    let first_cells = rows.filter_map(|row| row.strip_prefix("| ")?.split(" | ").next());
    let explained: BTreeSet<&str> =
        first_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(declared, explained);
    let given = names_in_toml(&manifest, "component.doorward.variables");
    let list = between(&code, "const VARIABLES: &[&str] = &[", "];");
    assert_eq!(given, list.split('"').skip(1).step_by(2).collect());
    // What the component is not given is a host that it may reach.
    let hosts = between(&manifest, "allowed_outbound_hosts = [", "]");
    for name in declared.difference(&given) {
        assert!(hosts.contains(&format!("{{{{ {name} }}}}")), "nobody reads {name}");
    }
}

#[test]
fn every_key_in_key_value_is_documented_and_there() {
    let kinds = |text: &str| -> BTreeSet<String> {
        let keys = text.split("doorward:v1:").skip(1);
        let kind = |key: &str| key.split_once(':').map(|(kind, _)| kind.to_owned());
        keys.filter_map(kind).filter(|kind| kind.bytes().all(|b| b.is_ascii_lowercase())).collect()
    };
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let code: BTreeSet<String> = all.iter().flat_map(|(_, text)| kinds(text)).collect();
    assert!(code.len() > 5, "{code:?}");
    assert_eq!(kinds(&read("docs/storage.md")), code);
}

/// The part of a link that leads to this heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut documents = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["docs", "examples", "tests", "fuzz", "dev"] {
        files(&root.join(folder), &mut documents);
    }
    let own = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    documents.extend(own.map(|name| (root.join(name).to_string_lossy().into_owned(), read(name))));
    documents.retain(|(path, _)| path.ends_with(".md"));
    let mut count = 0;
    for (path, text) in &documents {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (target, _) in targets.filter(|(target, _)| !target.starts_with("https://")) {
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(path).parent().expect("a file is in a folder");
            let file = if file.is_empty() { Path::new(path).into() } else { folder.join(file) };
            assert!(file.exists(), "{path}: {target}");
            let headings = fs::read_to_string(&file).unwrap_or_default();
            let mut headings = headings.lines().filter(|line| line.starts_with('#'));
            let is_there = headings.any(|it| anchor(it.trim_start_matches(['#', ' '])) == fragment);
            assert!(fragment.is_empty() || is_there, "{path}: {target}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}
