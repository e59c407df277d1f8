//! Tests the server on a stand-in for `spin` that records its arguments and environment.

use crate::program::{TIMEOUT, free_port, program, run, serve};
use rustix::process::{Pid, Signal, test_kill_process};
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;

/// Puts the stand-in, as a Spin of this version, first on the command's PATH. Returns the folder
/// where it records how it was started.
fn spin(version: &str, command: &mut Command) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = std::env::var("PATH").expect("there is a PATH");
    let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-ins/spin");
    command
        .env("PATH", format!("{stand_in}:{path}"))
        .env("SPIN_STAND_IN_VERSION", version)
        .env("SPIN_STAND_IN", folder.path());
    folder
}

/// Responds with 200 to all requests at `port`, as Spin would, once the stand-in has started.
fn answer_for(folder: &Path, port: &str) {
    let (started, address) = (folder.join("arguments"), format!("127.0.0.1:{port}"));
    std::thread::spawn(move || {
        while !started.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let listener = TcpListener::bind(address).expect("the port is free");
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect("the stand-in wrote it")
}

#[tokio::test]
async fn spin_up_gets_variables_in_the_environment_and_is_killed_with_its_children() {
    let (port, tenant) = (free_port(), free_port());
    let mut command = program(&["--no-build", "--port", &port, "--tenant-port", &tenant]);
    let folder = spin("4.1", &mut command);
    answer_for(folder.path(), &port);
    command
        .env("SPIN_VARIABLE_AUTH0_DOMAIN", "elsewhere.example")
        .env("SPIN_VARIABLE_ANY_OTHER", "passed on");
    let serving = serve(&mut command).await;
    assert!(serving.banner.contains("Runs on     Spin 4.1 (`spin up`)"), "{}", serving.banner);

    let arguments = read(&folder, "arguments");
    assert!(arguments.starts_with("up "), "{arguments}");
    assert!(arguments.contains(&format!("--listen 127.0.0.1:{port}")), "{arguments}");
    assert!(
        !arguments.contains("local-only-secret-that-everybody-knows"),
        "a secret must not be on the command line: {arguments}"
    );
    let state = arguments
        .split_once("--state-dir ")
        .map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    let state = Path::new(state.expect("a state folder of its own"));
    assert!(state.starts_with(std::env::temp_dir()), "{}", state.display());
    let environment = read(&folder, "environment");
    for line in [
        format!("SPIN_VARIABLE_AUTH0_DOMAIN=127.0.0.1:{tenant}"),
        format!(
            "SPIN_VARIABLE_AUTH0_AUDIENCE=http://127.0.0.1:{port}/mcp http://localhost:{port}/mcp"
        ),
        "SPIN_VARIABLE_AUTH0_CLIENT_SECRET=local-only-secret-that-everybody-knows".to_owned(),
        "SPIN_VARIABLE_ANY_OTHER=passed on".to_owned(),
    ] {
        assert!(environment.lines().any(|other| other == line), "the environment has {line}");
    }

    let child =
        read(&folder, "child").trim().parse().ok().and_then(Pid::from_raw).expect("a process id");
    assert_eq!(serving.end_with(Signal::INT).await, 0);
    let gone = async {
        while test_kill_process(child).is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, gone).await.expect("what spin started has ended too");
    assert!(!Path::new(read(&folder, "folder").trim()).exists(), "its state is gone");
}

#[tokio::test]
async fn the_local_host_is_used_if_spin_is_too_old() {
    let (port, tenant) = (free_port(), free_port());
    let mut command = program(&["--no-build", "--port", &port, "--tenant-port", &tenant]);
    let _folder = spin("3.6", &mut command);
    let serving = serve(&mut command).await;
    let text = "Runs on     the local host \
                (Spin 3.6 on PATH is too old; 4.1 or newer is required)";
    assert!(serving.banner.contains(text), "{}", serving.banner);
    assert_eq!(serving.end_with(Signal::TERM).await, 0);
}

#[tokio::test]
async fn it_is_an_error_to_ask_for_a_spin_that_is_too_old() {
    let mut command = program(&["try", "--host", "spin", "--no-build"]);
    let _folder = spin("3.6", &mut command);
    let ended = run(&mut command).await;
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("Cannot run on Spin: Spin 3.6 on PATH is too old"),
        "{}",
        ended.stderr
    );
}
