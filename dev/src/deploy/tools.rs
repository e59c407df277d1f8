//! The programs that a deployment needs.

use crate::{Error, SpinVersion, cli::Target};
use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{Output, Stdio},
};
use tokio::process::Command;

/// The oldest Spin that the plugins and `spin registry` are known to work with.
const OLDEST_SPIN: SpinVersion = SpinVersion { major: 3, minor: 1 };

/// Finds a program in a list of folders.
///
/// # Errors
/// Returns an error that says how to install the program if it is missing.
pub(super) fn find(program: &str, path: &OsStr) -> Result<PathBuf, Error> {
    let mut found = std::env::split_paths(path).map(|folder| folder.join(program));
    found.find(|file| file.is_file()).ok_or_else(|| {
        let how = match program {
            "spin" => "https://spinframework.dev/install says how to install it",
            _ => "https://kubernetes.io/docs/tasks/tools/ says how to install it",
        };
        Error::usage(format!("`{program}` is not on PATH; {how}."))
    })
}

/// Checks that all programs and plugins are there.
///
/// # Errors
/// Returns an error that says what is missing and how to install it.
pub(super) async fn check(target: Target, path: &OsStr) -> Result<(), Error> {
    let output = run("spin", &["--version"], path).await?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match SpinVersion::parse(&text) {
        Some(version) if version >= OLDEST_SPIN => println!("{text}"),
        Some(version) => {
            return Err(Error::usage(format!(
                "Spin {version} is too old to deploy with; install {OLDEST_SPIN} or newer."
            )));
        }
        None => return Err(Error::usage("The `spin` on PATH does not report a version of Spin.")),
    }
    if target == Target::Kube {
        let output = run("kubectl", &["version", "--client"], path).await?;
        println!("{}", String::from_utf8_lossy(&output.stdout).trim());
        return Ok(());
    }
    let plugin = target.name();
    let output = run("spin", &[plugin, "--version"], path).await?;
    if !output.status.success() {
        return Err(Error::usage(format!(
            "Spin has no plugin `{plugin}`. Install it, and log in:\n  spin plugins update\n  spin \
             plugins install {plugin}\n  spin {plugin} login"
        )));
    }
    println!("{}", String::from_utf8_lossy(&output.stdout).trim());
    Ok(())
}

async fn run(program: &str, arguments: &[&str], path: &OsStr) -> Result<Output, Error> {
    let command = Command::new(find(program, path)?)
        .args(arguments)
        .env("PATH", path)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    command.await.map_err(|error| Error::start(format!("Cannot run {program}: {error}")))
}
