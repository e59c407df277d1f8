//! The manifests that are deployed: those of the repository, with what depends on the tenant.

use super::plan::Setting;
use crate::{Error, cli::Target, workspace};
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};
use toml::{Table, Value};

/// The tenant in `spin.cloud.toml` and `deploy/kube/`.
const EXAMPLE_TENANT: &str = "example.eu.auth0.com";
/// The URL in `deploy/kube/`.
const EXAMPLE_URL: &str = "https://mcp.example.com";
/// The image in `deploy/kube/`.
const EXAMPLE_IMAGE: &str = "registry.example.com/doorward:0.1.0";

/// The annotation of the pods in `deploy/kube/` that each deployment changes. Pods read secrets
/// when they start, and a Deployment replaces its pods only if their template changes.
pub(super) const STAMP: &str = "doorward-deployment";

/// The variables of the component in `deploy/kube/`.
const OWN_IN_CLUSTER: [&str; 5] = [
    "auth0_client_id",
    "auth0_client_secret",
    "auth0_domain",
    "revocation_secret",
    "server_secret",
];

fn read(name: &str) -> Result<String, Error> {
    let path = workspace::root().join(name);
    fs::read_to_string(&path)
        .map_err(|error| Error::usage(format!("Cannot read {}: {error}", path.display())))
}

fn table(name: &str) -> Result<Table, Error> {
    read(name)?.parse().map_err(|error| Error::usage(format!("{name} is not valid: {error}")))
}

/// The variables of the manifest, and whether each is a secret.
///
/// # Errors
/// Returns an error if the manifest cannot be read.
pub(super) fn secrets() -> Result<BTreeMap<String, bool>, Error> {
    let manifest = table("spin.toml")?;
    let variables = manifest.get("variables").and_then(Value::as_table).into_iter().flatten();
    let is_secret = |entry: &Value| entry.get("secret").and_then(Value::as_bool) == Some(true);
    Ok(variables.map(|(name, entry)| (name.clone(), is_secret(entry))).collect())
}

/// The manifest of a target with the path of the component, and with the tenant where hosts are
/// written out.
///
/// # Errors
/// Returns an error if the manifest cannot be read.
pub(super) fn adapted(
    target: Target,
    component: &Path,
    settings: &[Setting],
) -> Result<String, Error> {
    let mut manifest = table(target.manifest())?;
    let entry = manifest
        .get_mut("component")
        .and_then(|components| components.get_mut(workspace::COMPONENT))
        .and_then(Value::as_table_mut)
        .ok_or_else(|| Error::usage(format!("{} has no component.", target.manifest())))?;
    entry.insert("source".to_owned(), component.to_string_lossy().into_owned().into());
    // The component is built already.
    entry.remove("build");
    if target == Target::Cloud {
        let hosts = entry.get_mut("allowed_outbound_hosts").and_then(Value::as_array_mut);
        if let Some(hosts) = hosts {
            let value =
                |name: &str| settings.iter().find(|it| it.name == name).map(|it| it.value.as_str());
            let tenant = value("auth0_domain").unwrap_or_default();
            let example = format!("https://{EXAMPLE_TENANT}");
            for host in hosts.iter_mut().filter(|host| host.as_str() == Some(&example)) {
                *host = format!("https://{tenant}").into();
            }
            // Where hosts are literal, these have to be among them.
            for name in ["management_url", "google_api_url"] {
                if let Some(url) = value(name).filter(|url| !url.is_empty()) {
                    hosts.push(url.into());
                }
            }
        }
    }
    toml::to_string(&manifest)
        .map_err(|error| Error::usage(format!("Cannot write the manifest: {error}")))
}

/// `deploy/kube/doorward.yaml` with the values of this deployment, and with its stamp.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(super) fn spin_app(
    url: &str,
    image: &str,
    settings: &[Setting],
    stamp: &str,
) -> Result<String, Error> {
    let domain = settings.iter().find(|it| it.name == "auth0_domain");
    let domain = domain.map(|it| it.value.as_str()).unwrap_or_default();
    let mut text = read("deploy/kube/doorward.yaml")?
        .replace(EXAMPLE_IMAGE, image)
        .replace(EXAMPLE_URL, url)
        .replace(EXAMPLE_TENANT, domain)
        .replace(&format!("{STAMP}: by-hand"), &format!("{STAMP}: {stamp}"));
    // The variables are the last list of the file.
    for Setting { name, value, is_secret } in settings {
        if OWN_IN_CLUSTER.contains(&name.as_str()) {
            continue;
        }
        // Writing to a string cannot fail. JSON is YAML, too.
        let _ = match is_secret {
            false => {
                write!(text, "    - name: {name}\n      value: {}\n", serde_json::json!(value))
            }
            true => write!(
                text,
                "    - name: {name}\n      valueFrom:\n        secretKeyRef:\n          name: \
                 doorward\n          key: {name}\n"
            ),
        };
    }
    Ok(text)
}
