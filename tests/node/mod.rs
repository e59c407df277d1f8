//! Node programs as tests: the packages they need, and how they are run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use libtest_mimic::Failed;

/// A folder with a `package.json`, in `tests/`.
pub(crate) struct NodePackage {
    folder: PathBuf,
    installed: Mutex<bool>,
}

impl NodePackage {
    /// The package in `tests/<name>`.
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
        Self { folder, installed: Mutex::new(false) }
    }

    /// The package's own Node with these arguments, once everything that it needs is installed.
    pub(crate) fn node<I, S>(&self, arguments: I) -> Result<Command, Failed>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let mut installed = self.installed.lock().unwrap_or_else(PoisonError::into_inner);
        if !*installed {
            self.install()?;
            *installed = true;
        }
        let mut command = Command::new("node_modules/.bin/node");
        command.args(arguments).current_dir(&self.folder);
        Ok(command)
    }

    /// Installs what `package-lock.json` names, unless that was done since it changed.
    fn install(&self) -> Result<(), Failed> {
        let changed =
            |path: &str| fs::metadata(self.folder.join(path)).and_then(|it| it.modified()).ok();
        let installed: Option<SystemTime> = changed("node_modules/.package-lock.json");
        if installed.is_some() && installed >= changed("package-lock.json") {
            return Ok(());
        }
        run("npm ci", Command::new("npm").arg("ci").current_dir(&self.folder)).map(drop)
    }
}

/// Whether a program can be started by its name.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether a test that lacks a program is left out, visibly; on CI it fails instead.
pub(crate) fn may_be_left_out() -> bool {
    env::var_os("CI").is_none()
}

/// Runs a program to its end. A failure carries everything that it printed.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<Output, Failed> {
    let output = command.output().map_err(|error| format!("{what} does not start: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(format!("{what} failed:\n{}", String::from_utf8_lossy(&text)).into())
}
