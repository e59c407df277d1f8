//! Runs tests that are Python programs, and installs the packages that they need.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::Failed;

use crate::node::{on_path, run};

/// What the programs need and this machine lacks.
pub(crate) fn missing() -> Option<&'static str> {
    match Command::new("python3").args(["-m", "pip", "--version"]).output() {
        _ if on_path("python3").is_none() => Some("no python3 on PATH"),
        Ok(output) if output.status.success() => None,
        _ => Some("no pip for python3"),
    }
}

/// Returns a command that runs a program of `folder`, after installing the packages in
/// `requirements`.
pub(crate) fn python(folder: &Path, file: &str, requirements: &str) -> Result<Command, Failed> {
    let packages = install(&folder.join(requirements))?;
    let mut command = Command::new("python3");
    command
        .arg(file)
        .current_dir(folder)
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

/// Installs these packages, unless they are there already, and returns their folder.
fn install(requirements: &Path) -> Result<PathBuf, Failed> {
    let name = requirements.file_stem().ok_or("the requirements have a name")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python").join(name);
    let (wanted, stamp) = (fs::read(requirements)?, folder.join("requirements.txt"));
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"])
        .args(["--only-binary=:all:", "--root-user-action=ignore"])
        .arg("--target")
        .arg(&folder)
        .arg("--requirement")
        .arg(requirements);
    run("pip install", &mut command)?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}
