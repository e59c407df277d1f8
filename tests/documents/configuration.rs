//! The variables: `spin.toml` and the tables in `docs/configuration.md` agree with the code.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use doorward_core::{
    access::Access,
    settings::{UNUSED_ORIGIN, Variable},
};
use doorward_spin::declared_variables;
use toml::{Table, Value};

/// If this variable is set, the tables are rewritten instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN_FILES";

const DOCUMENT: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- variables -->\n";
const END: &str = "<!-- /variables -->";

/// The defaults in this application's manifest that are not the library's.
static OWN_DEFAULTS: LazyLock<[(&str, String); 2]> = LazyLock::new(|| {
    let private: Vec<_> = doorward_tools::registry()
        .tools()
        .map(|tool| tool.requirement())
        .filter(|it| it.access == Access::Private)
        .map(|it| it.permission().to_string())
        .collect();
    [("public_url", "http://127.0.0.1:3000".to_owned()), ("scopes_supported", private.join(" "))]
});

/// The variables that the component does not read: only `allowed_outbound_hosts` uses them.
const HOSTS: [Variable; 3] = [
    Variable::optional(
        "issuer_origin",
        UNUSED_ORIGIN,
        "The origin of an [issuer](issuers.md), `https://login.example.com`",
    ),
    Variable::optional("second_issuer_origin", UNUSED_ORIGIN, "The origin of a second issuer"),
    Variable::optional("third_issuer_origin", UNUSED_ORIGIN, "The origin of a third issuer"),
];

#[test]
fn the_tables_of_variables_show_what_the_code_declares() {
    let text = read(DOCUMENT);
    let (before, rest) = text.split_once(BEGIN).expect("the document marks where they begin");
    let (tables, after) = rest.split_once(END).expect("the document marks where they end");
    let expected = groups().iter().map(|(title, rows)| table(title, rows)).collect::<String>();
    if env::var_os(UPDATE).is_some() {
        let text = format!("{before}{BEGIN}{expected}\n{END}{after}");
        fs::write(path(DOCUMENT), text).expect("the document can be written");
        return;
    }
    assert!(
        tables.trim() == expected.trim(),
        "{DOCUMENT} is out of date. Run `{UPDATE}=1 cargo test --test documents`. Expected:\n{expected}"
    );
}

#[test]
fn the_manifest_declares_each_variable_as_the_code_does() {
    let groups = groups();
    let all = groups.iter().flat_map(|(_, variables)| variables);
    let expected: Table = all
        .map(|variable| {
            let mut entry = Table::new();
            match default(variable) {
                Some(default) => entry.insert("default".to_owned(), default.into()),
                None => entry.insert("required".to_owned(), true.into()),
            };
            if variable.is_secret {
                entry.insert("secret".to_owned(), true.into());
            }
            (variable.name.to_owned(), Value::Table(entry))
        })
        .collect();
    assert_eq!(manifest("spin.toml").get("variables"), Some(&Value::Table(expected)));
}

#[test]
fn the_manifest_passes_the_component_what_it_reads_and_nothing_else() {
    let expected: Table = declared_variables()
        .map(|variable| (variable.name.to_owned(), template(variable).into()))
        .collect();
    assert_eq!(component().get("variables"), Some(&Value::Table(expected)));
}

#[test]
fn a_variable_that_the_component_does_not_read_names_a_host_that_it_may_reach() {
    let component = component();
    let hosts = component.get("allowed_outbound_hosts").and_then(Value::as_array);
    let hosts = hosts.expect("the component has a list of hosts");
    for variable in &HOSTS {
        assert!(hosts.contains(&template(variable).into()), "{} has no effect", variable.name);
    }
}

#[test]
fn the_manifest_for_hosts_without_templates_differs_in_hosts_build_and_two_defaults() {
    let (mut ours, mut cloud) = (manifest("spin.toml"), manifest("spin.cloud.toml"));
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let hosts = cloud["component"]["doorward"]["allowed_outbound_hosts"].clone();
    for host in hosts.as_array().expect("a list") {
        assert!(text(host).starts_with("https://") && !text(host).contains('{'), "{host}");
    }
    let source = text(&cloud["component"]["doorward"]["source"]);
    assert_eq!(source, "target/wasm32-wasip1/release/doorward.wasm");
    for manifest in [&mut ours, &mut cloud] {
        let component = manifest["component"]["doorward"].as_table_mut().expect("a table");
        for differs in ["allowed_outbound_hosts", "source", "build"] {
            component.remove(differs).expect("both have it");
        }
        component["variables"].as_table_mut().expect("a table").remove("local_tenant_url");
        let variables = manifest["variables"].as_table_mut().expect("a table");
        for differs in ["permission_cache_seconds", "store_buckets"] {
            variables.remove(differs).expect("both have it");
        }
        // Where hosts are literal, these have no use.
        for host_only in HOSTS.iter().map(|it| it.name).chain(["local_tenant_url"]) {
            variables.remove(host_only);
        }
    }
    assert_eq!(ours, cloud);
}

/// All variables, by the part that declares them: a title and the variables.
fn groups() -> [(&'static str, Vec<Variable>); 4] {
    let (oauth, auth0) = (doorward_oauth::VARIABLES, doorward_auth0::VARIABLES);
    let others = declared_variables().filter(|it| !oauth.contains(it) && !auth0.contains(it));
    [
        ("Server and access tokens", oauth.to_vec()),
        ("Tenant and permissions", auth0.to_vec()),
        ("Requests, audit log and APIs", others.copied().collect()),
        ("Hosts that the component may reach", HOSTS.to_vec()),
    ]
}

/// A heading and a Markdown table.
fn table(title: &str, variables: &[Variable]) -> String {
    let rows = variables.iter().map(|variable| {
        let default = match default(variable) {
            None => "required".to_owned(),
            Some("") if variable.is_secret => "empty; secret".to_owned(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        format!("| `{}` | {default} | {} |\n", variable.name, variable.meaning.trim())
    });
    format!(
        "\n### {title}\n\n| Variable | Default | Meaning |\n|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// The default in the manifest; `None` if the variable is required.
fn default(variable: &Variable) -> Option<&'static str> {
    let own = OWN_DEFAULTS.iter().find(|(name, _)| *name == variable.name);
    own.map(|(_, default)| default.as_str()).or(variable.default)
}

/// The variable's value, in a value of the manifest.
fn template(variable: &Variable) -> String {
    format!("{{{{ {} }}}}", variable.name)
}

fn component() -> Table {
    let components = manifest("spin.toml").remove("component");
    let component = components.and_then(|mut all| all.as_table_mut()?.remove("doorward"));
    match component {
        Some(Value::Table(component)) => component,
        _ => panic!("the manifest has no component `doorward`"),
    }
}

fn manifest(name: &str) -> Table {
    read(name).parse().expect("the manifest is TOML")
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).expect("the file can be read")
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
