//! The parts of the application manifest, `spin.toml`, that this host supports.

mod schema;

use crate::chaining;
use crate::routes::{Routes, UnsupportedRoute};
use crate::template::{Template, UnmatchedBraces};
use crate::variables::{Declaration, name_problem};
use schema::{File, Placement, Private, Route, Toml};
use std::collections::{BTreeMap, BTreeSet};

/// The application that the host runs.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The declared variables.
    pub(crate) variables: BTreeMap<String, Declaration>,
    /// The public routes.
    pub(crate) routes: Routes,
    /// The components that triggers name, by name.
    pub(crate) components: BTreeMap<String, Component>,
    /// The component of the first trigger with a public route.
    pub(crate) main: String,
}

/// A component that handles requests.
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
    /// The files that the component can read: their paths in the component, and those on this
    /// machine, relative to the manifest.
    pub(crate) files: BTreeMap<String, String>,
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
    /// No trigger has a public route.
    #[error("no HTTP trigger has a public route")]
    NoPublicRoute,
    /// A route is a table other than `{ private = true }`.
    #[error("the route of component {0:?} must be a path or `{{ private = true }}`")]
    PrivateRoute(String),
    /// Two triggers make the same component reachable in the application.
    #[error("component {0:?} has more than one trigger with a private route")]
    TwoPrivateRoutes(String),
    /// A component may send requests to a component that does not exist.
    #[error("component {component:?} may reach {target:?}, but no trigger names such a component")]
    UnknownTarget {
        /// The component that may send requests.
        component: String,
        /// The component that does not exist.
        target: String,
    },
    /// A component has a folder or a pattern among its files.
    #[error("component {component:?}: this host supports single files only, not {file:?}")]
    Files {
        /// The component.
        component: String,
        /// The entry.
        file: String,
    },
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
        let (mut public, mut private) = (Vec::new(), BTreeSet::new());
        for trigger in toml.trigger.http {
            match trigger.route {
                Route::Public(route) => public.push((route, trigger.component)),
                Route::Private(Private { private: false }) => {
                    return Err(ManifestError::PrivateRoute(trigger.component));
                }
                Route::Private(Private { private: true }) => {
                    if let Some(twice) = private.replace(trigger.component) {
                        return Err(ManifestError::TwoPrivateRoutes(twice));
                    }
                }
            }
        }
        let main = public.first().map(|(_, id)| id.clone()).ok_or(ManifestError::NoPublicRoute)?;
        let mut defined = toml.component;
        let mut ids = private;
        ids.extend(public.iter().map(|(_, id)| id.clone()));
        let mut components = BTreeMap::new();
        for id in &ids {
            let Some(component) = defined.remove(id) else {
                return Err(ManifestError::UndefinedComponent(id.clone()));
            };
            for host in &component.allowed_outbound_hosts {
                let target = host.split_once("://").and_then(|(_, host)| chaining::target(host));
                if let Some(target) = target.filter(|t| *t != "*" && !ids.contains(*t)) {
                    let (component, target) = (id.clone(), target.to_owned());
                    return Err(ManifestError::UnknownTarget { component, target });
                }
            }
            components.insert(id.clone(), Component::new(id.clone(), component, &variables)?);
        }
        let routes = Routes::parse(public)?;
        Ok(Self { variables, routes, components, main })
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
        let mut files = BTreeMap::new();
        for file in toml.files {
            let (source, destination) = match file {
                File::Path(path) => (path.clone(), path),
                File::Placement(Placement { source, destination }) => (source, destination),
            };
            let steps = destination.split('/').any(|name| matches!(name, "." | ".."));
            if source.contains('*') || steps || destination.trim_matches('/').is_empty() {
                return Err(ManifestError::Files { component: id, file: source });
            }
            files.insert(destination.trim_start_matches('/').to_owned(), source);
        }
        let allowed_hosts = toml.allowed_outbound_hosts.iter();
        let allowed_hosts = allowed_hosts.map(|host| template(host, declared));
        Ok(Self {
            source: toml.source,
            build: toml.build.map(|build| build.command.into_text()),
            variables,
            allowed_hosts: allowed_hosts.collect::<Result<_, _>>()?,
            key_value_stores: toml.key_value_stores,
            files,
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
