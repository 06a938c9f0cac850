//! Changes of this node's log levels (KIP-412). They are nobody else's business, and are not stored.

use std::collections::HashSet;

use ::config::Operation;
use wire::ErrorCode;
use wire::request::IncrementalAlterConfigsResource;

use super::Fault;
use crate::broker::Broker;
use crate::log_levels::{LogLevelError, LogLevels};

/// The names that a request holds more than once.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
    let mut seen = HashSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

/// All of a resource's changes or none: each is checked before the first is made.
pub(super) fn change(
    broker: &Broker,
    resource: &IncrementalAlterConfigsResource,
    repeated: &HashSet<&str>,
    validate_only: bool,
) -> Result<(), Fault> {
    if repeated.contains(resource.resource_name.as_str()) {
        return Err(Fault::invalid_request(
            "Each resource must appear at most once.",
        ));
    }
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
