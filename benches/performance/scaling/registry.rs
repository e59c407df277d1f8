//! A registry with more and more tools.

use std::{
    fs,
    path::{Path, PathBuf},
};

use doorward_dev::{Reuse, StackOptions};
use serde_json::json;
use toml::{Table, Value};

use super::{Curve, Point};
use crate::{
    bench::Bench,
    compare::Rounds,
    components::target,
    load::{Round, Until},
    subject::{OWNER, On, Subject},
};

const TOOLS: [usize; 3] = [4, 100, 1000];

/// The tool that is called.
const CALLED: &str = "word_count";

pub(super) async fn measure(on: On, bench: &Bench) -> Result<Vec<Curve>, String> {
    let (mut calls, mut lists, mut first_calls) = (Vec::new(), Vec::new(), Vec::new());
    for input in TOOLS {
        let manifest = manifest(input)?;
        let start = |reuse| {
            let options = StackOptions {
                manifest: Some(manifest.clone()),
                component: Some(bench.components.registry()),
                reuse,
                ..StackOptions::default()
            };
            Subject::start_with(on, options, &[])
        };
        let warm = start(Reuse::default()).await?;
        let cold = start(Reuse { requests: 1, ..Reuse::default() }).await?;
        let call = |subject: &Subject| -> Result<_, String> {
            let token = subject.token(OWNER)?;
            let call = subject.call_with(&token, CALLED, json!({ "text": "one two" }));
            Ok(subject.load(vec![call], "2 words"))
        };
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        let list = warm.message(Some(&warm.token(OWNER)?), &list);
        // The list is in the order of the registry.
        let last: String = format!("search_{:04}\"", input - 2);
        let loads = [call(&warm)?, warm.load(vec![list], last.leak()), call(&cold)?];
        let until = Until::Requests(bench.options.of(200, 40));
        let rounds = Rounds::run(&loads, 1, until, bench.options.rounds()).await?;
        for (load, points) in [&mut calls, &mut lists, &mut first_calls].into_iter().enumerate() {
            let cost = rounds.of(load, Round::median);
            points.push(Point { input, cost, more: String::new() });
        }
    }
    let curve = |what, label, points| Curve { what, label, unit: " ms", points };
    Ok(vec![
        curve(|tools| format!("`tools/call` with {tools} tools: median"), "tools: a call", calls),
        curve(|tools| format!("`tools/list` with {tools} tools: median"), "tools: a list", lists),
        curve(
            |tools| format!("first call of an instance with {tools} tools: median"),
            "tools: a first call",
            first_calls,
        ),
    ])
}

/// Writes a manifest that gives the server a file with the number of its tools, of which one is
/// always there.
fn manifest(tools: usize) -> Result<PathBuf, String> {
    let folder = target("registries").join(tools.to_string());
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
    let file = folder.join("tools");
    fs::write(&file, (tools - 1).to_string()).map_err(|error| failed(&error))?;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("spin.toml");
    let text = fs::read_to_string(own).map_err(|error| failed(&error))?;
    let mut manifest: Table = text.parse().map_err(|error| failed(&error))?;
    let file = [("source", file.to_string_lossy().into_owned()), ("destination", "tools".into())];
    let file = file.map(|(name, path)| (name.to_owned(), Value::String(path)));
    let component = manifest.get_mut("component").and_then(|all| all.get_mut("doorward"));
    let component = component.and_then(Value::as_table_mut);
    let component = component.ok_or_else(|| failed(&"the manifest has no component.doorward"))?;
    component.insert("files".into(), Value::Array(vec![Value::Table(file.into_iter().collect())]));
    let path = folder.join("spin.toml");
    let text = toml::to_string(&manifest).map_err(|error| failed(&error))?;
    fs::write(&path, text).map_err(|error| failed(&error))?;
    Ok(path)
}
