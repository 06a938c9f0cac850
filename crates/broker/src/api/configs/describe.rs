//! DescribeConfigs: what a resource is configured with, where each value comes from and what it means.

use std::collections::HashSet;

use ::config::{BrokerConfig, Description, Source, ValueError, describe_client_metrics};
use ::controller::image::{ConfigResource, ConfigResourceType};
use ::controller::{Image, decide};
use kafka_protocol::messages::DescribeConfigsResponse;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use wire::ErrorCode;
use wire::request::{DescribeConfigsRequest, DescribeConfigsResource};

use super::{BROKER, BROKER_LOGGER, CLIENT_METRICS, Fault, GROUP, TOPIC, stored, text};
use crate::api::Call;
use crate::log_levels::LogLevels;

/// What Kafka says of a request that it cannot make sense of.
const MALFORMED: &str = "This most likely occurs because of a request being malformed by the client library or the \
    message was sent to an incompatible broker. See the broker logs for more details.";

pub(crate) fn describe(call: &Call, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let view = View {
        node_id: call.broker.node_id,
        config: &call.broker.config(),
        image: &call.broker.image(),
        log_levels: &call.broker.log_levels,
    };
    let is_known = |kind| {
        matches!(
            kind,
            TOPIC | BROKER | BROKER_LOGGER | CLIENT_METRICS | GROUP
        )
    };
    // One unknown type spoils the whole request.
    let are_known = request
        .resources
        .iter()
        .all(|resource| is_known(resource.resource_type));
    // Each once, however often it is named: an answer is a thousand times as large as its question.
    let mut seen = HashSet::new();
    let once = request
        .resources
        .iter()
        .filter(|resource| seen.insert((resource.resource_type, &resource.resource_name)));
    let results = once.map(|resource| {
        let described = if are_known {
            view.entries(resource)
        } else {
            Err(Fault::invalid_request(MALFORMED))
        };
        result(&request, resource, described)
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn result(
    request: &DescribeConfigsRequest,
    resource: &DescribeConfigsResource,
    described: Result<Vec<Description>, Fault>,
) -> DescribeConfigsResult {
    let result = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(text(&resource.resource_name));
    match described {
        Ok(mut entries) => {
            // No names are as good as null: every key.
            if let Some(names) = resource
                .configuration_keys
                .as_ref()
                .filter(|names| !names.is_empty())
            {
                entries.retain(|entry| names.contains(&entry.name));
            }
            let entries = entries
                .into_iter()
                .map(|description| entry(request, description));
            result
                .with_error_message(Some(text("")))
                .with_configs(entries.collect())
        }
        Err(fault) => result
            .with_error_code(fault.code.code())
            .with_error_message(Some(text(fault.message))),
    }
}

fn entry(
    request: &DescribeConfigsRequest,
    description: Description,
) -> DescribeConfigsResourceResult {
    let synonyms = description
        .synonyms
        .into_iter()
        .filter(|_| request.include_synonyms)
        .map(|synonym| {
            DescribeConfigsSynonym::default()
                .with_name(text(synonym.name))
                .with_value(synonym.value.map(text))
                .with_source(synonym.source as i8)
        });
    // Kafka's loggers have an empty one, asked for or not.
    let documentation = description
        .documentation
        .filter(|documentation| request.include_documentation || documentation.is_empty());
    DescribeConfigsResourceResult::default()
        .with_name(text(description.name))
        .with_value(description.value.map(text))
        .with_read_only(description.is_read_only)
        .with_config_source(description.source as i8)
        .with_is_sensitive(description.is_sensitive)
        .with_synonyms(synonyms.collect())
        .with_config_type(description.kind.map_or(0, |kind| kind as i8))
        .with_documentation(documentation.map(text))
}

/// What a broker knows of the cluster's configuration.
struct View<'a> {
    node_id: i32,
    config: &'a BrokerConfig,
    image: &'a Image,
    log_levels: &'a LogLevels,
}

impl View<'_> {
    fn entries(&self, resource: &DescribeConfigsResource) -> Result<Vec<Description>, Fault> {
        let name = resource.resource_name.as_str();
        match resource.resource_type {
            TOPIC => self.topic(name),
            BROKER if name.is_empty() => Ok(self.config.describe_dynamic_defaults()),
            BROKER => {
                self.expect_own_id(name, "expected {} or empty string, but")?;
                Ok(self.config.describe())
            }
            BROKER_LOGGER if name.is_empty() => {
                Err(Fault::invalid_request("Broker id must not be empty"))
            }
            BROKER_LOGGER => {
                self.expect_own_id(name, "expected {} but")?;
                Ok(self
                    .log_levels
                    .all()
                    .into_iter()
                    .map(|(name, level)| logger(name, level))
                    .collect())
            }
            CLIENT_METRICS if name.is_empty() => Err(Fault::invalid_request(
                "Client metrics subscription name must not be empty",
            )),
            CLIENT_METRICS => describe_client_metrics(&stored(
                self.image,
                &of(ConfigResourceType::ClientMetrics, name),
            ))
            .map_err(unfit),
            _ if name.is_empty() => Err(Fault::invalid_request("Group name must not be empty")),
            _ => {
                let overrides = stored(self.image, &of(ConfigResourceType::Group, name));
                self.config.describe_group(&overrides).map_err(unfit)
            }
        }
    }

    fn topic(&self, name: &str) -> Result<Vec<Description>, Fault> {
        decide::validate_topic_name(name)
            .map_err(|error| Fault::new(ErrorCode::InvalidTopicException, error.to_string()))?;
        if self.image.topic(name).is_none() {
            return Err(Fault::new(ErrorCode::UnknownTopicOrPartition, ""));
        }
        self.config
            .describe_topic(&stored(self.image, &ConfigResource::topic(name)))
            .map_err(unfit)
    }

    /// `expected` is Kafka's wording, with this broker's id to be put in.
    fn expect_own_id(&self, name: &str, expected: &str) -> Result<(), Fault> {
        let not_a_number =
            |_| Fault::invalid_request(format!("Broker id must be an integer, but it is: {name}"));
        if name.parse::<i32>().map_err(not_a_number)? == self.node_id {
            return Ok(());
        }
        let expected = expected.replace("{}", &self.node_id.to_string());
        Err(Fault::invalid_request(format!(
            "Unexpected broker id, {expected} received {name}"
        )))
    }
}

fn of(kind: ConfigResourceType, name: &str) -> ConfigResource {
    ConfigResource {
        kind,
        name: name.into(),
    }
}

fn logger(name: String, level: &'static str) -> Description {
    Description {
        name,
        value: Some(level.to_owned()),
        source: Source::DynamicBrokerLogger,
        is_read_only: false,
        is_sensitive: false,
        kind: None,
        synonyms: Vec::new(),
        documentation: Some(""),
    }
}

/// A stored override that no longer fits: the log holds what this version would refuse.
fn unfit(error: ValueError) -> Fault {
    Fault::new(ErrorCode::InvalidConfig, error.to_string())
}
