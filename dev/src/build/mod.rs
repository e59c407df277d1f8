//! Builds the component, after adding the Wasm target if it is missing.

mod artifact;
mod toolchain;

pub(crate) use toolchain::Toolchain;

use crate::{Error, Wasi, process::ProcessGroup, workspace};
use std::{path::PathBuf, process::Stdio, sync::OnceLock};
use tokio::{io::AsyncReadExt, process::Command};

/// The output of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Cargo's progress and diagnostics go to standard error.
    Shown,
    /// Cargo's output is shown only if the build fails, as part of the error.
    Quiet,
}

/// Builds the component once per process and returns the `.wasm`. For tests.
///
/// # Panics
/// Panics with cargo's output if the component does not build.
pub fn build_component(wasi: Wasi) -> PathBuf {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    let built = match wasi {
        Wasi::V0_2 => &BUILT[0],
        Wasi::V0_3 => &BUILT[1],
    };
    built.get_or_init(|| build_package(workspace::COMPONENT, wasi)).clone()
}

/// Builds another component of this workspace and returns the `.wasm`. For tests and benchmarks.
///
/// # Panics
/// Panics with cargo's output if the package does not build.
pub fn build_package(package: &'static str, wasi: Wasi) -> PathBuf {
    build_packages(&[package], wasi).remove(0)
}

/// Builds several components of this workspace with the same dependencies, and returns their
/// `.wasm` files. For tests and benchmarks.
///
/// # Panics
/// Panics with cargo's output if a package does not build.
#[allow(clippy::panic, reason = "a test without a component has failed")]
pub fn build_packages(packages: &[&'static str], wasi: Wasi) -> Vec<PathBuf> {
    let packages = packages.to_vec();
    // Build on a separate thread, so that this can be called from within a Tokio runtime.
    let built = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::build(format!("Cannot start Tokio for the build: {error}")))?;
        runtime.block_on(wasm(&Toolchain::from_env(), &packages, wasi, Progress::Quiet))
    })
    .join();
    match built {
        Ok(Ok(paths)) => paths,
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => panic!("the build of the component panicked"),
    }
}

/// Builds the component in release mode and returns the `.wasm`. Adds the Wasm target if missing.
///
/// # Errors
/// Returns an error if the target cannot be added or cargo fails.
pub(crate) async fn component(
    toolchain: &Toolchain,
    wasi: Wasi,
    progress: Progress,
) -> Result<PathBuf, Error> {
    wasm(toolchain, &[workspace::COMPONENT], wasi, progress).await.map(|mut paths| paths.remove(0))
}

/// Returns the `.wasm` of each package, in order.
async fn wasm(
    toolchain: &Toolchain,
    packages: &[&str],
    wasi: Wasi,
    progress: Progress,
) -> Result<Vec<PathBuf>, Error> {
    toolchain.ensure_target(wasi.target(), progress).await?;
    let mut command = Command::new(&toolchain.cargo);
    command
        .args(["build", "--lib", "--target", wasi.target(), "--release"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .args(toolchain.path_remapping(wasi.target()))
        // Print diagnostics to standard error as usual, and the artifact's path to standard output.
        .arg("--message-format=json-render-diagnostics")
        .current_dir(&toolchain.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(match progress {
            Progress::Shown => Stdio::inherit(),
            Progress::Quiet => Stdio::piped(),
        });
    let failed = |error| Error::build(format!("Cannot run {}: {error}", toolchain.cargo.display()));
    let mut cargo = ProcessGroup::spawn(&mut command).map_err(failed)?;
    let (mut messages, mut diagnostics) = (String::new(), String::new());
    let (stdout, stderr) = (cargo.child().stdout.take(), cargo.child().stderr.take());
    tokio::try_join!(
        async {
            match stdout {
                Some(mut pipe) => pipe.read_to_string(&mut messages).await,
                None => Ok(0),
            }
        },
        async {
            match stderr {
                Some(mut pipe) => pipe.read_to_string(&mut diagnostics).await,
                None => Ok(0),
            }
        },
    )
    .map_err(failed)?;
    if !cargo.wait().await.map_err(failed)?.success() {
        return Err(Error::build(
            format!("The component does not build: see cargo's messages.\n{diagnostics}")
                .trim_end(),
        ));
    }
    let built = |package: &&str| artifact::wasm(&messages, &package.replace('-', "_"));
    packages
        .iter()
        .map(built)
        .collect::<Option<_>>()
        .ok_or_else(|| Error::build("Cargo built the component but reported no .wasm file."))
}

/// Finds the component of the last release build.
///
/// # Errors
/// Returns an error if the component has not been built.
pub(crate) async fn existing(toolchain: &Toolchain, wasi: Wasi) -> Result<PathBuf, Error> {
    let failed =
        |problem: String| Error::build(format!("Cannot find cargo's target folder: {problem}"));
    let output = Command::new(&toolchain.cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(&toolchain.root)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let folder = artifact::target_folder(&output.stdout)
        .ok_or_else(|| failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))?;
    let path =
        folder.join(wasi.target()).join("release").join(format!("{}.wasm", workspace::COMPONENT));
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::build(format!(
            "There is no {}. Run without --no-build to build it.",
            path.display()
        )))
    }
}
