//! Tests `tenant setup`, `secrets` and `check` from the outside, as docs/tenant.md has them.

use crate::program::{TIMEOUT, free_port, run};
use doorward_dev::{SpinVersion, Wasi, build_component};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

/// The program in a folder. Nothing here needs the component.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward-dev"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Starts a tenant in which nothing is set up, and returns it with what it printed.
async fn empty_tenant(folder: &Path, port: &str) -> (Child, String) {
    let mut command = program(folder, &["--tenant", "empty", "--tenant-port", port]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut banner = String::new();
    while let Some(line) = lines.next_line().await.expect("it is UTF-8") {
        banner.push_str(&line);
        banner.push('\n');
        if line.starts_with("Press Ctrl-C") {
            break;
        }
    }
    (child, banner)
}

/// Runs the program with a token on its standard input.
async fn with_token(folder: &Path, token: &str, arguments: &[&str]) -> crate::program::Ended {
    let mut command = program(folder, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(token.as_bytes()).await.expect("it reads the token");
    drop(stdin);
    let output = child.wait_with_output().await.expect("it ends");
    crate::program::Ended {
        status: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("it is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it is UTF-8"),
    }
}

#[tokio::test]
async fn an_empty_tenant_is_set_up_by_the_commands_that_it_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (port, server) = (free_port(), free_port());
    let (_tenant, banner) = empty_tenant(folder, &port).await;
    let lines: Vec<&str> = banner.lines().map(str::trim).collect();
    let curl = lines.iter().position(|line| line.starts_with("curl ")).expect("it prints curl");
    let shell = lines[curl..curl + 3].join("\n");
    let status = Command::new("sh").args(["-c", &shell]).current_dir(folder).status().await;
    assert!(status.expect("there is a shell").success());
    let token = std::fs::read_to_string(folder.join(".env.token")).expect("it is written");
    assert!(token.starts_with("eyJ"), "a token");

    let (domain, url) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{server}"));
    let setup = ["tenant", "setup", "--domain", &domain, "--url", &url, "--token-stdin"];
    let plan = with_token(folder, &token, &setup).await;
    assert_eq!(plan.status, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains("Nothing was changed."), "{}", plan.stdout);
    assert!(!folder.join(".env").exists(), "a plan writes nothing");
    let done = with_token(folder, &token, &[&setup[..], &["--yes"]].concat()).await;
    assert_eq!(done.status, 0, "{}", done.stderr);
    let again = with_token(folder, &token, &[&setup[..], &["--yes"]].concat()).await;
    assert!(again.stdout.contains("Nothing to do."), "{}", again.stdout);

    // No server runs, so the doctor cannot tell everything, and finds nothing in the tenant.
    let check = ["check", "--json", "--env-file", ".env", "--token-stdin"];
    let check = with_token(folder, &token, &check).await;
    assert_eq!(check.status, 2, "{}", check.stdout);
    assert!(check.stdout.contains("\"findings\": 0"), "{}", check.stdout);
    assert!(check.stdout.contains("\"unknown\": 1"), "{}", check.stdout);

    spin_serves_with_the_file(folder, &server).await;
    the_doctor_names_the_command_that_brings_the_secret_back(folder, &token).await;

    let before = std::fs::read_to_string(folder.join(".env")).expect("it is written");
    let rotate = with_token(folder, &token, &["secrets", "rotate", "--token-stdin"]).await;
    assert_eq!(rotate.status, 0, "{}", rotate.stderr);
    let after = std::fs::read_to_string(folder.join(".env")).expect("it is written");
    assert_ne!(before, after, "there is a new secret");

    let teardown = ["tenant", "teardown", "--token-stdin", "--yes"];
    let plan_to_undo = with_token(folder, &token, &teardown[..3]).await;
    assert!(plan_to_undo.stdout.contains("Would remove .env,"), "{}", plan_to_undo.stdout);
    assert!(folder.join(".env").exists(), "a plan removes nothing");
    let undone = with_token(folder, &token, &teardown).await;
    assert_eq!(undone.status, 0, "{}", undone.stderr);
    assert!(!folder.join(".env").exists());
    for ended in [plan, done, again, check, rotate, plan_to_undo, undone] {
        let all = format!("{}{}", ended.stdout, ended.stderr);
        let secrets = before.lines().chain(after.lines()).filter(|line| line.contains("SECRET="));
        let mut values = secrets.filter_map(|line| line.split_once('=').map(|(_, value)| value));
        assert!(!values.any(|value| all.contains(value)) && !all.contains("eyJ"), "{all}");
    }
}

async fn the_doctor_names_the_command_that_brings_the_secret_back(folder: &Path, token: &str) {
    let file = folder.join(".env");
    let before = std::fs::read_to_string(&file).expect("it is written");
    let kept = before.lines().filter(|line| !line.contains("CLIENT_SECRET="));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    std::fs::write(&file, kept).expect("it is written");
    let check = ["check", "--env-file", ".env", "--token-stdin"];
    let check = with_token(folder, token, &check).await;
    assert_eq!(check.status, 1, "{}", check.stdout);
    let named = check.stdout.lines().find_map(|line| line.split_once("Mend: cargo run -- "));
    let (_, command) = named.unwrap_or_else(|| panic!("a command: {}", check.stdout));
    let command: Vec<&str> = command.split(' ').collect();
    let done = with_token(folder, token, &command).await;
    assert_eq!(done.status, 0, "{}", done.stderr);
    let after = std::fs::read_to_string(&file).expect("it is written");
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert!(sorted(&after) == sorted(&before), "the secrets are back");
}

/// Runs `spin up` in the folder, if there is a Spin that can: it reads `.env` by itself.
async fn spin_serves_with_the_file(folder: &Path, port: &str) {
    let version = Command::new("spin").arg("--version").output().await;
    let version =
        version.ok().and_then(|it| SpinVersion::parse(&String::from_utf8(it.stdout).ok()?));
    if version < Some(SpinVersion { major: 4, minor: 1 }) {
        return;
    }
    build_component(Wasi::V0_3);
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../spin.toml");
    let (log, state) = (folder.join("spin.log"), folder.join("state"));
    let output = std::fs::File::create(&log).expect("it is created");
    let mut spin = Command::new("spin");
    spin.args(["up", "-f", manifest, "--listen", &format!("127.0.0.1:{port}"), "--state-dir"])
        .arg(&state)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("one more"))
        .stderr(output);
    let mut spin = ProcessGroup::spawn(&mut spin);
    let url = format!("http://127.0.0.1:{port}/.well-known/oauth-protected-resource/mcp");
    let metadata = async {
        loop {
            if let Ok(response) = reqwest::get(&url).await {
                break (response.status(), response.text().await.expect("a body"));
            }
            if spin.child.try_wait().expect("it can be asked").is_some() {
                break Default::default();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (status, metadata) = tokio::time::timeout(TIMEOUT, metadata).await.expect("it serves");
    let log = std::fs::read_to_string(&log).expect("it is written");
    assert_eq!(status, 200, "{metadata} {log}");
    for scope in ["tool:whoami", "tool:greet", "tool:calendar_summary"] {
        assert!(metadata.contains(scope), "{metadata}");
    }
}

/// A program with the processes that it starts: all are killed in the end.
struct ProcessGroup {
    child: Child,
}

impl ProcessGroup {
    fn spawn(command: &mut Command) -> Self {
        Self { child: command.process_group(0).spawn().expect("the program starts") }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

#[tokio::test]
async fn the_exit_status_says_what_the_matter_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (arguments, status, text) in [
        (vec!["check", &nobody], 2, "1 check could not be made"),
        (vec!["tenant", "setup"], 2, "Name the tenant"),
        (vec!["tenant", "setup", "--domain", "127.0.0.1:1"], 2, "--token-stdin"),
        (
            vec!["tenant", "setup", "--domain", "127.0.0.1:1", "--url", "https://mcp.example.com"],
            2,
            "is the local tenant",
        ),
        (vec!["tenant", "teardown"], 0, ""),
        (vec!["secrets", "check"], 2, "the file does not exist"),
    ] {
        let ended = run(&mut program(folder.path(), &arguments)).await;
        assert_eq!(ended.status, status, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(text), "{arguments:?}: {}", ended.stderr);
    }
}
