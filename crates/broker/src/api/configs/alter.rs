//! AlterConfigs and IncrementalAlterConfigs: the controller decides, except about the log levels of this node.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::controller::decide;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse as LegacyResult;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsResponse, IncrementalAlterConfigsResponse};
use wire::request::{
    AlterConfigsRequest, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResource,
};

use super::{BROKER_LOGGER, loggers, text};
use crate::api::Call;

/// The old request knows no log levels; the controller refuses them like any other unknown type.
pub(crate) async fn alter(call: Arc<Call>, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let result = |resource: &wire::request::AlterConfigsResource| {
        LegacyResult::default()
            .with_error_message(None)
            .with_resource_type(resource.resource_type)
            .with_resource_name(text(&resource.resource_name))
    };
    let undecided: Vec<_> = request.resources.iter().map(result).collect();
    let config = call.broker.config();
    let decision = call
        .broker
        .controller
        .decide(move |image, _| decide::alter_configs(image, &config, &request));
    decision.await.unwrap_or_else(|code| {
        let refused = undecided
            .into_iter()
            .map(|result| result.with_error_code(code.code()));
        AlterConfigsResponse::default().with_responses(refused.collect())
    })
}

/// A resource with its place in the request, in whose order the answer is.
type Placed<T> = (usize, T);

pub(crate) async fn alter_incrementally(
    call: Arc<Call>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let validate_only = request.validate_only;
    let resources = request.resources.into_iter().enumerate();
    let (loggers, stored): (Vec<_>, Vec<_>) =
        resources.partition(|(_, resource)| resource.resource_type == BROKER_LOGGER);
    let names = loggers
        .iter()
        .map(|(_, resource)| resource.resource_name.as_str());
    let repeated = loggers::repeated(names);
    let change = |(place, resource): &Placed<IncrementalAlterConfigsResource>| {
        let changed = loggers::change(&call.broker, resource, &repeated, validate_only);
        let result = match changed {
            Ok(()) => result(resource),
            Err(fault) => result(resource)
                .with_error_code(fault.code.code())
                .with_error_message(Some(text(fault.message))),
        };
        (*place, result)
    };
    let mut results: BTreeMap<_, _> = loggers.iter().map(change).collect();
    if !stored.is_empty() {
        results.extend(forward(&call, stored, validate_only).await);
    }
    IncrementalAlterConfigsResponse::default().with_responses(results.into_values().collect())
}

async fn forward(
    call: &Call,
    resources: Vec<Placed<IncrementalAlterConfigsResource>>,
    validate_only: bool,
) -> Vec<Placed<AlterConfigsResourceResponse>> {
    let undecided: Vec<_> = resources
        .iter()
        .map(|(place, resource)| (*place, result(resource)))
        .collect();
    let resources = resources
        .into_iter()
        .map(|(_, resource)| resource)
        .collect();
    let request = IncrementalAlterConfigsRequest {
        resources,
        validate_only,
    };
    let config = call.broker.config();
    let decision = call
        .broker
        .controller
        .decide(move |image, _| decide::incremental_alter_configs(image, &config, &request));
    match decision.await {
        Ok(response) => undecided
            .into_iter()
            .map(|(place, _)| place)
            .zip(response.responses)
            .collect(),
        Err(code) => {
            let refuse = |(place, result): Placed<AlterConfigsResourceResponse>| {
                (place, result.with_error_code(code.code()))
            };
            undecided.into_iter().map(refuse).collect()
        }
    }
}

fn result(resource: &IncrementalAlterConfigsResource) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse::default()
        .with_error_message(None)
        .with_resource_type(resource.resource_type)
        .with_resource_name(text(&resource.resource_name))
}
