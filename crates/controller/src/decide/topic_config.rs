//! A topic's configuration as the controller sees it: over the configuration of its own broker.

use config::{BrokerConfig, Properties, Source, ValueError};
use kafka_protocol::messages::create_topics_response::CreatableTopicConfigs;
use kafka_protocol::protocol::StrBytes;

use crate::image::{ConfigResource, Image};

/// The whole configuration of a topic with these overrides, as CreateTopics shows it: by name, and
/// without what a broker alone can say of it.
pub(super) fn shown_configs(
    config: &BrokerConfig,
    overrides: &Properties,
) -> Result<Vec<CreatableTopicConfigs>, ValueError> {
    let mut described = config.describe_topic(overrides)?;
    described.sort_by(|a, b| a.name.cmp(&b.name));
    let shown = described.into_iter().map(|entry| {
        let given = overrides.get(&entry.name).cloned();
        let source = if given.is_some() {
            Source::Topic
        } else {
            entry.source
        };
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_string(entry.name))
            .with_value(given.or(entry.value).map(StrBytes::from_string))
            .with_config_source(source as i8)
            .with_is_sensitive(entry.is_sensitive)
    });
    Ok(shown.collect())
}

/// Whether records of `topic` may be given up so that it has a leader.
pub(super) fn unclean_leader_election(image: &Image, config: &BrokerConfig, topic: &str) -> bool {
    let key = "unclean.leader.election.enable";
    let overrides = image.config(&ConfigResource::topic(topic));
    match overrides.and_then(|overrides| overrides.get(key)) {
        Some(value) => value.trim().eq_ignore_ascii_case("true"),
        None => config.topic_defaults.unclean_leader_election_enable,
    }
}
