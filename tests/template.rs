//! The template of `spin new` in `templates/doorward`: it makes a server that builds, answers
//! calls, and has the variables and the settings of this workspace.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use doorward_dev::{Host, HostChoice, Stack, StackOptions, Wasi};
use doorward_spin::declared_variables;
use serde_json::{Value, json};
use toml::Table;

/// The name of the server.
const NAME: &str = "my-server";

/// The default of the parameter `project-description`.
const DESCRIPTION: &str = "An MCP server";

/// The default of the parameter `doorward`.
const CLONE: &str = "../doorward";

/// The text of files by their paths.
type Files = BTreeMap<PathBuf, String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("the file can be read")
}

/// A folder of this test.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("template").join(name)
}

/// All files in `folder`, but for what Git and cargo put there.
fn files(folder: &Path) -> Files {
    let mut all = Files::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(parent) = folders.pop() {
        for entry in fs::read_dir(folder.join(&parent)).expect("the folder can be read") {
            let entry = entry.expect("the entry can be read");
            let path = parent.join(entry.file_name());
            if !entry.path().is_dir() {
                all.insert(path, fs::read_to_string(entry.path()).expect("the file is text"));
            } else if entry.file_name() != ".git" {
                folders.push(path);
            }
        }
    }
    all
}

/// The template for Doorward at this path or URL, rendered without Spin.
fn rendered(doorward: &str) -> Files {
    let content = files(&root().join("templates/doorward/content"));
    let render = |(path, text): (PathBuf, String)| {
        let is_template = path.extension() == Some(OsStr::new("tmpl"));
        let path = if is_template { path.with_extension("") } else { path };
        (path, render(&text, doorward))
    };
    content.into_iter().map(render).collect()
}

/// Renders the part of Liquid that the template uses: the values of its parameters, `raw`, and one
/// kind of `if`.
fn render(template: &str, doorward: &str) -> String {
    let parts = template.split("{% raw %}").flat_map(|part| part.split("{% endraw %}"));
    let render_part = |(index, part): (usize, &str)| {
        let is_raw = index % 2 == 1;
        if is_raw {
            return part.to_owned();
        }
        let mut text = part.to_owned();
        if let Some((before, rest)) = part.split_once("{% if doorward contains \"://\" %}") {
            let (git, rest) = rest.split_once("{% else %}").expect("there is an `else`");
            let (path, after) = rest.split_once("{% endif %}").expect("the `if` ends");
            let branch = if doorward.contains("://") { git } else { path };
            text = format!("{before}{branch}{after}");
        }
        let text = text
            .replace("{{project-name | kebab_case}}", NAME)
            .replace("{{project-name | snake_case}}", &NAME.replace('-', "_"))
            .replace("{{project-description}}", DESCRIPTION)
            .replace("{{doorward}}", doorward);
        assert!(!text.contains("{{") && !text.contains("{%"), "this test cannot render {text}");
        text
    };
    parts.enumerate().map(render_part).collect()
}

fn parse(toml: &str) -> Table {
    toml.parse().unwrap_or_else(|error| panic!("{error}: {toml}"))
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {text}");
    output
}

#[test]
fn the_manifest_has_every_variable_that_the_library_reads() {
    let mut files = rendered(CLONE);
    let mut file = |name: &str| files.remove(Path::new(name)).expect("the template has this file");
    let (mut manifest, readme) = (parse(&file("spin.toml")), file("README.md"));
    let component = manifest["component"][NAME].clone();
    let given = component["variables"].as_table().expect("it is a table");
    let declared = manifest["variables"].as_table_mut().expect("it is a table");
    for variable in declared_variables() {
        let name = variable.name;
        let default = match name {
            // These depend on the server.
            "public_url" => Some("http://127.0.0.1:3000"),
            "scopes_supported" => Some("tool:greet"),
            _ => variable.default,
        };
        let mut expected = Table::new();
        match default {
            Some(default) => expected.insert("default".to_owned(), default.into()),
            None => expected.insert("required".to_owned(), true.into()),
        };
        if variable.is_secret {
            expected.insert("secret".to_owned(), true.into());
        }
        assert_eq!(declared.remove(name), Some(expected.into()), "{name} in [variables]");
        let value = given.get(name).and_then(|value| value.as_str());
        assert_eq!(value, Some(format!("{{{{ {name} }}}}").as_str()), "{name} of the component");
        let line = format!("\nSPIN_VARIABLE_{}=", name.to_uppercase());
        assert!(default.is_some() || readme.contains(&line), "{name} in the README");
    }
    assert_eq!(given.len(), declared_variables().count(), "{given:?}");
    // The other variables are hosts that the component may send requests to.
    let ours = parse(&read("spin.toml"));
    let (hosts, ours) = (&component["allowed_outbound_hosts"], &ours["component"]["doorward"]);
    assert_eq!(hosts, &ours["allowed_outbound_hosts"]);
    assert_eq!(component["key_value_stores"], ours["key_value_stores"]);
    for name in declared.keys() {
        assert!(hosts.to_string().contains(&format!("{{{{ {name} }}}}")), "{name} is unused");
    }
}

#[test]
fn a_new_server_is_built_with_the_settings_of_this_workspace() {
    let files = rendered(CLONE);
    let both = |name: &str| (parse(&files[Path::new(name)]), parse(&read(name)));
    let (package, ours) = both("Cargo.toml");
    assert_eq!(package["profile"]["release"], ours["profile"]["release"]);
    assert_eq!(package["dependencies"]["idna_adapter"], ours["dependencies"]["idna_adapter"]);
    for key in ["edition", "rust-version"] {
        assert_eq!(package["package"][key], ours["workspace"]["package"][key], "{key}");
    }
    let (toolchain, ours) = both("rust-toolchain.toml");
    assert_eq!(toolchain, ours);
    let (config, ours) = both(".cargo/config.toml");
    let flags = |config: &Table| -> Vec<String> {
        let flags = config["target"]["cfg(target_family = \"wasm\")"]["rustflags"]
            .as_array()
            .expect("a list");
        flags.iter().map(|flag| flag.as_str().expect("a flag is text").to_owned()).collect()
    };
    // The package of this repository has a build script, which sets the flags of the linker.
    let script = read("build.rs");
    let linker = script.split("rustc-link-arg-cdylib=").skip(1);
    let linker = linker.filter_map(|rest| rest.split('"').next());
    let linker = linker.flat_map(|flag| ["-C".to_owned(), format!("link-arg={flag}")]);
    assert_eq!(flags(&config), flags(&ours).into_iter().chain(linker).collect::<Vec<_>>());
}

/// Without Spin on PATH this test does nothing. On CI with `DOORWARD_REQUIRE_SPIN=1` it fails
/// instead.
#[tokio::test]
async fn spin_installs_the_template_and_makes_a_server_of_it() {
    let program = match HostChoice::Spin.resolve(Wasi::V0_3).await {
        Ok(Host::Spin { program, .. }) => program,
        missing => {
            let is_required = env::var("DOORWARD_REQUIRE_SPIN").is_ok_and(|value| value == "1");
            assert!(env::var_os("CI").is_none() || !is_required, "{missing:?}");
            return;
        }
    };
    let (home, servers) = (folder("spin"), folder("servers"));
    for folder in [&home, &servers] {
        // It is missing the first time.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).expect("the folder is created");
    }
    let spin = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        // The user's own templates are in the data folder.
        command.args(arguments).env("SPIN_DATA_DIR", &home).current_dir(&servers);
        command
    };
    run(spin(&["templates", "install", "--dir"]).arg(root()));
    let new = ["new", "--template", "doorward", NAME, "--accept-defaults"];
    run(&mut spin(&new));
    assert_eq!(files(&servers.join(NAME)), rendered(CLONE));
    let url = "https://git.example.com/doorward.git";
    run(spin(&new).args(["--output", "by-url", "--value", &format!("doorward={url}")]));
    assert_eq!(files(&servers.join("by-url")), rendered(url));
    let quote = spin(&new).args(["--output", "invalid", "--value", "doorward=\""]).output();
    assert!(!quote.expect("Spin runs").status.success(), "a quote ends the string in TOML");
}

/// Renders the server into a folder of this test and builds it with the command of its manifest.
/// Returns the paths of the manifest and of the component.
fn build() -> (PathBuf, PathBuf) {
    let server = folder(NAME);
    let lock = (PathBuf::from("Cargo.lock"), read("Cargo.lock"));
    let root = root().to_str().expect("the path is UTF-8");
    for (path, text) in rendered(root).into_iter().chain([lock]) {
        let path = server.join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it is created");
        // Keep what is unchanged, and cargo does not build it again.
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(path, text).expect("the file is written");
        }
    }
    let manifest = server.join("spin.toml");
    let text = fs::read_to_string(&manifest).expect("the manifest was written");
    let component = parse(&text)["component"][NAME].clone();
    let command = component["build"]["command"].as_str().expect("a command builds it");
    // As Spin runs it.
    let mut cargo = Command::new("sh");
    cargo.args(["-c", &format!("{command} --target-dir target")]);
    // These would replace the flags of the server.
    cargo.current_dir(&server).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = run(&mut cargo);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("profile package spec"), "a profile matches no package: {text}");
    let source = component["source"].as_str().expect("the component is a file");
    let source = server.join(source);
    (manifest, source)
}

async fn call(stack: &Stack, person: &str, method: &str, params: Value) -> Value {
    let token = stack.tenant().mint_for(person, "doorward-test", &["tool:greet"]);
    let token = token.expect("the seed has this person");
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = reqwest::Client::new().post(stack.mcp_url()).bearer_auth(token).json(&message);
    let answer = request.send().await.expect("the server answers");
    answer.json::<Value>().await.expect("the answer is JSON")
}

#[tokio::test]
async fn a_new_server_builds_and_its_tool_is_for_those_who_hold_the_permission() {
    let (manifest, component) = tokio::task::spawn_blocking(build).await.expect("it builds");
    let options = StackOptions {
        host: HostChoice::Local,
        manifest: Some(manifest),
        component: Some(component),
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("tenant and server start");
    let answer = call(&stack, "owner@example.com", "tools/list", json!({})).await;
    assert_eq!(answer["result"]["tools"][0]["name"], "greet", "{answer}");
    let arguments = json!({ "name": "greet", "arguments": { "name": "Ada" } });
    let answer = call(&stack, "owner@example.com", "tools/call", arguments.clone()).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("the result has a text");
    assert!(text.starts_with("Hello, Ada! Greetings from auth0|"), "{text}");
    let answer = call(&stack, "guest@example.com", "tools/list", json!({})).await;
    assert_eq!(answer["result"]["tools"], json!([]), "{answer}");
    let answer = call(&stack, "guest@example.com", "tools/call", arguments).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    stack.stop().await;
}
