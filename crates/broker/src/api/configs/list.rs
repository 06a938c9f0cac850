//! ListConfigResources: what there is to configure.

use ::controller::Image;
use ::controller::image::ConfigResourceType;
use kafka_protocol::messages::ListConfigResourcesResponse;
use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use wire::ErrorCode;
use wire::request::ListConfigResourcesRequest;

use super::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC, text};
use crate::api::Call;

pub(crate) fn list(
    call: &Call,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let types = match (call.version(), request.resource_types.as_slice()) {
        (0, _) => &[CLIENT_METRICS],
        (_, []) => &[GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC][..],
        (_, types) => types,
    };
    let is_known = |kind: &i8| {
        matches!(
            *kind,
            TOPIC | BROKER | BROKER_LOGGER | CLIENT_METRICS | GROUP
        )
    };
    if !types.iter().all(is_known) {
        return ListConfigResourcesResponse::default()
            .with_error_code(ErrorCode::UnsupportedVersion.code());
    }
    let image = call.broker.image();
    let resources = types.iter().flat_map(|kind| {
        let resource = |name| {
            ConfigResource::default()
                .with_resource_name(text(name))
                .with_resource_type(*kind)
        };
        names(&image, *kind).into_iter().map(resource)
    });
    ListConfigResourcesResponse::default().with_config_resources(resources.collect())
}

fn names(image: &Image, kind: i8) -> Vec<String> {
    match kind {
        TOPIC => image.topics().map(|topic| topic.name.to_string()).collect(),
        BROKER | BROKER_LOGGER => image
            .brokers()
            .map(|broker| broker.id.to_string())
            .collect(),
        GROUP => configured(image, ConfigResourceType::Group),
        _ => configured(image, ConfigResourceType::ClientMetrics),
    }
}

/// A group or subscription is a resource once it is configured.
fn configured(image: &Image, kind: ConfigResourceType) -> Vec<String> {
    let resources = image
        .configs()
        .filter(|(resource, overrides)| resource.kind == kind && !overrides.is_empty());
    let mut names: Vec<_> = resources
        .map(|(resource, _)| resource.name.to_string())
        .collect();
    names.sort_unstable();
    names
}
