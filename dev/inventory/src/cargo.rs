//! Asks cargo what the component is made of.
//!
//! `cargo tree` selects features as a build does. `cargo metadata` does not: its features include
//! those that only tests ask for. So the graph comes from the former, and the latter describes the
//! packages.

use crate::{COMPONENT, Crate, Error, Id, Inventory, license};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Which crate depends on which.
type Graph = BTreeMap<Id, BTreeSet<Id>>;

pub(crate) fn inventory(root: &Path, targets: &[&str]) -> Result<Inventory, Error> {
    let (mut linked, mut all) = (Graph::new(), Graph::new());
    let mut packages = BTreeMap::new();
    for target in targets {
        add(&mut linked, tree(root, target, "normal,no-proc-macro")?);
        add(&mut all, tree(root, target, "normal,build")?);
        packages.extend(self::packages(root, target)?);
    }
    let checksums = checksums(root)?;
    let mut crates = BTreeMap::new();
    for (id, depends_on) in all {
        let package = packages
            .remove(&id)
            .ok_or_else(|| Error::format("the metadata", format!("{id:?} is missing")))?;
        let folder = package.manifest_path.parent().map(Path::to_owned).unwrap_or_default();
        let entry = Crate {
            is_linked: linked.contains_key(&id),
            license: license::normalized(&package.license.unwrap_or_default()),
            authors: package.authors.iter().map(|it| without_address(it)).collect(),
            repository: package.repository,
            checksum: checksums.get(&id).cloned(),
            folder,
            depends_on,
            id: id.clone(),
        };
        crates.insert(id, entry);
    }
    let id = crates.keys().find(|id| id.name == COMPONENT).cloned();
    let component = id.and_then(|id| crates.remove(&id));
    let component = component
        .ok_or_else(|| Error::format("the dependency tree", format!("there is no {COMPONENT}")))?;
    Ok(Inventory { crates, component, toolchain: toolchain(root)?, committed: committed(root) })
}

/// Adds the crates and the dependencies of another graph.
fn add(graph: &mut Graph, other: Graph) {
    for (id, depends_on) in other {
        graph.entry(id).or_default().extend(depends_on);
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .arg("--locked")
        .current_dir(root)
        .output()
        .map_err(|source| Error::Start { program: "cargo", source })?;
    if !output.status.success() {
        let command = if arguments.first() == Some(&"tree") { "tree" } else { "metadata" };
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Cargo { command, message });
    }
    String::from_utf8(output.stdout).map_err(|error| Error::format("cargo's output", error))
}

fn tree(root: &Path, target: &str, edges: &str) -> Result<Graph, Error> {
    let text = cargo(
        root,
        &[
            "tree",
            "--package",
            COMPONENT,
            "--target",
            target,
            "--edges",
            edges,
            "--prefix",
            "depth",
            "--format",
            "\t{p}",
        ],
    )?;
    graph(&text).ok_or_else(|| Error::format("the output of `cargo tree`", text))
}

/// Reads lines of depth, name and version, `2\tserde v1.0.200`. A crate is listed with what it
/// depends on the first time only.
fn graph(text: &str) -> Option<Graph> {
    let mut graph = Graph::new();
    let mut path: Vec<Id> = Vec::new();
    for line in text.lines() {
        let (depth, package) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let id = Id { name: name.to_owned(), version: version.to_owned() };
        path.truncate(depth.parse().ok()?);
        if let Some(parent) = path.last() {
            graph.entry(parent.clone()).or_default().insert(id.clone());
        }
        graph.entry(id.clone()).or_default();
        path.push(id);
    }
    Some(graph)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    authors: Vec<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
}

fn packages(root: &Path, target: &str) -> Result<BTreeMap<Id, Package>, Error> {
    let text = cargo(root, &["metadata", "--format-version", "1", "--filter-platform", target])?;
    let metadata: Metadata = serde_json::from_str(&text)
        .map_err(|error| Error::format("the output of `cargo metadata`", error))?;
    let with_id = |package: Package| {
        (Id { name: package.name.clone(), version: package.version.clone() }, package)
    };
    Ok(metadata.packages.into_iter().map(with_id).collect())
}

/// The name of an author, as manifests have it: `Name <address>`.
fn without_address(author: &str) -> String {
    author.split(" <").next().unwrap_or(author).to_owned()
}

#[derive(Deserialize)]
struct LockFile {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The SHA-256 of each package from the registry.
fn checksums(root: &Path) -> Result<BTreeMap<Id, String>, Error> {
    let locked: LockFile = parse(&root.join("Cargo.lock"), "the lock file")?;
    let packages = locked.package.into_iter();
    let checksum = |it: Locked| Some((Id { name: it.name, version: it.version }, it.checksum?));
    Ok(packages.filter_map(checksum).collect())
}

#[derive(Deserialize)]
struct ToolchainFile {
    toolchain: Toolchain,
}

#[derive(Deserialize)]
struct Toolchain {
    channel: String,
}

fn toolchain(root: &Path) -> Result<String, Error> {
    let file: ToolchainFile = parse(&root.join("rust-toolchain.toml"), "the toolchain file")?;
    Ok(file.toolchain.channel)
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path, what: &'static str) -> Result<T, Error> {
    let text =
        fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| Error::format(what, error))
}

/// When the source was committed; `None` outside of a Git repository.
fn committed(root: &Path) -> Option<String> {
    let mut git = Command::new("git");
    let output = git.args(["log", "-1", "--format=%cI"]).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> Id {
        Id { name: name.to_owned(), version: "1.0.0".to_owned() }
    }

    #[test]
    fn a_crate_depends_on_those_that_are_one_level_below_it() {
        let text =
            "0\ta v1.0.0 (/home/a)\n1\tb v1.0.0\n2\tc v1.0.0 (proc-macro)\n1\tc v1.0.0 (*)\n";
        let expected: Graph = [
            (id("a"), [id("b"), id("c")].into()),
            (id("b"), [id("c")].into()),
            (id("c"), [].into()),
        ]
        .into();
        assert_eq!(graph(text), Some(expected));
    }

    #[test]
    fn another_format_is_not_a_graph() {
        assert_eq!(graph("a v1.0.0\n"), None);
        assert_eq!(graph("0\ta 1.0.0\n"), None);
    }
}
