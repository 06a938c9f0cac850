//! ApiVersions, versions 0 to 4 (KIP-35, KIP-511, KIP-584).

use controller::features;
use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::protocol::StrBytes;
use wire::request::ApiVersionsRequest;
use wire::{Api, ApiKey, ErrorCode};

use super::{Begun, Call};
use crate::net::Frame;

pub(crate) fn begin(mut call: Call, frame: Frame) -> Begun {
    if call.header.is_unknown_api_versions {
        // The client asks again in a version that it finds in this one (KIP-511).
        call.header.api_version = 0;
        let response = ApiVersionsResponse::default()
            .with_error_code(ErrorCode::UnsupportedVersion.code())
            .with_api_keys(
                ApiKey::ApiVersions
                    .served()
                    .map(served)
                    .into_iter()
                    .collect(),
            );
        return call.answered(call.encode(response));
    }
    super::now(call, frame, handle)
}

fn handle(call: &Call, request: ApiVersionsRequest) -> ApiVersionsResponse {
    if call.version() >= 3
        && !(is_valid(&request.client_software_name) && is_valid(&request.client_software_version))
    {
        return ApiVersionsResponse::default().with_error_code(ErrorCode::InvalidRequest.code());
    }
    let image = call.broker.image();
    let supported = features::SUPPORTED
        .iter()
        .filter(|feature| call.version() >= 4 || feature.min > 0)
        .map(|feature| {
            SupportedFeatureKey::default()
                .with_name(StrBytes::from_static_str(feature.name))
                .with_min_version(feature.min)
                .with_max_version(feature.max)
        });
    let finalized = image.features().iter().map(|(name, level)| {
        FinalizedFeatureKey::default()
            .with_name(StrBytes::from_string(name.to_string()))
            .with_min_version_level(*level)
            .with_max_version_level(*level)
    });
    ApiVersionsResponse::default()
        .with_api_keys(wire::api::SERVED.iter().map(served).collect())
        .with_supported_features(supported.collect())
        .with_finalized_features_epoch(image.offset())
        .with_finalized_features(finalized.collect())
}

fn served(api: &Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key.code())
        .with_min_version(api.advertised_from)
        .with_max_version(api.max_version)
}

/// The characters that KIP-511 allows in a client's name and version; the ends may not be dots or dashes.
fn is_valid(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.iter().copied().all(inner) && ends(bytes.first()) && ends(bytes.last())
}
