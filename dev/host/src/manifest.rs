//! The parts of the application manifest, `spin.toml`, that this host supports.

mod schema;

use crate::routes::{Routes, UnsupportedRoute};
use crate::template::{Template, UnmatchedBraces};
use crate::variables::{Declaration, name_problem};
use schema::Toml;
use std::collections::{BTreeMap, BTreeSet};

/// The application that the host runs.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The declared variables.
    pub(crate) variables: BTreeMap<String, Declaration>,
    /// The routes of the component.
    pub(crate) routes: Routes,
    /// The component that handles the requests.
    pub(crate) component: Component,
}

/// The component that handles the requests.
#[derive(Debug)]
pub(crate) struct Component {
    /// The component's name in the manifest.
    pub(crate) id: String,
    /// The Wasm file, relative to the manifest.
    pub(crate) source: String,
    /// The build command.
    pub(crate) build: Option<String>,
    /// The variables that the component can read.
    pub(crate) variables: BTreeMap<String, Template>,
    /// The hosts that the component may send requests to.
    pub(crate) allowed_hosts: Vec<Template>,
    /// The key-value stores that the component may open.
    pub(crate) key_value_stores: BTreeSet<String>,
}

/// The reason why a manifest is invalid or unsupported.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The manifest is not TOML, or has a field that is invalid or that this host does not support.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// The manifest's version is not 2.
    #[error("spin_manifest_version is {0}, but this host supports version 2 only")]
    Version(i64),
    /// The HTTP triggers do not all name the same component.
    #[error("this host runs one component, but the manifest's HTTP triggers name {0:?}")]
    Components(Vec<String>),
    /// A trigger names an undefined component.
    #[error("a trigger names component {0:?}, which the manifest does not define")]
    UndefinedComponent(String),
    /// This host does not support a route.
    #[error(transparent)]
    Route(#[from] UnsupportedRoute),
    /// A variable's name is invalid.
    #[error("invalid variable name: {name:?}: {reason}")]
    VariableName {
        /// The name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A variable is both required and has a default, or neither.
    #[error("variable {0:?} must be `required` OR have a `default`")]
    VariableDefault(String),
    /// A template has unmatched braces.
    #[error("invalid variable template: {0}")]
    Template(#[from] UnmatchedBraces),
    /// A template refers to an undeclared variable.
    #[error("invalid variable template: unknown variable {0:?}")]
    UnknownVariable(String),
    /// The component's key-value store does not exist.
    #[error("unknown key_value_stores label {label:?} for component {component:?}")]
    UnknownStore {
        /// The store.
        label: String,
        /// The component.
        component: String,
    },
}

impl Manifest {
    /// Parses and checks a manifest.
    pub(crate) fn parse(text: &str) -> Result<Self, ManifestError> {
        let toml: Toml = toml::from_str(text)?;
        if toml.spin_manifest_version != 2 {
            return Err(ManifestError::Version(toml.spin_manifest_version));
        }
        let variables = declarations(toml.variables)?;
        let triggers = toml.trigger.http;
        let mut ids: BTreeSet<_> = triggers.iter().map(|t| t.component.clone()).collect();
        let id = match (ids.pop_first(), ids.is_empty()) {
            (Some(id), true) => id,
            (first, _) => {
                return Err(ManifestError::Components(first.into_iter().chain(ids).collect()));
            }
        };
        let mut components = toml.component;
        let component = match components.remove(&id) {
            Some(component) => Component::new(id, component, &variables)?,
            None => return Err(ManifestError::UndefinedComponent(id)),
        };
        let routes = Routes::parse(triggers.into_iter().map(|trigger| trigger.route))?;
        Ok(Self { variables, routes, component })
    }
}

impl Component {
    fn new(
        id: String,
        toml: schema::Component,
        declared: &BTreeMap<String, Declaration>,
    ) -> Result<Self, ManifestError> {
        let unknown = toml.key_value_stores.iter().find(|label| *label != "default");
        if let Some(label) = unknown {
            return Err(ManifestError::UnknownStore { label: label.clone(), component: id });
        }
        let mut variables = BTreeMap::new();
        for (name, value) in toml.variables {
            check_name(&name)?;
            variables.insert(name, template(&value, declared)?);
        }
        let allowed_hosts = toml.allowed_outbound_hosts.iter();
        let allowed_hosts = allowed_hosts.map(|host| template(host, declared));
        Ok(Self {
            source: toml.source,
            build: toml.build.map(|build| build.command.into_text()),
            variables,
            allowed_hosts: allowed_hosts.collect::<Result<_, _>>()?,
            key_value_stores: toml.key_value_stores,
            id,
        })
    }
}

fn declarations(
    variables: BTreeMap<String, schema::Variable>,
) -> Result<BTreeMap<String, Declaration>, ManifestError> {
    let mut declared = BTreeMap::new();
    for (name, variable) in variables {
        check_name(&name)?;
        if variable.required == variable.default.is_some() {
            return Err(ManifestError::VariableDefault(name));
        }
        declared.insert(name, Declaration { default: variable.default });
    }
    Ok(declared)
}

/// Checks the name of a variable. A declaration has one rule more than a lookup.
fn check_name(name: &str) -> Result<(), ManifestError> {
    let word = name.split('_').find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let reason = word
        .map(|word| format!("'_'-separated words must start with an ASCII letter; got {word:?}"));
    match name_problem(name).or(reason) {
        Some(reason) => Err(ManifestError::VariableName { name: name.to_owned(), reason }),
        None => Ok(()),
    }
}

fn template(
    text: &str,
    declared: &BTreeMap<String, Declaration>,
) -> Result<Template, ManifestError> {
    let template = Template::parse(text)?;
    if let Some(unknown) = template.variables().find(|name| !declared.contains_key(*name)) {
        return Err(ManifestError::UnknownVariable(unknown.to_owned()));
    }
    Ok(template)
}

#[cfg(test)]
mod tests;
