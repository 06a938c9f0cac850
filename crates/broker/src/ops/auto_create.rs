//! Topics that come into being because somebody asked for them: by Metadata (`auto.create.topics.enable`), and Kafka's own.
//!
//! The asker is told that the topic is unknown and asks again; meanwhile the controller creates it.

use std::collections::HashSet;
use std::sync::Arc;

use controller::decide;
use wire::ErrorCode;
use wire::request::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};

use crate::broker::Broker;
use crate::internal_topics;
use crate::limits::MAX_TOPICS_BEING_CREATED;

/// Asks the controller to create `name` and answers for the meantime.
pub(crate) fn request(broker: &Arc<Broker>, name: &str) -> ErrorCode {
    if let Err(error) = check_name(name) {
        return error;
    }
    if admit(&mut broker.being_created.lock(), name) {
        let (broker, name) = (broker.clone(), name.to_owned());
        tokio::spawn(async move {
            let request = CreateTopicsRequest {
                topics: vec![topic(&broker, &name)],
                ..CreateTopicsRequest::default()
            };
            let created = broker
                .controller
                .create_topics(broker.config(), request)
                .await;
            tracing::debug!(topic = name, ?created, "automatic creation");
            broker.being_created.lock().remove(&name);
        });
    }
    ErrorCode::UnknownTopicOrPartition
}

/// Whether `name` is to be created now: it is not yet, and there is room for it.
fn admit(being_created: &mut HashSet<String>, name: &str) -> bool {
    being_created.len() < MAX_TOPICS_BEING_CREATED && being_created.insert(name.to_owned())
}

pub(crate) fn check_name(name: &str) -> Result<(), ErrorCode> {
    decide::validate_topic_name(name).map_err(|_| ErrorCode::InvalidTopicException)
}

/// A topic with the cluster's defaults; Kafka's own have settings of their own.
pub(crate) fn topic(broker: &Broker, name: &str) -> CreatableTopic {
    let config = broker.config();
    let groups = &config.groups;
    match name {
        internal_topics::CONSUMER_OFFSETS => CreatableTopic {
            name: name.to_owned(),
            num_partitions: groups.offsets_topic_num_partitions,
            replication_factor: groups.offsets_topic_replication_factor,
            configs: vec![
                setting("cleanup.policy", "compact"),
                setting("compression.type", "producer"),
                setting(
                    "segment.bytes",
                    &groups.offsets_topic_segment_bytes.to_string(),
                ),
            ],
            ..CreatableTopic::default()
        },
        name => CreatableTopic {
            name: name.to_owned(),
            num_partitions: config.topic_creation.num_partitions,
            replication_factor: i16::try_from(config.topic_creation.default_replication_factor)
                .unwrap_or(i16::MAX),
            ..CreatableTopic::default()
        },
    }
}

fn setting(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_topics_are_created_at_a_time() {
        let mut being_created = HashSet::new();
        let admitted = (0..MAX_TOPICS_BEING_CREATED + 10)
            .filter(|index| admit(&mut being_created, &index.to_string()))
            .count();
        assert_eq!(admitted, MAX_TOPICS_BEING_CREATED);
        assert!(!admit(&mut being_created, "0"), "it is under way");
        being_created.remove("0");
        assert!(admit(&mut being_created, "0"));
    }
}
