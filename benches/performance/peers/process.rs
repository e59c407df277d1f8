//! A peer that runs as a process. It is installed into `target/peers`, with the versions pinned in
//! `benches/peers`, and started from there.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use doorward_native::Tenant;

use crate::{bench::Bench, client::Connection, components::target, subject::request};

/// The timeout for the start of a peer.
const START: Duration = Duration::from_secs(60);

/// A server in a folder of `benches/peers`.
pub(super) struct Peer {
    pub(super) folder: &'static str,
    /// Commands that succeed if the runtime is installed.
    pub(super) needs: &'static [&'static [&'static str]],
    /// The files that say what is installed.
    pub(super) pinned: &'static [&'static str],
    /// The files of the server.
    pub(super) server: &'static [&'static str],
    pub(super) install: &'static [Step],
    pub(super) start: Step,
}

/// A command. A program with a slash is relative to the peer's folder.
pub(super) struct Step {
    pub(super) program: &'static str,
    pub(super) arguments: &'static [&'static str],
}

/// A running peer. It is killed on drop.
pub(super) struct PeerProcess {
    child: Child,
    address: SocketAddr,
}

impl PeerProcess {
    /// Installs the peer if necessary, and starts it; a gateway before `upstream`. The inner error
    /// is the reason why it cannot be installed.
    ///
    /// # Errors
    /// Returns a message if the peer is installed but does not answer.
    pub(super) async fn start(
        peer: &'static Peer,
        tenant: &Tenant,
        upstream: Option<SocketAddr>,
        bench: &Bench,
    ) -> Result<Result<Self, String>, String> {
        if let Some(reason) = peer.needs.iter().find_map(|need| lacking(need)) {
            return Ok(Err(reason));
        }
        let folder = target("peers").join(peer.folder);
        bench.say(&format!("installing {} if necessary", peer.folder));
        if let Err(reason) = install(peer, &folder) {
            eprintln!("{reason}");
            let first = reason.lines().next().unwrap_or_default();
            return Ok(Err(first.to_owned()));
        }
        Self::run(peer, &folder, tenant, upstream).await.map(Ok)
    }

    /// The address on which the peer listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    async fn run(
        peer: &Peer,
        folder: &Path,
        tenant: &Tenant,
        upstream: Option<SocketAddr>,
    ) -> Result<Self, String> {
        let failed = |problem: &dyn std::fmt::Display| format!("{}: {problem}", peer.folder);
        let address = free().map_err(|error| failed(&error))?;
        let log = folder.join("log");
        let output = File::create(&log).map_err(|error| failed(&error))?;
        let errors = output.try_clone().map_err(|error| failed(&error))?;
        let child = peer
            .start
            .command(folder)
            .env("ISSUER", &tenant.issuer)
            .env("AUDIENCE", &tenant.audience)
            .env("CLIENT_ID", &tenant.client_id)
            .env("CLIENT_SECRET", &tenant.client_secret)
            .env("PORT", address.port().to_string())
            .env("NODE_ENV", "production")
            .envs(upstream.map(|upstream| ("UPSTREAM", upstream.to_string())))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut process = Self { child, address };
        let start = Instant::now();
        while !process.answers().await {
            let ended = process.child.try_wait().map_err(|error| failed(&error))?;
            if ended.is_some() || start.elapsed() > START {
                return Err(failed(&format!("the server does not answer; see {}", log.display())));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(process)
    }

    /// Whether the peer answers, with 401 for a request without a token.
    async fn answers(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        let request =
            request(self.address, "POST", "/mcp", "content-type: application/json\r\n", "{}");
        connection.exchange(&request).await.is_ok_and(|answer| answer.status == 401)
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        // This fails only if the process has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Step {
    fn command(&self, folder: &Path) -> Command {
        let program = match self.program.contains('/') {
            true => folder.join(self.program),
            false => PathBuf::from(self.program),
        };
        let mut command = Command::new(program);
        command.args(self.arguments).current_dir(folder);
        command
    }
}

/// Returns what this machine lacks, if the command does not succeed.
fn lacking(need: &[&str]) -> Option<String> {
    let output = Command::new(need[0]).args(&need[1..]).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some(format!("the {} on PATH is too old or incomplete", need[0])),
        Err(_) => Some(format!("no {} on PATH", need[0])),
    }
}

/// Copies the peer's files to `folder`. Installs the pinned packages, unless they are up to date.
fn install(peer: &Peer, folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be installed: {error}", peer.folder);
    fs::create_dir_all(folder).map_err(failed)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(peer.folder);
    let copy = |file: &str| {
        let contents = fs::read(source.join(file))?;
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, &contents).map(|()| contents)
    };
    let pinned: Result<Vec<_>, _> = peer.pinned.iter().map(|file| copy(file)).collect();
    let pinned = pinned.map_err(failed)?.concat();
    for file in peer.server {
        copy(file).map_err(failed)?;
    }
    let stamp = folder.join("installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == pinned) {
        return Ok(());
    }
    for step in peer.install {
        let output = step.command(folder).stdin(Stdio::null()).output().map_err(failed)?;
        if !output.status.success() {
            let text = [output.stdout, output.stderr].concat();
            let (program, command) = (step.program, step.arguments.join(" "));
            return Err(format!(
                "`{program} {command}` failed\n{}",
                String::from_utf8_lossy(&text)
            ));
        }
    }
    fs::write(stamp, pinned).map_err(failed)
}

/// Finds a free port on loopback.
fn free() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
