use super::*;
use crate::cli::{Cli, Command};
use clap::Parser;
use std::{fs, os::unix::fs::PermissionsExt};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECRET: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

const ENV: &str = "AUTH0_DOMAIN=tenant.eu.auth0.com\nAUTH0_CLIENT_ID=the-client\n\
                   AUTH0_CLIENT_SECRET=hunter2-hunter2-hunter2-hunter2-hunter2\n\
                   SPIN_VARIABLE_DPOP=required\n";

/// Records each call as one line, and its input if it has one.
const STAND_IN: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >> "$here/calls"
case "$*" in
  --version) echo "spin 4.1.0 (4a5c3d2 2026-08-26)" ;;
  "cloud --version") echo "cloud 0.11.0" ;;
  "aka --version") exit 1 ;;
  "cloud deploy"*)
    [ -e "$here/broken" ] && case "$*" in *unknown.invalid*) ;; *) exit 7 ;; esac
    echo "Uploading doorward version 0.1.0 to Fermyon Cloud..."
    echo "View application:   https://doorward-abc123.fermyon.app/"
    echo "Manage application: https://cloud.fermyon.com/app/doorward" ;;
  *"-f -") cat >> "$here/input" ;;
esac
"#;

struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::write(machine.file("env"), ENV).expect("the file is written");
        for program in ["spin", "kubectl"] {
            fs::write(machine.file(program), STAND_IN).expect("the stand-in is written");
            let executable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(machine.file(program), executable).expect("it is executable");
        }
        machine
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn options(&self, arguments: &[&str]) -> Deploy {
        let env = self.file("env");
        let own = ["doorward-dev", "deploy", "--env-file", env.to_str().expect("text")];
        let cli = Cli::try_parse_from([&own[..], arguments].concat()).expect("a command line");
        match cli.command {
            Some(Command::Deploy(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    fn deployment<'a>(&self, options: &'a Deploy) -> Result<Deployment<'a>, Error> {
        let path = std::env::var("PATH").expect("there is a PATH");
        let path = format!("{}:{path}", self.0.path().display());
        let deployment = Deployment::new(options, self.file("state"), path.into())?;
        Ok(Deployment { stamp: "t1".to_owned(), ..deployment })
    }

    async fn deployed(&self, arguments: &[&str]) -> Result<String, Error> {
        let options = self.options(arguments);
        let deployment = self.deployment(&options)?;
        deployment.check_tools().await?;
        deployment.deploy(Path::new("/tmp/doorward.wasm")).await
    }

    /// The calls of the stand-ins since the last time, without those that ask for a version.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.file("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.file("calls"));
        calls.lines().filter(|it| !it.contains("version")).map(str::to_owned).collect()
    }
}

const CLOUD: [&str; 2] = ["cloud", "--secrets-on-command-line"];

#[tokio::test]
async fn the_first_pass_finds_out_the_url_and_the_second_sets_it() {
    let machine = Machine::new();
    let url = machine.deployed(&CLOUD).await.expect("it is deployed");
    assert_eq!(url, "https://doorward-abc123.fermyon.app");
    let calls = machine.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[0].contains("--variable public_url=https://unknown.invalid "), "{calls:?}");
    for call in &calls {
        for text in ["auth0_domain=tenant.eu.auth0.com", "dpop=required", SECRET] {
            assert!(call.contains(&format!("={}", text.rsplit('=').next().unwrap_or_default())));
        }
    }
    let expected = format!("auth0_audience={url}/mcp");
    assert!(calls[1].contains(&format!("public_url={url} --variable {expected}")), "{calls:?}");
    let manifest = fs::read_to_string(machine.file("state/spin.toml")).expect("it is written");
    let manifest: toml::Table = manifest.parse().expect("it is TOML");
    let component = &manifest["component"]["doorward"];
    assert_eq!(component["source"].as_str(), Some("/tmp/doorward.wasm"));
    assert_eq!(
        component["allowed_outbound_hosts"].as_array().and_then(|hosts| hosts[0].as_str()),
        Some("https://tenant.eu.auth0.com")
    );
    let kept = fs::read_dir(machine.file("state")).expect("there is a folder").flatten();
    for file in kept {
        let text = fs::read_to_string(file.path()).expect("it is text");
        assert!(!text.contains(SECRET), "{} has the secret", file.path().display());
    }
}

#[tokio::test]
async fn a_run_that_was_interrupted_goes_on_with_the_url() {
    let machine = Machine::new();
    fs::write(machine.file("broken"), "").expect("the second pass fails");
    let error = machine.deployed(&CLOUD).await.expect_err("the second pass fails").to_string();
    assert!(error.contains("exit status: 7") && error.contains("goes on from there"), "{error}");
    assert!(!error.contains(SECRET), "{error}");
    assert_eq!(machine.calls().len(), 2);
    fs::remove_file(machine.file("broken")).expect("it is fixed");
    machine.deployed(&CLOUD).await.expect("it is deployed");
    let calls = machine.calls();
    assert_eq!(calls.len(), 1, "the first pass is not repeated: {calls:?}");
    assert!(calls[0].contains("public_url=https://doorward-abc123.fermyon.app"), "{calls:?}");
}

#[tokio::test]
async fn a_dry_run_names_every_command_and_no_secret_and_runs_nothing() {
    let machine = Machine::new();
    for arguments in [
        &["cloud", "--secrets-on-command-line", "--", "--link", "kv:default=store"][..],
        &["cloud", "--secrets-on-command-line", "--url", "https://mcp.example.org"],
        &["kube", "--url", "https://mcp.example.org", "--image", "r.example/doorward:1"],
    ] {
        let options = machine.options(
            &[arguments[..1].to_vec(), vec!["--dry-run"], arguments[1..].to_vec()].concat(),
        );
        let described = machine.deployment(&options).expect("it is valid").described();
        let described = described.expect("it is described");
        assert!(machine.calls().is_empty() && !described.contains(SECRET), "{described}");
        machine.deployed(arguments).await.expect("it is deployed");
        for call in machine.calls() {
            let public = call.replace(SECRET, "<auth0_client_secret>").replace(
                "https://doorward-abc123.fermyon.app",
                "https://<the URL of the first pass>",
            );
            assert!(described.replace('\'', "").contains(&public), "{public}\nnot in\n{described}");
        }
        let _ = fs::remove_dir_all(machine.file("state"));
    }
}

#[tokio::test]
async fn a_secret_is_on_a_command_line_only_if_the_caller_says_so() {
    let machine = Machine::new();
    let error = machine.deployed(&["cloud"]).await.expect_err("the secret has no other way");
    let text = error.to_string();
    assert!(text.contains("`auth0_client_secret`") && text.contains("--secrets-on-command-line"));
    assert!(!text.contains(SECRET) && machine.calls().is_empty());
    assert_eq!(error.kind(), crate::Kind::Usage);
    let without = ENV.replace("AUTH0_CLIENT_SECRET", "# ");
    fs::write(machine.file("env"), without).expect("the file is written");
    machine.deployed(&["cloud"]).await.expect("there is no secret");
}

#[tokio::test]
async fn a_cluster_gets_secrets_on_standard_input() {
    let machine = Machine::new();
    let own = "SPIN_VARIABLE_SERVER_SECRET=hunter3-hunter3-hunter3-hunter3-hunter3\n";
    fs::write(machine.file("env"), format!("{ENV}{own}")).expect("the file is written");
    let arguments = ["kube", "--url", "https://mcp.example.org", "--image", "r.example/doorward:1"];
    let url = machine.deployed(&arguments).await.expect("it is deployed");
    assert_eq!(url, "https://mcp.example.org");
    let calls = machine.calls();
    let programs: Vec<_> = calls.iter().map(|it| it.split(" -f").next().unwrap_or(it)).collect();
    assert_eq!(
        programs,
        [
            "spin registry push",
            "kubectl apply --server-side --force-conflicts",
            "kubectl apply",
            "kubectl wait --for=create deployment/doorward --timeout=60s",
            "kubectl wait --for=jsonpath={.spec.template.metadata.annotations.doorward-deployment}=t1 \
             deployment/doorward --timeout=60s",
            "kubectl rollout status deployment/doorward --timeout=180s",
        ]
    );
    assert!(calls.iter().all(|call| !call.contains(SECRET)), "{calls:?}");
    let input = fs::read_to_string(machine.file("input")).expect("there was input");
    assert_eq!(input.matches(SECRET).count(), 1, "in the secret, and not in the application");
    for text in [
        "image: r.example/doorward:1",
        "value: https://mcp.example.org/mcp",
        "value: tenant.eu.auth0.com",
        "- name: dpop\n      value: \"required\"",
    ] {
        assert!(input.contains(text), "{text} is not in {input}");
    }
    for name in ["revocation_secret", "server_secret"] {
        assert_eq!(input.matches(&format!("- name: {name}\n")).count(), 1, "{input}");
    }
    let mut lines = input.lines().filter(|line| !line.contains('#'));
    assert!(lines.all(|line| !line.contains("example.com") && !line.contains("example.eu")));
}

/// Pods read the secret when they start, and the image and the variables may be the same as before.
#[test]
fn each_deployment_replaces_the_pods_of_a_cluster() {
    let machine = Machine::new();
    let arguments = ["kube", "--url", "https://mcp.example.org", "--image", "r.example/doorward:1"];
    let options = machine.options(&arguments);
    let stamp = || {
        let path = std::env::var_os("PATH").expect("there is a PATH");
        Deployment::new(&options, machine.file("state"), path).expect("it is valid").stamp
    };
    let first = stamp();
    std::thread::sleep(Duration::from_millis(2));
    assert_ne!(first, stamp());
    let application = manifest::spin_app("https://mcp.example.org", "i", &[], "t1");
    let application = application.expect("it is made");
    let annotation = format!("  podAnnotations:\n    {}: t1\n", manifest::STAMP);
    assert_eq!(application.matches(&annotation).count(), 1, "{application}");
}

#[tokio::test]
async fn a_tool_that_is_missing_is_named_with_how_to_install_it() {
    let machine = Machine::new();
    let error = machine.deployed(&["aka", "--secrets-on-command-line"]).await;
    let text = error.expect_err("there is no plugin `aka`").to_string();
    assert!(text.contains("spin plugins install aka") && text.contains("spin aka login"), "{text}");
    for (program, text) in
        [("spin", "spinframework.dev/install"), ("kubectl", "kubernetes.io/docs")]
    {
        let error = tools::find(program, "/nowhere".as_ref()).expect_err("it is not there");
        let error = error.to_string();
        assert!(error.contains("is not on PATH") && error.contains(text), "{error}");
    }
}

#[test]
fn options_that_do_not_fit_the_host_are_refused() {
    let machine = Machine::new();
    for (arguments, problem) in [
        (&["kube"][..], "A cluster needs --url"),
        (&["kube", "--url", "https://mcp.example.org"], "--image"),
        (&["aka", "--secrets-on-command-line", "--image", "x"], "--image is for `deploy kube`"),
        (&["aka", "--secrets-on-command-line", "--url", "http://mcp.example.org"], "https://"),
    ] {
        let options = machine.options(arguments);
        let error = machine.deployment(&options).err().expect("it is refused").to_string();
        assert!(error.contains(problem), "{error}");
    }
    fs::write(machine.file("env"), format!("{ENV}SPIN_VARIABLE_TYPO=1\n")).expect("written");
    let options = machine.options(&["cloud", "--secrets-on-command-line"]);
    let error = machine.deployment(&options).err().expect("it is refused").to_string();
    assert!(error.contains("`spin.toml` has no variable `typo`"), "{error}");
}

#[test]
fn the_url_is_the_applications_and_not_that_of_its_administration() {
    for (target, output, url) in [
        (
            Target::Aka,
            "App Routes:\n- doorward: https://ec8a19d8-6d10.fwf.app (wildcard)\n",
            Some("https://ec8a19d8-6d10.fwf.app"),
        ),
        (
            Target::Cloud,
            "Manage application: https://cloud.fermyon.com/app/doorward\n\
             Available Routes:\n  doorward: https://doorward-x.fermyon.app (wildcard)\n",
            Some("https://doorward-x.fermyon.app"),
        ),
        (Target::Cloud, "https://fermyon.app.evil.example http://a.fermyon.app", None),
    ] {
        assert_eq!(target.url_in(output).as_deref(), url, "{output}");
    }
}

#[test]
fn a_dry_run_says_what_the_run_needs_and_what_of_the_file_is_not_used() {
    let machine = Machine::new();
    let described = |arguments: &[&str]| {
        let options = machine.options(&[arguments, &["--dry-run"]].concat());
        machine.deployment(&options).expect("it is valid").described().expect("it is described")
    };
    let needs = "# Needs --secrets-on-command-line, or a file without auth0_client_secret.\n";
    for target in ["cloud", "aka"] {
        assert!(described(&[target]).starts_with(needs), "{}", described(&[target]));
        let text = described(&[target, "--secrets-on-command-line"]);
        assert!(text.starts_with("cargo build") && !text.contains("Now set"), "{text}");
    }
    let of_url = "MCP_SERVER_URL=https://mcp.example.org/mcp\nAUTH0_AUDIENCE=https://old.example\n";
    fs::write(machine.file("env"), format!("{ENV}{of_url}")).expect("the file is written");
    let unused = "# The file's public_url is not used; --url https://mcp.example.org uses it.\n\
                  # The file's auth0_audience is not used: the audience will be the URL with /mcp.\n";
    let text = described(&CLOUD);
    assert!(text.starts_with(unused), "{text}");
    let text = described(&[CLOUD[0], CLOUD[1], "--url", "https://mcp.example.org"]);
    let audience = "# The file's auth0_audience is not used: the audience will be \
                    https://mcp.example.org/mcp.\ncargo build";
    assert!(text.starts_with(audience), "{text}");
    let local = format!("{ENV}SPIN_VARIABLE_PUBLIC_URL=http://127.0.0.1:3000\n");
    fs::write(machine.file("env"), local).expect("the file is written");
    let text = described(&CLOUD);
    assert!(text.starts_with("# The file's public_url is not used: it does not begin"), "{text}");
}

#[tokio::test]
async fn a_deployment_without_the_secret_says_how_to_set_it() {
    let machine = Machine::new();
    fs::write(machine.file("env"), ENV.replace("AUTH0_CLIENT_SECRET", "# ")).expect("written");
    let kube = ["kube", "--url", "https://mcp.example.org", "--image", "r.example/doorward:1"];
    for (arguments, command) in [
        (&["cloud"][..], "spin cloud variables set --app doorward auth0_client_secret=…"),
        (&["aka"], "spin aka deploy -f "),
        (&kube, "# "),
    ] {
        let options = machine.options(&[arguments, &["--dry-run"]].concat());
        let deployment = machine.deployment(&options).expect("it is valid");
        let described = deployment.described().expect("it is described");
        assert!(!described.contains("Needs"), "{described}");
        let Some(reminder) = deployment.reminder() else {
            let note = "has no auth0_client_secret and no server_secret and no revocation_secret: the \
                        secret `doorward` of the cluster must";
            assert!(described.contains(note), "{described}");
            continue;
        };
        assert!(reminder.contains(command) && described.contains(&reminder), "{described}");
        for name in ["server_secret", "revocation_secret"] {
            assert!(reminder.contains(&format!(" {name}=…")), "{reminder}");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let server = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.expect("somebody asks");
            let mut request = [0; 1024];
            let _ = connection.read(&mut request).await.expect("there is a request");
            let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
            connection.write_all(answer).await.expect("it is answered");
        });
        let error = is_ready(&url, Some(&reminder)).await.expect_err("the secret is missing");
        assert!(error.to_string().ends_with(&reminder), "{error}");
        server.await.expect("it has answered");
    }
    fs::write(machine.file("env"), format!("{ENV}CLIENT_ASSERTION_SIGNING_KEY=key\n"))
        .expect("written");
    let options = machine.options(&CLOUD);
    assert_eq!(machine.deployment(&options).expect("it is valid").reminder(), None);
}

#[test]
fn a_placeholder_of_the_guide_is_refused() {
    let machine = Machine::new();
    fs::write(machine.file("env"), ENV.replace("the-client", "…")).expect("written");
    let options = machine.options(&[CLOUD[0], CLOUD[1], "--dry-run"]);
    let error = machine.deployment(&options).err().expect("it is refused").to_string();
    assert!(error.contains("`auth0_client_id` still has the placeholder `…`"), "{error}");
}
