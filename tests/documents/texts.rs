//! The texts and codes that `docs/troubleshooting.md` quotes exist in the code.

use std::{collections::BTreeSet, path::Path};

use super::{code, collect_files, read, rows};

/// The sections that quote texts, and the folders whose code says them. The texts of other
/// programs are in sections of their own.
const SECTIONS: [(&str, &[&str]); 7] = [
    ("What a client shows", &["crates"]),
    ("What a tool says", &["crates", "src"]),
    ("What the connect page says", &["crates"]),
    ("What the log says", &["crates", "src"]),
    ("Token Vault", &["crates"]),
    ("What Auth0 says", &["dev/tenant/src"]),
    ("What `cargo run` says", &["dev/src"]),
];

/// The document between this heading and the next one.
fn section<'d>(document: &'d str, heading: &str) -> &'d str {
    let after = document.split(&format!("# {heading}\n")).nth(1);
    let after = after.unwrap_or_else(|| panic!("there is no section {heading:?}"));
    after.split("\n#").next().unwrap_or(after)
}

/// The Rust code below the folders, with the literals that go over several lines on one.
fn source(folders: &[&str]) -> String {
    let mut files = Vec::new();
    for folder in folders {
        collect_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    let rust = files.into_iter().filter(|(path, _)| path.ends_with(".rs"));
    let text = rust.map(|(_, text)| text).collect::<String>().replace("\\\"", "\"");
    let mut pieces = text.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |joined, piece| joined + piece.trim_start())
}

/// The first cells below the head of the tables.
fn first_cells(section: &str) -> Vec<&str> {
    let cells = rows(section).filter_map(|row| row.split('|').nth(1)).map(str::trim);
    cells.filter(|cell| !["Text", "Reason"].contains(cell) && !cell.starts_with("--")).collect()
}

#[test]
fn every_text_that_troubleshooting_quotes_is_in_the_code() {
    let document = read("docs/troubleshooting.md");
    let mut count = 0;
    for (heading, folders) in SECTIONS {
        let source = source(folders);
        for cell in first_cells(section(&document, heading)) {
            let text = cell.strip_prefix('*').and_then(|text| text.strip_suffix('*'));
            let text = text.unwrap_or_else(|| panic!("{heading}: {cell} is not in *asterisks*"));
            // What differs from one time to the next is not in the code.
            for piece in text.split('…').map(str::trim).filter(|piece| piece.len() > 1) {
                assert!(
                    source.contains(piece),
                    "docs/troubleshooting.md, {heading}: nothing in {folders:?} says {piece:?}"
                );
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn every_reason_that_troubleshooting_names_is_declared() {
    let document = read("docs/troubleshooting.md");
    let declared: BTreeSet<&str> =
        doorward_server::declared_reasons().map(|reason| reason.code()).collect();
    let cells = first_cells(section(&document, "What the audit log says"));
    let named: Vec<&str> = cells.into_iter().flat_map(code).collect();
    for name in &named {
        assert!(declared.contains(name), "no reason is called {name}");
    }
    assert!(named.len() > 20, "{}", named.len());
}
