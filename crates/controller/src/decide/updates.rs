//! UpdateFeatures: versions 0 to 2, all features or none since 2 (KIP-584, KIP-1022).

use config::BrokerConfig;
use kafka_protocol::messages::UpdateFeaturesResponse;
use kafka_protocol::messages::update_features_response::UpdatableFeatureResult;
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::records::metadata::{FeatureLevelRecord, MetadataRecord};
use wire::request::{FeatureUpdateKey, UpdateFeaturesRequest};

use super::{Decision, Refusal};
use crate::features::{self, DISABLED, METADATA_VERSION};
use crate::image::Image;

/// What may become of a level that is lower or higher than the current one.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid update version {level} for feature {name}. {reason}")]
struct Error {
    name: String,
    level: i16,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("The controller does not support the given upgrade type.")]
    UnknownUpgradeType,
    #[error("A feature version cannot be less than 0.")]
    Negative,
    #[error("Local controller {node_id} does not support this feature.")]
    Unsupported { node_id: i32 },
    #[error("Local controller {node_id} only supports versions {min}-{max}")]
    OutOfRange { node_id: i32, min: i16, max: i16 },
    #[error(
        "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
         downgrade."
    )]
    Downgrade,
    #[error("Can't downgrade to a newer version.")]
    Upgrade,
    #[error("Feature {0} not found.")]
    Unknown(String),
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidUpdateVersion
    }
}

pub fn update_features(
    image: &Image,
    config: &BrokerConfig,
    request: &UpdateFeaturesRequest,
    version: i16,
) -> Decision<UpdateFeaturesResponse> {
    let updates = request.feature_updates.iter().map(|update| {
        let error = |reason| Error {
            name: update.feature.clone(),
            level: update.max_version_level,
            reason,
        };
        update_feature(image, config, update).map_err(error)
    });
    let records: Vec<_> = match updates.collect::<Result<Vec<_>, _>>() {
        Ok(records) => records.into_iter().flatten().collect(),
        Err(error) => return refuse(&error),
    };
    let shown = if version <= 1 {
        request.feature_updates.as_slice()
    } else {
        &[]
    };
    let results = shown.iter().map(|update| {
        UpdatableFeatureResult::default()
            .with_feature(StrBytes::from_string(update.feature.clone()))
            .with_error_message(Some(StrBytes::from_static_str("NONE")))
    });
    let response = UpdateFeaturesResponse::default()
        .with_error_message(None)
        .with_results(results.collect());
    Decision {
        records: if request.validate_only {
            Vec::new()
        } else {
            records
        },
        response,
    }
}

fn refuse(error: &Error) -> Decision<UpdateFeaturesResponse> {
    let prefix = "The update failed for all features since the following feature had an error";
    let message = StrBytes::from_string(format!("{prefix}: {error}"));
    Decision::answer(
        UpdateFeaturesResponse::default()
            .with_error_code(error.code().code())
            .with_error_message(Some(message)),
    )
}

/// The record of the change; none if the feature is at that level already.
fn update_feature(
    image: &Image,
    config: &BrokerConfig,
    update: &FeatureUpdateKey,
) -> Result<Option<MetadataRecord>, Reason> {
    let FeatureUpdateKey {
        feature: name,
        max_version_level: level,
        upgrade_type,
        ..
    } = update;
    if !matches!(*upgrade_type, UPGRADE | SAFE_DOWNGRADE | UNSAFE_DOWNGRADE) {
        return Err(Reason::UnknownUpgradeType);
    }
    if *level < 0 {
        return Err(Reason::Negative);
    }
    let node_id = config.server.node_id;
    match features::supported(name) {
        Some(f) if !(f.min..=f.max).contains(level) => {
            return Err(Reason::OutOfRange {
                node_id,
                min: f.min,
                max: f.max,
            });
        }
        None if *level > 0 => return Err(Reason::Unsupported { node_id }),
        _ => {}
    }
    let current = image.feature_level(name);
    if *level < current && *upgrade_type == UPGRADE {
        return Err(Reason::Downgrade);
    }
    if *level > current && *upgrade_type != UPGRADE {
        return Err(Reason::Upgrade);
    }
    if name != METADATA_VERSION && !DISABLED.contains(&name.as_str()) {
        return Err(Reason::Unknown(name.clone()));
    }
    let record = FeatureLevelRecord {
        name: name.clone(),
        feature_level: *level,
    };
    Ok((*level != current).then_some(MetadataRecord::FeatureLevel(record)))
}
