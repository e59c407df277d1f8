//! Building the component, with everything that needs to be there first.

mod artifact;
mod toolchain;

pub(crate) use toolchain::Toolchain;

use crate::{Error, process::ProcessGroup, workspace};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};
use tokio::{io::AsyncReadExt, process::Command};

/// What a build shows while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Cargo's own progress and diagnostics, on standard error.
    Shown,
    /// Nothing, unless the build fails: then everything cargo had said is part of the error.
    Quiet,
}

/// Builds the component once per process and returns the `.wasm`. For tests.
///
/// # Panics
/// When the component does not build; the message has cargo's output.
pub fn build_component() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_package(workspace::COMPONENT, None)).clone()
}

/// Builds another component of this workspace and returns the `.wasm`. For tests and benchmarks.
///
/// A package that has Doorward as its library needs a target folder of its own: there Doorward is built without its
/// handler, as a `doorward.wasm` that must not take the place of the real one.
///
/// # Panics
/// When the package does not build; the message has cargo's output.
#[allow(clippy::panic, reason = "a test without a component has failed")]
pub fn build_package(package: &'static str, target: Option<PathBuf>) -> PathBuf {
    // On a thread of its own, so that it can be called from within a runtime too.
    let built = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::build(format!("Cannot start Tokio for the build: {error}")))?;
        let (toolchain, target) = (Toolchain::from_env(), target.as_deref());
        runtime.block_on(wasm(&toolchain, package, target, Progress::Quiet))
    })
    .join();
    match built {
        Ok(Ok(path)) => path,
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => panic!("the build of the component panicked"),
    }
}

/// Builds the component for release, after adding its Wasm target where that is missing, and returns the `.wasm`.
///
/// # Errors
/// When the target cannot be added or cargo fails.
pub(crate) async fn component(toolchain: &Toolchain, progress: Progress) -> Result<PathBuf, Error> {
    wasm(toolchain, workspace::COMPONENT, None, progress).await
}

async fn wasm(
    toolchain: &Toolchain,
    package: &str,
    target: Option<&Path>,
    progress: Progress,
) -> Result<PathBuf, Error> {
    toolchain.ensure_target(progress).await?;
    let mut command = Command::new(&toolchain.cargo);
    command
        .args(["build", "--package", package, "--lib", "--target", workspace::TARGET, "--release"])
        // Diagnostics go to standard error as always; standard output says where the artifact is.
        .arg("--message-format=json-render-diagnostics")
        .args(
            target.into_iter().flat_map(|target| [OsStr::new("--target-dir"), target.as_os_str()]),
        )
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
    artifact::wasm(&messages, &package.replace('-', "_"))
        .ok_or_else(|| Error::build("Cargo built the component but reported no .wasm file."))
}

/// The component as the last release build left it.
///
/// # Errors
/// When there was none.
pub(crate) async fn existing(toolchain: &Toolchain) -> Result<PathBuf, Error> {
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
    let path = folder
        .join(workspace::TARGET)
        .join("release")
        .join(format!("{}.wasm", workspace::COMPONENT));
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::build(format!(
            "There is no {}. Run without --no-build to build it.",
            path.display()
        )))
    }
}
