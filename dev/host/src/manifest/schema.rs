//! The TOML schema of a manifest.
//!
//! Fields that Spin ignores or that are for other programs are accepted and ignored. A field that
//! would change how the component runs and is not listed here, such as
//! `environment` or `sqlite_databases`, is an error that names the field.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Toml {
    pub(super) spin_manifest_version: i64,
    #[serde(rename = "application")]
    _application: IgnoredAny,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) trigger: Triggers,
    #[serde(default)]
    pub(super) component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    #[serde(default)]
    pub(super) required: bool,
    pub(super) default: Option<String>,
    #[serde(rename = "secret")]
    _secret: Option<bool>,
    #[serde(rename = "description")]
    _description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Triggers {
    #[serde(default)]
    pub(super) http: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trigger {
    pub(super) route: Route,
    pub(super) component: String,
    #[serde(rename = "id")]
    _id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Route {
    Public(String),
    /// `{ private = true }`: other components of the application can reach the component, and
    /// nobody else.
    Private(Private),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Private {
    pub(super) private: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    pub(super) source: String,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(super) key_value_stores: BTreeSet<String>,
    #[serde(default)]
    pub(super) files: Vec<File>,
    pub(super) build: Option<Build>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "targets")]
    _targets: Option<IgnoredAny>,
    #[serde(rename = "profile")]
    _profile: Option<IgnoredAny>,
    #[serde(rename = "tool")]
    _tool: Option<IgnoredAny>,
}

/// A file that the component can read.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum File {
    Path(String),
    Placement(Placement),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placement {
    pub(super) source: String,
    pub(super) destination: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Build {
    pub(super) command: Commands,
}

/// One or more build commands.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Commands {
    One(String),
    Several(Vec<String>),
}

impl Commands {
    /// Joins the commands to one shell command.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::One(command) => command,
            Self::Several(commands) => commands.join(" && "),
        }
    }
}
