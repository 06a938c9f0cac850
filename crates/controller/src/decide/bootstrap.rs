//! The first records of a new cluster.

use wire::records::metadata::{FeatureLevelRecord, MetadataRecord};

use crate::features::{METADATA_VERSION, METADATA_VERSION_LEVEL};
use crate::image::Image;

/// What a controller writes when it becomes active: the metadata version, if there is none yet.
pub fn bootstrap(image: &Image) -> Vec<MetadataRecord> {
    if image.feature_level(METADATA_VERSION) > 0 {
        return Vec::new();
    }
    vec![MetadataRecord::FeatureLevel(FeatureLevelRecord {
        name: METADATA_VERSION.to_owned(),
        feature_level: METADATA_VERSION_LEVEL,
    })]
}
