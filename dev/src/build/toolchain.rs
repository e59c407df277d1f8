//! The Rust toolchain and the component's Wasm target.

use super::Progress;
use crate::{Error, workspace};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// The programs of the toolchain, and the folder to run them in: rustup selects the toolchain by
/// folder.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    /// The cargo that builds the component.
    pub cargo: OsString,
    /// The compiler, which is asked for its targets.
    pub rustc: OsString,
    /// The program that adds a target.
    pub rustup: OsString,
    /// The root folder of the workspace.
    pub root: PathBuf,
    /// The folder in which cargo keeps the sources of crates.
    pub cargo_home: Option<PathBuf>,
}

impl Toolchain {
    /// Returns the toolchain that cargo names in the environment, or else the one on PATH.
    pub(crate) fn from_env() -> Self {
        let program =
            |variable: &str, name: &str| std::env::var_os(variable).unwrap_or_else(|| name.into());
        Self {
            cargo: program("CARGO", "cargo"),
            rustc: program("RUSTC", "rustc"),
            rustup: "rustup".into(),
            root: workspace::root(),
            cargo_home: std::env::var_os("CARGO_HOME")
                .map(PathBuf::from)
                .or_else(|| Some(std::env::home_dir()?.join(".cargo"))),
        }
    }

    /// Arguments of cargo that keep the name of its folder out of the component: panics name the
    /// source file. The build commands in the manifests have the same ones.
    pub(crate) fn path_remapping(&self, target: &str) -> Vec<String> {
        let Some(folder) = self.cargo_home.as_ref().and_then(|folder| folder.to_str()) else {
            return Vec::new();
        };
        let flag = toml::Value::from(format!("--remap-path-prefix={folder}=/cargo"));
        vec!["--config".to_owned(), format!("target.{target}.rustflags=[{flag}]")]
    }

    /// Adds a Wasm target if it is missing.
    ///
    /// # Errors
    /// Returns an error if the target is missing and rustup is not installed or fails.
    pub(crate) async fn ensure_target(
        &self,
        target: &str,
        progress: Progress,
    ) -> Result<(), Error> {
        if self.has_target(target).await? {
            return Ok(());
        }
        if progress == Progress::Shown {
            eprintln!("The Rust target {target} is missing: running `rustup target add {target}`.");
        }
        let added = Command::new(&self.rustup)
            .args(["target", "add", target])
            .current_dir(&self.root)
            .stdin(Stdio::null())
            // Keep standard output for the output of this program.
            .stdout(Stdio::null())
            .stderr(match progress {
                Progress::Shown => Stdio::inherit(),
                Progress::Quiet => Stdio::null(),
            })
            .kill_on_drop(true)
            .status()
            .await;
        match added {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Error::build(format!(
                "`rustup target add {target}` failed ({status}). The component needs that target: \
                 add it by hand and try again."
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::build(format!(
                "The Rust target {target} is missing, and there is no rustup to add it.\n\
                 Install rustup (https://rustup.rs), or your distribution's package of the standard \
                 library for {target}."
            ))),
            Err(error) => {
                Err(Error::build(format!("Cannot run {}: {error}", self.rustup.display())))
            }
        }
    }

    /// Whether the compiler has a standard library for the target, whether or not rustup added it.
    async fn has_target(&self, target: &str) -> Result<bool, Error> {
        let failed = |problem: &dyn std::fmt::Display| {
            Error::build(format!("Cannot run {}: {problem}", self.rustc.display()))
        };
        let output = Command::new(&self.rustc)
            .args(["--print", "sysroot"])
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| failed(&error))?;
        if !output.status.success() {
            return Err(failed(&String::from_utf8_lossy(&output.stderr).trim()));
        }
        let sysroot = String::from_utf8_lossy(&output.stdout);
        Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(target).is_dir())
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::expect_used, reason = "a test that panics has failed")]

    use super::*;
    use std::fs;
    use tempfile::TempDir;

    /// Creates a folder and a toolchain whose compiler has that folder as its sysroot. The stand-in
    /// programs are files of the repository: one that a test has just written may still be open for
    /// writing in a process that another test starts meanwhile, and then cannot be executed.
    fn toolchain(rustup: &str) -> (TempDir, Toolchain) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stand_in = |name: &str| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/stand-ins/toolchain")
                .join(name)
                .into()
        };
        let toolchain = Toolchain {
            cargo: "cargo".into(),
            rustc: stand_in("rustc"),
            rustup: stand_in(rustup),
            root: folder.path().to_owned(),
            cargo_home: None,
        };
        (folder, toolchain)
    }

    #[test]
    fn the_folder_of_cargo_is_renamed_in_the_component() {
        let (_folder, mut toolchain) = toolchain("rustup");
        toolchain.cargo_home = Some("/home/o'hara/.cargo".into());
        let flags =
            r#"target.wasm32-wasip2.rustflags=["--remap-path-prefix=/home/o'hara/.cargo=/cargo"]"#;
        assert_eq!(toolchain.path_remapping("wasm32-wasip2"), ["--config", flags]);
    }

    #[tokio::test]
    async fn an_installed_target_is_not_added_again() {
        let (folder, toolchain) = toolchain("rustup");
        fs::create_dir_all(folder.path().join("lib/rustlib/wasm32-wasip2"))
            .expect("the target's folder");
        toolchain
            .ensure_target("wasm32-wasip2", Progress::Quiet)
            .await
            .expect("nothing is missing");
        assert!(!folder.path().join("called").exists(), "rustup was not called");
    }

    #[tokio::test]
    async fn a_missing_target_is_added_with_rustup() {
        let (folder, toolchain) = toolchain("rustup");
        toolchain.ensure_target("wasm32-wasip2", Progress::Quiet).await.expect("rustup adds it");
        let called = fs::read_to_string(folder.path().join("called")).expect("rustup was called");
        assert_eq!(called, "target add wasm32-wasip2\n");
    }

    #[tokio::test]
    async fn without_rustup_a_missing_target_is_an_error_that_says_what_to_install() {
        let (_folder, toolchain) = toolchain("no-rustup");
        let error = toolchain
            .ensure_target("wasm32-wasip2", Progress::Quiet)
            .await
            .expect_err("there is no rustup");
        assert!(
            error.to_string().contains("wasm32-wasip2 is missing, and there is no rustup"),
            "{error}"
        );
        assert!(error.to_string().contains("https://rustup.rs"), "{error}");
    }

    #[tokio::test]
    async fn a_rustup_that_fails_is_an_error() {
        let (_folder, toolchain) = toolchain("rustup-that-fails");
        let error = toolchain
            .ensure_target("wasm32-wasip2", Progress::Quiet)
            .await
            .expect_err("rustup failed");
        assert!(error.to_string().contains("`rustup target add wasm32-wasip2` failed"), "{error}");
    }
}
