//! Topics that come into being because somebody asked for them: by Metadata (`auto.create.topics.enable`), and Kafka's own.
//!
//! The asker is told that the topic is unknown and asks again; meanwhile the controller creates it.

use std::collections::HashSet;
use std::sync::Arc;

use ::config::BrokerConfig;
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
                topics: vec![topic(&broker.config(), &name)],
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
fn topic(config: &BrokerConfig, name: &str) -> CreatableTopic {
    let (num_partitions, replication_factor, configs) = match name {
        internal_topics::CONSUMER_OFFSETS => {
            let groups = &config.groups;
            let configs = vec![
                setting("cleanup.policy", "compact"),
                setting("compression.type", "producer"),
                setting("segment.bytes", groups.offsets_topic_segment_bytes),
            ];
            (
                groups.offsets_topic_num_partitions,
                groups.offsets_topic_replication_factor,
                configs,
            )
        }
        internal_topics::TRANSACTION_STATE => {
            let topics = &config.state_topics;
            let configs = vec![
                setting("cleanup.policy", "compact"),
                setting("compression.type", "uncompressed"),
                setting("min.insync.replicas", topics.transaction_state_log_min_isr),
                setting("segment.bytes", topics.transaction_state_log_segment_bytes),
                setting("unclean.leader.election.enable", false),
            ];
            (
                topics.transaction_state_log_num_partitions,
                topics.transaction_state_log_replication_factor,
                configs,
            )
        }
        internal_topics::SHARE_GROUP_STATE => {
            let topics = &config.state_topics;
            let segment_bytes = topics.share_coordinator_state_topic_segment_bytes;
            let min_isr = topics.share_coordinator_state_topic_min_isr;
            // Its coordinator deletes what it no longer needs.
            let configs = vec![
                setting("cleanup.policy", "delete"),
                setting("compression.type", "producer"),
                setting("min.insync.replicas", min_isr),
                setting("retention.ms", -1),
                setting("segment.bytes", segment_bytes),
            ];
            (
                topics.share_coordinator_state_topic_num_partitions,
                topics.share_coordinator_state_topic_replication_factor,
                configs,
            )
        }
        _ => (
            config.topic_creation.num_partitions,
            i16::try_from(config.topic_creation.default_replication_factor).unwrap_or(i16::MAX),
            Vec::new(),
        ),
    };
    CreatableTopic {
        name: name.to_owned(),
        num_partitions,
        replication_factor,
        configs,
        ..CreatableTopic::default()
    }
}

fn setting(name: &str, value: impl ToString) -> CreatableTopicConfig {
    CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_that_kafka_keeps_its_state_in_have_settings_of_their_own() {
        let given = [
            ("num.partitions", "2"),
            ("transaction.state.log.num.partitions", "7"),
            ("transaction.state.log.segment.bytes", "2000000"),
            ("transaction.state.log.min.isr", "2"),
            ("share.coordinator.state.topic.num.partitions", "3"),
            ("share.coordinator.state.topic.replication.factor", "4"),
        ];
        let given = given.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = BrokerConfig::new(given.into_iter().collect()).unwrap();
        let described = |name| {
            let topic = topic(&config, name);
            let configs = topic.configs.into_iter();
            let configs = configs.map(|c| format!("{}={}", c.name, c.value.unwrap()));
            let configs = configs.collect::<Vec<_>>().join(" ");
            (topic.num_partitions, topic.replication_factor, configs)
        };
        assert_eq!(described("plain"), (2, 1, String::new()));
        assert_eq!(
            described("__transaction_state"),
            (
                7,
                1,
                "cleanup.policy=compact compression.type=uncompressed min.insync.replicas=2 \
                 segment.bytes=2000000 unclean.leader.election.enable=false"
                    .to_owned()
            )
        );
        assert_eq!(
            described("__share_group_state"),
            (
                3,
                4,
                "cleanup.policy=delete compression.type=producer min.insync.replicas=1 retention.ms=-1 \
                 segment.bytes=104857600"
                    .to_owned()
            )
        );
    }

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
