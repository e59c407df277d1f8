//! The revisions of the protocol, in two eras.

/// The one revision of the modern era. Every later one compares greater.
pub const MODERN_VERSION: &str = "2026-07-28";

/// Every revision that is served, the newest first.
pub fn supported_versions() -> impl Iterator<Item = &'static str> {
    [MODERN_VERSION].into_iter().chain(LegacyVersion::ALL.map(LegacyVersion::as_str))
}

/// The two families of protocol revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// The client opens with `initialize`. The revision is the one that this request names or
    /// implies.
    Legacy(LegacyVersion),
    /// 2026-07-28: every request carries its version and capabilities in `_meta`, and headers that
    /// agree with the body.
    Modern,
}

/// A revision of the legacy era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegacyVersion {
    /// 2024-11-05.
    V2024_11_05,
    /// 2025-03-26, the last revision that has batches and whose clients name it in no header.
    V2025_03_26,
    /// 2025-06-18.
    V2025_06_18,
    /// 2025-11-25, the last revision of this era.
    V2025_11_25,
}

impl LegacyVersion {
    /// The last one.
    pub const LATEST: Self = Self::V2025_11_25;

    pub(crate) const ALL: [Self; 4] =
        [Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26, Self::V2024_11_05];

    /// The revision as the protocol writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
        }
    }

    /// The revision that the protocol writes like this.
    #[must_use]
    pub fn parse(version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == version)
    }
}
