//! The documents agree with the code: tests, codes, keys and links that they name exist.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

use doorward_core::{keys::Purpose, store::Kind};

#[path = "documents/book.rs"]
mod book;
#[path = "documents/configuration.rs"]
mod configuration;
#[path = "documents/kubernetes.rs"]
mod kubernetes;
#[path = "documents/migration.rs"]
mod migration;
#[path = "documents/texts.rs"]
mod texts;

/// Where code and documents are, apart from the files at the root.
const FOLDERS: [&str; 9] =
    ["benches", "crates", "dev", "docs", "examples", "fuzz", "src", "templates", "tests"];

/// Adds every text file below a folder, as path and text. Folders are added with an empty text.
fn collect_files(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            if !["node_modules", "target", ".venv"].iter().any(|name| path.ends_with(name)) {
                all.push((path.to_string_lossy().into_owned(), String::new()));
                collect_files(&path, all);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            all.push((path.to_string_lossy().into_owned(), text));
        }
    }
}

/// The text of a file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of the tables in a document.
fn rows(document: &str) -> impl Iterator<Item = &str> {
    document.lines().filter(|line| line.starts_with('|'))
}

/// The last cell of a row.
fn last_cell(row: &str) -> &str {
    row.trim_end_matches('|').rsplit_once('|').map_or("", |(_, last)| last.trim())
}

/// The pieces of a text that are set as code.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a name in the conformance tables exists: as a test, a file or folder, a module, or a
/// scenario of the official suite.
fn exists(name: &str, all: &[(String, String)]) -> bool {
    // Names of tests are sentences; a name of fewer words is a module.
    if name.matches('_').count() > 2 {
        let mut rust = all.iter().filter(|(path, _)| path.ends_with(".rs"));
        return rust.any(|(_, text)| text.contains(&format!("fn {name}(")));
    }
    let is_file = |name: &str| {
        let name = format!("/{}", name.trim_end_matches('/'));
        all.iter().any(|(path, _)| path.ends_with(&name))
    };
    let is_scenario = |name: &str| {
        let mut suite = all.iter().filter(|(path, _)| path.ends_with("tests/conformance/suite.rs"));
        suite.any(|(_, text)| text.contains(&format!("{name:?}")))
    };
    is_file(name) || is_file(&format!("{name}.rs")) || is_scenario(name)
}

#[test]
fn everything_that_the_conformance_tables_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for folder in ["crates", "dev", "examples", "src", "tests"] {
        collect_files(&root.join(folder), &mut all);
    }
    let document = read("docs/conformance.md");
    // With a space in it, it is a command or a value, in the reason why there is no test.
    let names = rows(&document).flat_map(|row| code(last_cell(row)));
    let names: Vec<&str> = names.filter(|name| !name.contains(' ')).collect();
    for name in &names {
        assert!(exists(name, &all), "`{name}` does not exist");
    }
    assert!(names.len() > 150, "{}", names.len());
}

#[test]
fn every_row_of_the_conformance_tables_has_a_test_or_a_reason() {
    for row in rows(&read("docs/conformance.md")) {
        assert!(!last_cell(row).is_empty(), "{row}");
    }
}

#[test]
fn every_audit_code_is_documented_with_its_outcome_and_no_other_is() {
    let mut written = BTreeSet::new();
    for reason in doorward_server::declared_reasons() {
        let outcome = format!("{:?}", reason.outcome()).to_lowercase();
        assert!(written.insert((reason.code().to_owned(), outcome)), "{} twice", reason.code());
    }
    let document = read("docs/audit.md");
    let (_, codes) = document.split_once("\n## Codes\n").expect("the document has the section");
    let documented: BTreeSet<(String, String)> = rows(codes)
        .filter_map(|row| {
            let mut cells = row.split('|').skip(1).map(str::trim);
            Some((code(cells.next()?).next()?.to_owned(), cells.next()?.to_owned()))
        })
        .collect();
    assert_eq!(documented, written);
}

#[test]
fn every_key_of_the_store_is_documented_and_no_other_is() {
    let document = read("docs/storage.md");
    let keys = code(&document).filter(|text| text.starts_with("doorward:") && text.ends_with('>'));
    let documented: BTreeSet<&str> = keys.map(|key| key.split('<').next().unwrap_or(key)).collect();
    assert_eq!(documented, Kind::ALL.map(Kind::prefix).into());
}

#[test]
fn every_label_of_the_key_schedule_is_documented_and_no_other_is() {
    let document = read("docs/storage.md");
    let (_, keys) = document.split_once("\n## Keys\n").expect("the document has the section");
    let keys = keys.split("\n## ").next().unwrap_or(keys);
    // Below the head of the table and its rule.
    let labels = rows(keys).skip(2).filter_map(|row| code(row).next());
    assert_eq!(labels.collect::<BTreeSet<_>>(), Purpose::ALL.map(Purpose::label).into());
}

/// Tables and code are as wide as they have to be.
#[test]
fn no_line_is_longer_than_the_style_allows() {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in FOLDERS {
        collect_files(&root.join(folder), &mut files);
    }
    let own = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "build.rs"];
    files.extend(own.map(|name| (root.join(name).to_string_lossy().into_owned(), read(name))));
    let mut long = Vec::new();
    for (path, text) in &files {
        let is_markdown = path.ends_with(".md");
        if !is_markdown && !path.ends_with(".rs") {
            continue;
        }
        let limit = if is_markdown { 120 } else { 100 };
        let mut is_code = false;
        for (line, number) in text.lines().zip(1..) {
            let text = line.trim_start();
            is_code ^= is_markdown && text.starts_with("```");
            let is_text = match is_markdown {
                true => !is_code && !text.starts_with('|'),
                false => text.starts_with("//") && !text.starts_with("//! |"),
            };
            if is_text && line.chars().count() > limit {
                long.push(format!("{path}:{number}"));
            }
        }
    }
    assert!(long.is_empty(), "longer than 100 columns, or 120 in Markdown:\n{}", long.join("\n"));
}

#[test]
fn no_file_has_the_marks_of_an_unfinished_merge() {
    let mut files = Vec::new();
    // Folders and files: `.ci`, `.github` and manifests can have them as well.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(root).expect("the root can be read") {
        let path = entry.expect("the entry can be read").path();
        let is_own = ![".git", ".spin", "target"].iter().any(|name| path.ends_with(name));
        if is_own && path.is_dir() {
            collect_files(&path, &mut files);
        } else if is_own && let Ok(text) = fs::read_to_string(&path) {
            files.push((path.to_string_lossy().into_owned(), text));
        }
    }
    let is_mark = |line: &str| {
        let rest = line.trim_start_matches(['<', '|', '>']);
        line.len() - rest.len() == 7 && rest.starts_with(' ') || line == "======="
    };
    let mut marks = Vec::new();
    for (path, text) in &files {
        let lines = text.lines().zip(1..).filter(|(line, _)| is_mark(line));
        marks.extend(lines.map(|(line, number)| format!("{path}:{number}: {line}")));
    }
    assert!(marks.is_empty(), "an unfinished merge:\n{}", marks.join("\n"));
    assert!(files.len() > 500, "{}", files.len());
}

/// The fragment of a link to this heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut documents = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in FOLDERS {
        collect_files(&root.join(folder), &mut documents);
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
            let text = fs::read_to_string(&file).unwrap_or_default();
            let mut headings = text.lines().filter(|line| line.starts_with('#'));
            let is_heading =
                headings.any(|it| anchor(it.trim_start_matches(['#', ' '])) == fragment);
            assert!(fragment.is_empty() || is_heading, "{path}: {target}");
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}
