//! What the component is made of, as cargo resolves it for a target: the crates that are linked,
//! and those that only run while it is built.
//!
//! [`Inventory::bill_of_materials`] is the SBOM of a release, [`Inventory::notices`] the text of
//! `THIRD-PARTY.md`.

mod bill;
mod cargo;
mod error;
mod license;
mod notices;

pub use error::Error;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The targets of the component that ships: for WASI 0.3 and for WASI 0.2.
pub const TARGETS: [&str; 2] = ["wasm32-wasip2", "wasm32-wasip1"];

/// The package whose library is the component.
const COMPONENT: &str = "doorward";

/// The component, with every crate that it is built from.
#[derive(Debug)]
pub struct Inventory {
    /// The crates by name and version, without the component itself.
    crates: BTreeMap<Id, Crate>,
    /// The component's package.
    component: Crate,
    /// The version of the toolchain, whose standard library is linked too.
    toolchain: String,
    /// When the source was committed (RFC 3339), if it is in a Git repository.
    committed: Option<String>,
}

/// A crate by name and version: cargo resolves each at most once per registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    name: String,
    version: String,
}

#[derive(Debug)]
struct Crate {
    id: Id,
    /// Whether code of it may be in the component. The others are macros, build scripts and what
    /// those use.
    is_linked: bool,
    /// The license, as an SPDX expression.
    license: String,
    authors: Vec<String>,
    repository: Option<String>,
    /// The SHA-256 of the package in the registry; `None` for a crate of this repository.
    checksum: Option<String>,
    /// The folder with its source.
    folder: PathBuf,
    depends_on: BTreeSet<Id>,
}

impl Inventory {
    /// Reads what the component of the workspace in `root` is made of if it is built for `targets`:
    /// the crates of all of them.
    ///
    /// # Errors
    /// Returns an error if cargo fails or if its lock file is out of date.
    pub fn read(root: &Path, targets: &[&str]) -> Result<Self, Error> {
        cargo::inventory(root, targets)
    }

    /// The crates of others.
    fn third_party(&self) -> impl Iterator<Item = &Crate> {
        self.crates.values().filter(|it| it.checksum.is_some())
    }

    /// The crates of others that a crate of this repository that is linked names in its manifest.
    pub fn direct_dependencies(&self) -> BTreeSet<&str> {
        let own = self.crates.values().filter(|it| it.checksum.is_none() && it.is_linked);
        let named = own.chain([&self.component]).flat_map(|it| &it.depends_on);
        let third_party =
            named.filter(|id| self.crates.get(id).is_some_and(|it| it.checksum.is_some()));
        third_party.map(|id| id.name.as_str()).collect()
    }
}
