//! Runs tests that are Node programs, and installs the packages that they need.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use libtest_mimic::Failed;

/// The oldest version of Node that the packages support.
const OLDEST_NODE: (u32, u32) = (22, 19);

/// A folder in `tests/` with a `package.json`.
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

    /// Returns what the package needs and this machine lacks.
    pub(crate) fn missing(&self, needs_browser: bool) -> Option<String> {
        let (major, minor) = OLDEST_NODE;
        if on_path("npm").is_none() {
            Some("no npm on PATH".to_owned())
        } else if !comes_with_node() && !self.own_node().is_file() && node_on_path().is_none() {
            Some(format!("no Node {major}.{minor} or newer on PATH"))
        } else if needs_browser && chromium().is_none() {
            Some("no chromium on PATH, and CHROMIUM names no file".to_owned())
        } else {
            None
        }
    }

    /// Returns a command that runs Node with these arguments, after installing the packages.
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
        let own = Some(self.own_node()).filter(|node| node.is_file());
        let node = own.or_else(node_on_path).ok_or("no Node that is new enough")?;
        let mut command = Command::new(node);
        command.args(arguments).current_dir(&self.folder);
        Ok(command)
    }

    /// The path of the package's own Node. It exists on Linux only, after the installation.
    fn own_node(&self) -> PathBuf {
        self.folder.join("node_modules/.bin/node")
    }

    /// Installs the packages of `package-lock.json`, unless they are up to date.
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

/// Finds Chromium: the file that `CHROMIUM` names, or else the one on PATH.
pub(crate) fn chromium() -> Option<PathBuf> {
    match env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        Some(named) => Some(PathBuf::from(named)).filter(|named| named.is_file()),
        None => ["chromium", "chromium-browser"].into_iter().find_map(on_path),
    }
}

/// Finds a program on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.is_file())
}

/// Whether the packages include a Node for this machine.
fn comes_with_node() -> bool {
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))
}

/// Finds a Node on PATH that is new enough.
fn node_on_path() -> Option<PathBuf> {
    let node = on_path("node")?;
    let version = Command::new(&node).arg("--version").output().ok()?.stdout;
    let version = String::from_utf8(version).ok()?;
    let mut numbers = version.trim().trim_start_matches('v').split('.').map(str::parse);
    let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(node).filter(|_| version >= OLDEST_NODE)
}

/// Whether a test whose program is missing is listed as ignored. On CI it fails instead.
pub(crate) fn may_be_left_out() -> bool {
    env::var_os("CI").is_none()
}

/// Runs a program to its end. An error contains everything that it printed.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<Output, Failed> {
    let output = command.output().map_err(|error| format!("{what} does not start: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(format!("{what} failed:\n{}", String::from_utf8_lossy(&text)).into())
}
