//! Golden files for every kind of message, in both eras, for success and error. They are compared
//! with the answers of the servers and validated against the protocol's JSON Schemas.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use libtest_mimic::Failed;
use reqwest::Client;

use crate::{
    exchange::Exchange,
    node::{self, NodePackage},
    subject::{Subject, Subjects},
    suite::Outcome,
};

/// If this variable is set, the golden files are rewritten instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN_FILES";

/// Compares the answers of a server with the golden files.
pub(crate) fn check(subject: Subject, subjects: &Subjects) -> Outcome {
    let (url, token, client) = (subjects.url(subject), subjects.token(subject), Client::new());
    let mut different = Vec::new();
    for file in files(&folder().join(subject.name())) {
        let golden: Exchange = serde_json::from_slice(&fs::read(&file)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let answered = subjects.runtime().block_on(golden.repeat(&client, &url, &token));
        if golden == answered {
            continue;
        }
        let text = serde_json::to_string_pretty(&answered)?;
        if env::var_os(UPDATE).is_some() {
            fs::write(&file, format!("{text}\n"))?;
        } else {
            different.push(format!("{} should be\n{text}", file.display()));
        }
    }
    if different.is_empty() { Ok(()) } else { Err(Failed::from(different.join("\n"))) }
}

/// Validates the golden files against the JSON Schemas of their revisions.
pub(crate) fn validate(package: &NodePackage) -> Outcome {
    let mut command = package.node(["--test", "messages.test.mjs"])?;
    node::run("messages.test.mjs", &mut command).map(drop)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/messages")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder has golden files");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("the folder is readable").path()) {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|it| it == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}
