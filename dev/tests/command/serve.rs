//! Tests `cargo run` from the outside.

use crate::program::{TIMEOUT, free_port, program, run, serve, signal};
use rustix::process::Signal;
use std::{net::TcpListener, process::Stdio, time::Duration};
use tokio::{net::TcpStream, process::Command, time::timeout};

#[tokio::test]
async fn it_serves_until_ctrl_c_and_prints_what_to_do_next() {
    let (port, tenant) = (free_port(), free_port());
    let serving = serve(&mut program(&[
        "--host",
        "local",
        "--no-build",
        "--port",
        &port,
        "--tenant-port",
        &tenant,
    ]))
    .await;
    let banner = &serving.banner;
    for text in [
        format!("http://127.0.0.1:{port}/mcp"),
        format!("http://127.0.0.1:{tenant}"),
        "npx @modelcontextprotocol/inspector".to_owned(),
        "Runs on     the local host".to_owned(),
        "owner@example.com".to_owned(),
        "guest@example.com".to_owned(),
    ] {
        assert!(banner.contains(&text), "the text has {text:?}: {banner}");
    }

    let lines: Vec<&str> =
        banner.lines().skip_while(|line| !line.starts_with("TOKEN=")).take(2).collect();
    assert_eq!(lines.len(), 2, "{banner}");
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().await.is_ok() {
        let pasted = run(Command::new("sh").arg("-c").arg(lines.join("\n"))).await;
        assert!(
            pasted.stdout.contains("Calendar Summary for "),
            "{}{}",
            pasted.stdout,
            pasted.stderr
        );
    }

    let url = format!("http://127.0.0.1:{port}");
    let tried = run(&mut program(&["try", "--server-url", &url])).await;
    assert_eq!(tried.status, 0, "{}{}", tried.stdout, tried.stderr);

    assert_eq!(serving.end_with(Signal::INT).await, 0);
    for port in [port, tenant] {
        TcpListener::bind(format!("127.0.0.1:{port}")).expect("the port is free again");
    }
}

#[tokio::test]
async fn a_busy_port_is_named_with_the_option_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for (arguments, option) in [
        (["--port", &port, "--tenant-port", &free_port()], "--port"),
        (["--tenant-port", &port, "--port", &free_port()], "--tenant-port"),
    ] {
        let ended = run(program(&["--host", "local", "--no-build"]).args(arguments)).await;
        assert_eq!(ended.status, 4, "{}", ended.stderr);
        let last = ended.stderr.lines().last().unwrap_or_default();
        assert!(
            last.contains(&format!("Port {port} ")) && last.ends_with(&format!("{option}.")),
            "{last}"
        );
    }
}

#[tokio::test]
async fn one_port_for_server_and_tenant_is_refused_first() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let ended = run(&mut program(&["--port", &port, "--tenant-port", &port])).await;
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    let text = format!("error: The server and the local tenant cannot both use port {port}: ");
    assert!(ended.stderr.starts_with(&text), "{}", ended.stderr);
}

#[tokio::test]
async fn ctrl_c_stops_it_at_once_while_it_compiles() {
    let (port, tenant) = (free_port(), free_port());
    let arguments = ["--host", "local", "--no-build", "--port", &port, "--tenant-port", &tenant];
    let mut child = program(&arguments).stderr(Stdio::piped()).spawn().expect("it starts");
    // The program listens before it compiles, and serves afterwards.
    let listens = async {
        while TcpStream::connect(format!("127.0.0.1:{port}")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIMEOUT, listens).await.expect("it listens");
    signal(&child, Signal::INT);
    // Compiling takes longer than this timeout.
    let ended = timeout(Duration::from_secs(3), child.wait()).await.expect("it ends at once");
    assert_eq!(ended.expect("it can be waited for").code(), Some(130));
}

#[tokio::test]
async fn missing_entries_of_an_environment_file_are_reported_with_both_names() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tenant.env");
    std::fs::write(&file, "DOMAIN=tenant.example\nCLIENT_SECRET='hunter2'\n")
        .expect("the file is written");
    let ended = run(program(&["--host", "local", "--no-build", "--env-file"]).arg(&file)).await;
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    for names in ["AUTH0_AUDIENCE or AUDIENCE", "AUTH0_CLIENT_ID or CLIENT_ID"] {
        assert!(ended.stderr.contains(names), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_environment_file_starts_the_server_without_a_local_tenant() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, port) = (folder.path().join("tenant.env"), free_port());
    let text = format!(
        "AUTH0_DOMAIN=tenant.example\nAUTH0_AUDIENCE=https://mcp.example/mcp\nAUTH0_CLIENT_ID=id\n\
         AUTH0_CLIENT_SECRET=hunter2-hunter2-hunter2-hunter2-hunter2\nMCP_SERVER_URL=https://mcp.example\nPORT={port}\n"
    );
    std::fs::write(&file, text).expect("the file is written");
    let serving = serve(program(&["--host", "local", "--no-build", "--env-file"]).arg(&file)).await;
    assert!(serving.banner.contains("https://mcp.example/mcp"), "{}", serving.banner);
    assert!(serving.banner.contains(&format!("http://127.0.0.1:{port}")), "{}", serving.banner);
    assert!(
        !serving.banner.contains("hunter2") && !serving.banner.contains("owner@"),
        "{}",
        serving.banner
    );

    let metadata =
        reqwest::get(format!("http://127.0.0.1:{port}/.well-known/oauth-protected-resource/mcp"))
            .await;
    let metadata: serde_json::Value =
        metadata.expect("the server answers").json().await.expect("with JSON");
    assert_eq!(metadata["resource"], "https://mcp.example/mcp");
    assert_eq!(metadata["authorization_servers"][0], "https://tenant.example/");

    assert_eq!(serving.end_with(Signal::TERM).await, 0);
}

/// The files of the servers that this one grew from, as their documents have them, and what the
/// metadata then says.
#[tokio::test]
async fn the_environment_files_of_other_servers_start_this_one() {
    let (key, _) = doorward_tenant::rsa_key_pair().expect("a key");
    let key = key.trim().replace('\n', "\\n");
    let secret = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let files = [
        (
            "xmcp, with a secret",
            format!(
                "AUTH0_DOMAIN=tenant.example\nAUTH0_AUDIENCE=http://localhost:3001/mcp\n\
                 AUTH0_CLIENT_ID=id\nAUTH0_CLIENT_SECRET={secret}\nPORT=3001\n\
                 MCP_SERVER_URL=http://localhost:3001\n"
            ),
            "http://localhost:3001/mcp",
        ),
        (
            "xmcp, with a key",
            format!(
                "AUTH0_DOMAIN=tenant.example\nAUTH0_AUDIENCE=http://localhost:3001/mcp\n\
                 AUTH0_CLIENT_ID=id\nAUTH0_CLIENT_ASSERTION_SIGNING_ALG=RS256\n\
                 AUTH0_CLIENT_ASSERTION_SIGNING_KEY={key}\nMCP_SERVER_URL=http://localhost:3001\n"
            ),
            "http://localhost:3001/mcp",
        ),
        (
            "the xmcp plugin",
            format!(
                "DOMAIN=tenant.example\nCLIENT_ID=id\nCLIENT_SECRET={secret}\n\
                 AUDIENCE=http://localhost:3001/mcp\nBASE_URL=http://localhost:3001\nPORT=3001\n"
            ),
            "http://localhost:3001/mcp",
        ),
        (
            "FastMCP",
            "# Auth0 tenant domain\nAUTH0_DOMAIN=tenant.example\n# Auth0 API Identifier\n\
             AUTH0_AUDIENCE=http://localhost:3001/\nMCP_SERVER_URL=http://localhost:3001\n"
                .to_owned(),
            "http://localhost:3001/",
        ),
        (
            "pmcp",
            "AUTH0_DOMAIN=tenant.example\nAUTH0_AUDIENCE=https://mcp.example.com\n\
             AUTH0_CLIENT_ID=id\n"
                .to_owned(),
            "https://mcp.example.com",
        ),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text, resource) in files {
        let (file, port) = (folder.path().join("tenant.env"), free_port());
        std::fs::write(&file, text).expect("the file is written");
        let arguments = ["--host", "local", "--no-build", "--port", &port, "--env-file"];
        let serving = serve(program(&arguments).arg(&file)).await;
        let url = format!("http://127.0.0.1:{port}/.well-known/oauth-protected-resource");
        let metadata = reqwest::get(url).await.expect("the server answers").text().await;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata.expect("with a body")).expect("with JSON");
        assert_eq!(metadata["resource"], resource, "{name}");
        assert_eq!(serving.end_with(Signal::TERM).await, 0, "{name}");
    }
}
