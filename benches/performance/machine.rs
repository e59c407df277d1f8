//! Describes the machine of a run.

use std::{fs, process::Command, thread};

use doorward_dev::{HostChoice, Wasi};

/// Returns the machine and the versions as a paragraph. `no_spin` is the reason if Spin is missing.
pub(crate) async fn facts(no_spin: Option<&str>) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut facts = vec![format!("{cores} cores{}", processor())];
    facts.push(std::env::consts::OS.to_owned());
    match (no_spin, HostChoice::Spin.resolve(Wasi::V0_3).await) {
        (None, Ok(spin)) => facts.push(spin.to_string()),
        _ => facts.push("no Spin on PATH, so the local host only".to_owned()),
    }
    for program in ["node", "python3"] {
        let version = version(program);
        facts.push(version.unwrap_or_else(|| format!("no {program} on PATH")));
    }
    format!(
        "Measured on {};\nthe load generator runs on the same machine, over loopback.",
        facts.join(", ")
    )
}

fn processor() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map(|(_, model)| format!(" of {}", model.trim())).unwrap_or_default()
}

fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    match text.strip_prefix('v') {
        Some(number) => Some(format!("Node {number}")),
        None if text.is_empty() => None,
        None => Some(text.to_owned()),
    }
}
