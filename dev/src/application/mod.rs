//! The server and tool components beside it, as one Spin application.
//!
//! A tool component is in a folder with a `spin.toml` of its own. What its entry of `upstreams`
//! would be is in `[component.<name>.tool.doorward]` there, which Spin leaves to other programs.

mod build;
mod compose;
mod folder;

pub(crate) use crate::build::Progress;

use crate::{Error, build::Toolchain, tools, tools::Access, workspace};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// The server and tool components, as one application. Its manifest is removed with this.
#[derive(Debug)]
pub struct Application {
    folder: TempDir,
    tools: Vec<tools::Tool>,
}

impl Application {
    /// Builds the tool components of a folder, or of the folders in it, and composes the manifest
    /// of the server with them. `upstreams` is the value of that variable, to which they are added.
    ///
    /// # Errors
    /// Returns an error if the folder has no tool components, a program that builds them is
    /// missing or fails, or two components have the same name.
    pub async fn build(folder: &Path, upstreams: &str) -> Result<Self, Error> {
        Self::start(folder, upstreams, Some(Progress::Quiet)).await
    }

    /// Composes the manifest with the tool components of the last build.
    ///
    /// # Errors
    /// Returns an error if the folder has no tool components, or two of them have the same name.
    pub async fn of_last_build(folder: &Path, upstreams: &str) -> Result<Self, Error> {
        Self::start(folder, upstreams, None).await
    }

    /// Like [`build`](Self::build), with the output of the commands or without it.
    pub(crate) async fn start(
        folder: &Path,
        upstreams: &str,
        build: Option<Progress>,
    ) -> Result<Self, Error> {
        let manifests = folder::read(folder)?;
        // Before the builds, so that an error comes at once.
        let composed = compose::compose(&workspace::manifest(), &manifests, upstreams)?;
        if let Some(progress) = build {
            let toolchain = Toolchain::from_env();
            for manifest in &manifests {
                build::run(manifest, &toolchain, progress).await?;
            }
        }
        let failed = |error: io::Error| Error::start(format!("Cannot write a manifest: {error}"));
        let folder = tempfile::tempdir().map_err(failed)?;
        fs::write(folder.path().join("spin.toml"), composed.manifest).map_err(failed)?;
        Ok(Self { folder, tools: tools::of_upstreams(&composed.upstreams) })
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.folder.path().join("spin.toml")
    }

    /// The permissions that its tools need, with a description of each.
    pub fn permissions(&self) -> Vec<(String, String)> {
        let private = self.tools.iter().filter(|tool| tool.access == Access::Private);
        private.map(|tool| (tool.permission(), tool.description.clone())).collect()
    }

    /// The names of its tools, of those that are named.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|tool| tool.name.as_str())
    }
}
