//! AlterConfigs and IncrementalAlterConfigs: the controller decides, except about the log levels of this node, which
//! are nobody else's business and are not stored.

use std::collections::HashSet;
use std::sync::Arc;

use ::config::Operation;
use ::controller::{Entropy, Image, decide};
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse as LegacyResult;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsResponse, IncrementalAlterConfigsResponse};
use wire::ErrorCode;
use wire::request::{
    AlterConfigsRequest, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResource,
};

use super::{BROKER_LOGGER, Fault, text};
use crate::api::Call;
use crate::broker::Broker;
use crate::log_levels::{LogLevelError, LogLevels};

/// The old request knows no log levels; the controller refuses them like any other unknown type.
pub(crate) async fn alter(call: Arc<Call>, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let refused = request.resources.iter().map(|resource| {
        LegacyResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(text(&resource.resource_name))
    });
    let refused: Vec<_> = refused.collect();
    let config = call.broker.config();
    let decided = call
        .broker
        .controller
        .decide(move |image, _| decide::alter_configs(image, &config, &request))
        .await;
    decided.unwrap_or_else(|code| {
        let refused = refused
            .into_iter()
            .map(|result| result.with_error_code(code.code()));
        AlterConfigsResponse::default().with_responses(refused.collect())
    })
}

pub(crate) async fn alter_incrementally(
    call: Arc<Call>,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let IncrementalAlterConfigsRequest {
        resources,
        validate_only,
    } = request;
    let is_logger =
        |resource: &IncrementalAlterConfigsResource| resource.resource_type == BROKER_LOGGER;
    let mut seen = HashSet::new();
    let loggers = resources
        .iter()
        .filter(|resource| is_logger(resource))
        .map(|r| r.resource_name.clone());
    let repeated: HashSet<String> = loggers.filter(|name| !seen.insert(name.clone())).collect();
    // In the order of the request: an answer, or a place for the controller's next one.
    let settled: Vec<_> = resources
        .iter()
        .map(|resource| {
            let result = result(resource);
            if !is_logger(resource) {
                return Err(result);
            }
            let changed = match repeated.contains(&resource.resource_name) {
                true => Err(Fault::invalid_request(
                    "Each resource must appear at most once.",
                )),
                false => change_levels(&call.broker, resource, validate_only),
            };
            Ok(match changed {
                Ok(()) => result,
                Err(fault) => result
                    .with_error_code(fault.code.code())
                    .with_error_message(Some(text(fault.message))),
            })
        })
        .collect();
    let resources: Vec<_> = resources
        .into_iter()
        .filter(|resource| !is_logger(resource))
        .collect();
    let decided = match resources.is_empty() {
        true => Ok(IncrementalAlterConfigsResponse::default()),
        false => {
            let request = IncrementalAlterConfigsRequest {
                resources,
                validate_only,
            };
            let config = call.broker.config();
            let decision = move |image: &Image, _: &mut Entropy| {
                decide::incremental_alter_configs(image, &config, &request)
            };
            call.broker.controller.decide(decision).await
        }
    };
    let (mut decided, absent) = match decided {
        Ok(response) => (response.responses.into_iter(), ErrorCode::NotController),
        Err(code) => (Vec::new().into_iter(), code),
    };
    let responses = settled.into_iter().map(|result| {
        result.unwrap_or_else(|open| {
            decided
                .next()
                .unwrap_or(open.with_error_code(absent.code()))
        })
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

fn result(resource: &IncrementalAlterConfigsResource) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(text(&resource.resource_name))
}

/// All of a resource's changes or none: each is checked before the first is made.
fn change_levels(
    broker: &Broker,
    resource: &IncrementalAlterConfigsResource,
    validate_only: bool,
) -> Result<(), Fault> {
    check_keys(resource)?;
    check_node_id(broker.node_id, &resource.resource_name)?;
    let mut changes = Vec::new();
    for change in &resource.configs {
        let code = change.config_operation;
        let level = match Operation::from_code(code) {
            Some(Operation::Set) => change.value.as_deref(),
            Some(Operation::Delete) => None,
            Some(other) => {
                let name = other.name();
                let message =
                    format!("{name} operation is not allowed for the BROKER_LOGGER resource");
                return Err(Fault::invalid_request(message));
            }
            None => {
                return Err(Fault::invalid_request(format!(
                    "Unknown operations type {code}"
                )));
            }
        };
        LogLevels::check(&change.name, level).map_err(unfit_level)?;
        changes.push((&change.name, level));
    }
    if !validate_only {
        for (logger, level) in changes {
            broker.log_levels.set(logger, level).map_err(unfit_level)?;
        }
    }
    Ok(())
}

/// Each logger once, and with a level unless it is given up.
fn check_keys(resource: &IncrementalAlterConfigsResource) -> Result<(), Fault> {
    let mut names = HashSet::new();
    if !resource
        .configs
        .iter()
        .all(|change| names.insert(&change.name))
    {
        return Err(Fault::invalid_request("Error due to duplicate config keys"));
    }
    let lacks_value = resource.configs.iter().filter(|change| {
        change.value.is_none()
            && Operation::from_code(change.config_operation) != Some(Operation::Delete)
    });
    let without_value: Vec<_> = lacks_value.map(|change| change.name.as_str()).collect();
    if without_value.is_empty() {
        return Ok(());
    }
    Err(Fault::invalid_request(format!(
        "Null value not supported for : {}",
        without_value.join(", ")
    )))
}

fn check_node_id(node_id: i32, named: &str) -> Result<(), Fault> {
    match named.parse::<i32>() {
        Ok(id) if id == node_id => Ok(()),
        Ok(_) => Err(Fault::invalid_request(format!(
            "Unexpected node id. Expected {node_id}, but received {named}"
        ))),
        Err(_) => Err(Fault::invalid_request(format!(
            "Node id must be an integer, but it is: {named}"
        ))),
    }
}

fn unfit_level(error: LogLevelError) -> Fault {
    let code = match error {
        LogLevelError::UnknownLogger(_) | LogLevelError::UnknownLevel { .. } => {
            ErrorCode::InvalidConfig
        }
        LogLevelError::RootIsNeeded => ErrorCode::InvalidRequest,
    };
    Fault::new(code, error.to_string())
}
