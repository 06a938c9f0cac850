//! IncrementalAlterConfigs (KIP-339) and AlterConfigs: versions 0 and 1, and 0 to 2.
//!
//! Each resource is decided on its own. As in Kafka the checks of the asked broker come first, then
//! those of the controller.

use std::collections::{BTreeMap, BTreeSet};

use config::{BrokerConfig, ClientMetricsError, Key, Operation, Properties, ValueError};
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse as LegacyResult;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsResponse, IncrementalAlterConfigsResponse};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::codec::MAX_STRING_BYTES;
use wire::records::metadata::{ConfigRecord, MetadataRecord};
use wire::request::{
    AlterConfigsRequest, AlterConfigsResource, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
};

use super::topic_name::{InvalidTopicName, validate_topic_name};
use super::{
    Decision, MAX_RECORD_BYTES_PER_REQUEST, MAX_RECORDS_PER_REQUEST, Refusal,
    TOO_MANY_RECORDS_TEXT, outcome,
};
use crate::image::{ConfigResource, ConfigResourceType, Image};

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum Error {
    #[error("Each resource must appear at most once.")]
    DuplicateResource,
    #[error("Error due to duplicate config keys")]
    DuplicateKeys,
    #[error("Null value not supported for : {0}")]
    NullValues(String),
    #[error("Unknown resource type {0}")]
    UnknownType(i8),
    #[error("Node id must be an integer, but it is: {0}")]
    BrokerIsNoNumber(String),
    #[error("Unexpected broker id, expected {expected}, but received {named}")]
    OtherBroker { expected: i32, named: String },
    #[error("Unknown operations type {0}")]
    UnknownOperation(i8),
    #[error("Config value {} is not allowed for config key: {key}", .operation.name().to_ascii_lowercase())]
    BrokerKeyIsNoList { operation: Operation, key: String },
    #[error("Unknown config name: {0}")]
    UnknownBrokerKey(String),
    #[error("Can't {} to key {key} because its type is not LIST.", .operation.name())]
    KeyIsNoList { operation: Operation, key: String },
    #[error("{0}")]
    BrokerConfig(ValueError),
    #[error(
        "The configuration value cannot be added because it exceeds the maximum value size of \
         {MAX_STRING_BYTES} bytes."
    )]
    LongValue,
    #[error("{TOO_MANY_RECORDS_TEXT}")]
    TooManyRecords,
    #[error("Default {0} resources are not allowed.")]
    Nameless(&'static str),
    #[error(transparent)]
    TopicName(#[from] InvalidTopicName),
    #[error("The topic '{0}' does not exist.")]
    UnknownTopic(String),
    #[error(transparent)]
    Config(#[from] ValueError),
    #[error(transparent)]
    ClientMetrics(#[from] ClientMetricsError),
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::DuplicateResource
            | Error::DuplicateKeys
            | Error::NullValues(_)
            | Error::UnknownType(_)
            | Error::BrokerIsNoNumber(_)
            | Error::OtherBroker { .. }
            | Error::UnknownOperation(_)
            | Error::BrokerConfig(_)
            | Error::Nameless(_)
            | Error::ClientMetrics(ClientMetricsError::InvalidRequest(_)) => {
                ErrorCode::InvalidRequest
            }
            Error::BrokerKeyIsNoList { .. }
            | Error::UnknownBrokerKey(_)
            | Error::KeyIsNoList { .. }
            | Error::LongValue
            | Error::Config(_)
            | Error::ClientMetrics(ClientMetricsError::InvalidConfig(_)) => {
                ErrorCode::InvalidConfig
            }
            Error::TooManyRecords => ErrorCode::PolicyViolation,
            Error::TopicName(_) => ErrorCode::InvalidTopicException,
            Error::UnknownTopic(_) => ErrorCode::UnknownTopicOrPartition,
        }
    }
}

pub fn incremental_alter_configs(
    image: &Image,
    config: &BrokerConfig,
    request: &IncrementalAlterConfigsRequest,
) -> Decision<IncrementalAlterConfigsResponse> {
    let (records, results) = decide_each(
        &request.resources,
        |resource| (resource.resource_type, &resource.resource_name),
        |resource| alter_incrementally(image, config, resource),
    );
    let responses = results.into_iter().map(|result| {
        AlterConfigsResourceResponse::default()
            .with_error_code(result.code)
            .with_error_message(result.message)
            .with_resource_type(result.kind)
            .with_resource_name(result.name)
    });
    Decision {
        records: unless(request.validate_only, records),
        response: IncrementalAlterConfigsResponse::default().with_responses(responses.collect()),
    }
}

pub fn alter_configs(
    image: &Image,
    config: &BrokerConfig,
    request: &AlterConfigsRequest,
) -> Decision<AlterConfigsResponse> {
    let (records, results) = decide_each(
        &request.resources,
        |resource| (resource.resource_type, &resource.resource_name),
        |resource| replace(image, config, resource),
    );
    let responses = results.into_iter().map(|result| {
        LegacyResult::default()
            .with_error_code(result.code)
            .with_error_message(result.message)
            .with_resource_type(result.kind)
            .with_resource_name(result.name)
    });
    Decision {
        records: unless(request.validate_only, records),
        response: AlterConfigsResponse::default().with_responses(responses.collect()),
    }
}

/// What becomes of one resource.
struct Altered {
    code: i16,
    message: Option<StrBytes>,
    kind: i8,
    name: StrBytes,
}

/// Decides each resource on its own; one that is named twice is refused both times. What needs too many records, or too
/// large ones, is refused as a whole, before there are more of them.
fn decide_each<R>(
    resources: &[R],
    name_of: impl Fn(&R) -> (i8, &String),
    alter: impl Fn(&R) -> Result<Vec<MetadataRecord>, Error>,
) -> (Vec<MetadataRecord>, Vec<Altered>) {
    let result = |resource: &R, altered: &Result<Vec<MetadataRecord>, Error>| {
        let (kind, name) = name_of(resource);
        let (code, message) = outcome(altered);
        let name = StrBytes::from_string(name.clone());
        Altered {
            code,
            message,
            kind,
            name,
        }
    };
    let duplicates = duplicates(resources.iter().map(&name_of));
    let mut records = Vec::new();
    let mut record_bytes = 0;
    let mut results = Vec::with_capacity(resources.len());
    for resource in resources {
        let altered = match duplicates.contains(&name_of(resource)) {
            true => Err(Error::DuplicateResource),
            false => alter(resource),
        };
        results.push(result(resource, &altered));
        let altered = altered.unwrap_or_default();
        record_bytes += altered.iter().map(text_bytes).sum::<usize>();
        records.extend(altered);
        if records.len() > MAX_RECORDS_PER_REQUEST || record_bytes > MAX_RECORD_BYTES_PER_REQUEST {
            let refused = resources
                .iter()
                .map(|resource| result(resource, &Err(Error::TooManyRecords)));
            return (Vec::new(), refused.collect());
        }
    }
    (records, results)
}

/// What is long of a configuration's record.
fn text_bytes(record: &MetadataRecord) -> usize {
    match record {
        MetadataRecord::Config(record) => {
            let value = record.value.as_ref().map_or(0, String::len);
            record.resource_name.len() + record.name.len() + value
        }
        _ => 0,
    }
}

fn unless(validate_only: bool, records: Vec<MetadataRecord>) -> Vec<MetadataRecord> {
    match validate_only {
        true => Vec::new(),
        false => records,
    }
}

fn duplicates<T: Ord>(values: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(value, _)| value)
        .collect()
}

fn alter_incrementally(
    image: &Image,
    config: &BrokerConfig,
    request: &IncrementalAlterConfigsResource,
) -> Result<Vec<MetadataRecord>, Error> {
    let delete = Some(Operation::Delete);
    let is_null = |c: &wire::request::IncrementalAlterableConfig| {
        c.value.is_none() && Operation::from_code(c.config_operation) != delete
    };
    let nulls = request
        .configs
        .iter()
        .filter(|c| is_null(c))
        .map(|c| c.name.as_str());
    check_keys(request.configs.iter().map(|c| c.name.as_str()), nulls)?;
    let resource = known_resource(config, request.resource_type, &request.resource_name)?;
    let before = overrides(image, &resource);
    let mut changes = BTreeMap::new();
    for change in &request.configs {
        let operation = Operation::from_code(change.config_operation)
            .ok_or(Error::UnknownOperation(change.config_operation))?;
        let current = before.get(&change.name).map(String::as_str);
        let operand = change.value.as_deref().unwrap_or_default();
        let value = operation
            .apply(key_of(&resource, &change.name), current, operand)
            .map_err(|_| no_list(&resource, operation, &change.name))?;
        changes.insert(change.name.clone(), value);
    }
    altered(image, config, &resource, &before, changes)
}

/// The old way: what is not named is deleted.
fn replace(
    image: &Image,
    config: &BrokerConfig,
    request: &AlterConfigsResource,
) -> Result<Vec<MetadataRecord>, Error> {
    let nulls = request
        .configs
        .iter()
        .filter(|c| c.value.is_none())
        .map(|c| c.name.as_str());
    check_keys(request.configs.iter().map(|c| c.name.as_str()), nulls)?;
    let resource = known_resource(config, request.resource_type, &request.resource_name)?;
    let before = overrides(image, &resource);
    let mut changes: BTreeMap<String, Option<String>> =
        before.keys().map(|name| (name.clone(), None)).collect();
    changes.extend(
        request
            .configs
            .iter()
            .map(|c| (c.name.clone(), c.value.clone())),
    );
    altered(image, config, &resource, &before, changes)
}

fn check_keys<'a>(
    names: impl Iterator<Item = &'a str>,
    nulls: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    if !duplicates(names).is_empty() {
        return Err(Error::DuplicateKeys);
    }
    let nulls: Vec<&str> = nulls.collect();
    if nulls.is_empty() {
        Ok(())
    } else {
        Err(Error::NullValues(nulls.join(", ")))
    }
}

/// A broker's own configuration is changed by that broker only, which can tell what it can do.
fn known_resource(
    config: &BrokerConfig,
    resource_type: i8,
    name: &str,
) -> Result<ConfigResource, Error> {
    let kind =
        ConfigResourceType::from_id(resource_type).ok_or(Error::UnknownType(resource_type))?;
    if kind == ConfigResourceType::Broker && !name.is_empty() {
        let id: i32 = name
            .parse()
            .map_err(|_| Error::BrokerIsNoNumber(name.to_owned()))?;
        if id != config.server.node_id {
            let (expected, named) = (config.server.node_id, name.to_owned());
            return Err(Error::OtherBroker { expected, named });
        }
    }
    Ok(ConfigResource {
        kind,
        name: name.into(),
    })
}

fn key_of(resource: &ConfigResource, name: &str) -> Option<&'static Key> {
    match resource.kind {
        ConfigResourceType::Topic => config::topic_key(name),
        ConfigResourceType::Broker => config::broker_key(name),
        // As in Kafka, whose controller does not know the types of these.
        ConfigResourceType::ClientMetrics | ConfigResourceType::Group => None,
    }
}

fn no_list(resource: &ConfigResource, operation: Operation, key: &str) -> Error {
    let key = key.to_owned();
    match resource.kind {
        ConfigResourceType::Broker if config::broker_key(&key).is_none() => {
            Error::UnknownBrokerKey(key)
        }
        ConfigResourceType::Broker => Error::BrokerKeyIsNoList { operation, key },
        _ => Error::KeyIsNoList { operation, key },
    }
}

fn overrides(image: &Image, resource: &ConfigResource) -> Properties {
    let overrides = image.config(resource).into_iter().flatten();
    overrides
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// Records for what changes; a broker's configuration is written again even if it is the same.
fn altered(
    image: &Image,
    config: &BrokerConfig,
    resource: &ConfigResource,
    before: &Properties,
    changes: BTreeMap<String, Option<String>>,
) -> Result<Vec<MetadataRecord>, Error> {
    let mut after = before.clone();
    for (name, value) in &changes {
        match value {
            Some(value) => after.insert(name.clone(), value.clone()),
            None => after.remove(name),
        };
    }
    validate(image, config, resource, &after)?;
    let is_written = |name: &String, value: &Option<String>| {
        resource.kind == ConfigResourceType::Broker || before.get(name) != value.as_ref()
    };
    let written = changes
        .into_iter()
        .filter(|(name, value)| is_written(name, value));
    Ok(written
        .map(|(name, value)| record(resource, name, value))
        .collect())
}

fn record(resource: &ConfigResource, name: String, value: Option<String>) -> MetadataRecord {
    MetadataRecord::Config(ConfigRecord {
        resource_type: resource.kind.id(),
        resource_name: resource.name.to_string(),
        name,
        value,
    })
}

fn validate(
    image: &Image,
    config: &BrokerConfig,
    resource: &ConfigResource,
    after: &Properties,
) -> Result<(), Error> {
    if resource.kind == ConfigResourceType::Broker {
        let checked = match resource.name.is_empty() {
            true => config.validate_dynamic_defaults(after),
            false => config.validate_dynamic(after),
        };
        checked.map_err(Error::BrokerConfig)?;
    }
    // Kafka counts UTF-16 units, and fails to write what has more bytes.
    if after.values().any(|value| value.len() > MAX_STRING_BYTES) {
        return Err(Error::LongValue);
    }
    match resource.kind {
        ConfigResourceType::Broker => Ok(()),
        ConfigResourceType::Topic if resource.name.is_empty() => Err(Error::Nameless("topic")),
        ConfigResourceType::Topic => {
            validate_topic_name(&resource.name)?;
            config.validate_topic(after)?;
            if image.topic(&resource.name).is_none() {
                return Err(Error::UnknownTopic(resource.name.to_string()));
            }
            Ok(())
        }
        ConfigResourceType::Group if resource.name.is_empty() => Err(Error::Nameless("group")),
        ConfigResourceType::Group => Ok(config.validate_group(after)?),
        ConfigResourceType::ClientMetrics => {
            Ok(config::validate_client_metrics(&resource.name, after)?)
        }
    }
}
