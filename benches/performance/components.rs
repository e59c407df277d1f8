//! The components that are measured, built for release.

use std::path::PathBuf;

/// Where they are.
pub(crate) struct Components {
    /// The server itself.
    pub(crate) doorward: PathBuf,
    /// What does nothing, in `benches/floor`.
    pub(crate) floor: PathBuf,
}

impl Components {
    pub(crate) fn build() -> Self {
        Self {
            doorward: doorward_dev::build_component(),
            floor: doorward_dev::build_package("doorward-floor"),
        }
    }
}
