//! Reads the manifests of tool components.

use crate::Error;
use std::{
    fs,
    path::{Path, PathBuf},
};
use toml::Table;

/// The manifest of one or more tool components.
#[derive(Debug)]
pub(super) struct ToolManifest {
    /// Its path.
    pub(super) path: PathBuf,
    /// Its content.
    pub(super) content: Table,
}

impl ToolManifest {
    /// The folder that its paths are relative to.
    pub(super) fn home(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The components, by name.
    pub(super) fn components(&self) -> impl Iterator<Item = (&str, &Table)> {
        let components = self.content.get("component").and_then(toml::Value::as_table);
        let components = components.into_iter().flatten();
        components.filter_map(|(id, component)| Some((id.as_str(), component.as_table()?)))
    }
}

/// Reads the manifest in a folder, or else those in the folders in it, in the order of their names.
///
/// # Errors
/// Returns an error if there is none, or if one is not TOML.
pub(super) fn read(folder: &Path) -> Result<Vec<ToolManifest>, Error> {
    let shown = folder.display();
    let unreadable = |error| Error::usage(format!("Cannot read {shown}: {error}"));
    let mut paths = vec![folder.join("spin.toml")];
    if !paths[0].is_file() {
        let entries = fs::read_dir(folder).map_err(unreadable)?;
        paths = entries.flatten().map(|entry| entry.path().join("spin.toml")).collect();
        paths.retain(|path| path.is_file());
        paths.sort();
    }
    if paths.is_empty() {
        return Err(Error::usage(format!(
            "There are no tool components in {shown}: neither it nor a folder in it has a \
             spin.toml. See docs/tools.md."
        )));
    }
    paths.into_iter().map(parse).collect()
}

fn parse(path: PathBuf) -> Result<ToolManifest, Error> {
    let shown = path.display().to_string();
    let failed =
        |error: &dyn std::fmt::Display| Error::usage(format!("Cannot read {shown}: {error}"));
    let path = std::path::absolute(path).map_err(|error| failed(&error))?;
    let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
    let content = text.parse().map_err(|error| failed(&error))?;
    Ok(ToolManifest { path, content })
}
