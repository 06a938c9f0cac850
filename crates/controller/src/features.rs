//! The features that this software knows, and the levels that it can work at.
//!
//! Invariant: a level is listed only when all that it promises is there; what is not listed is at
//! level 0 and stays there.

/// Kafka's name for the version of the metadata log's records.
pub const METADATA_VERSION: &str = "metadata.version";

/// Kafka 4.3-IV0.
pub const METADATA_VERSION_LEVEL: i16 = 30;

/// A feature and the levels that can be finalized, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupportedFeature {
    pub name: &'static str,
    pub min: i16,
    pub max: i16,
}

/// Records are written in the formats of one metadata version only, so there is no other to go to.
pub const SUPPORTED: &[SupportedFeature] = &[SupportedFeature {
    name: METADATA_VERSION,
    min: METADATA_VERSION_LEVEL,
    max: METADATA_VERSION_LEVEL,
}];

/// Kafka's other features: known by name, and disabled.
pub(crate) const DISABLED: &[&str] = &[
    "eligible.leader.replicas.version",
    "group.version",
    "kraft.version",
    "share.version",
    "streams.version",
    "transaction.version",
];

pub fn supported(name: &str) -> Option<SupportedFeature> {
    SUPPORTED
        .iter()
        .find(|feature| feature.name == name)
        .copied()
}
