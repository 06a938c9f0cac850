//! DescribeTopicPartitions, version 0 (KIP-966): topics by name, a page at a time.

use std::collections::BTreeSet;

use controller::Image;
use controller::image::{NO_LEADER, Partition, Topic};
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{BrokerId, DescribeTopicPartitionsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request::DescribeTopicPartitionsRequest;

use super::Call;
use crate::internal_topics;
use crate::ops::auto_create::check_name;
use crate::ops::operations;

pub(crate) fn describe(
    call: &Call,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let image = call.broker.image();
    let asks_for_all = request.topics.is_empty();
    let (first_topic, first_partition) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.as_str(), cursor.partition_index),
        None => ("", 0),
    };
    let names: BTreeSet<&str> = match asks_for_all {
        true => image
            .topics_from(first_topic)
            .map(|topic| &*topic.name)
            .collect(),
        false => {
            let named = request.topics.iter().map(|topic| topic.name.as_str());
            named.filter(|name| *name >= first_topic).collect()
        }
    };
    let is_lost = request.cursor.is_some() && !asks_for_all && !names.contains(first_topic);
    if is_lost || first_partition < 0 {
        return refused(&request);
    }
    let limit = call
        .broker
        .config()
        .network
        .max_request_partition_size_limit;
    let limit = limit.min(request.response_partition_limit).max(1);
    let mut page = Page {
        image: &image,
        room: limit,
        topics: Vec::new(),
        next: None,
    };
    for name in names {
        let from = if name == first_topic {
            first_partition
        } else {
            0
        };
        page.add(name, from);
        if page.next.is_some() {
            break;
        }
    }
    DescribeTopicPartitionsResponse::default()
        .with_topics(page.topics)
        .with_next_cursor(page.next)
}

/// A cursor has to name one of the topics and one of its partitions.
fn refused(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let error = ErrorCode::InvalidRequest.code();
    let topics = request.topics.iter().map(|topic| {
        DescribeTopicPartitionsResponseTopic::default()
            .with_error_code(error)
            .with_name(Some(topic_name(&topic.name)))
            .with_topic_authorized_operations(operations::NOT_ASKED)
    });
    DescribeTopicPartitionsResponse::default().with_topics(topics.collect())
}

struct Page<'a> {
    image: &'a Image,
    /// How many partitions still fit.
    room: i32,
    topics: Vec<DescribeTopicPartitionsResponseTopic>,
    /// Where the next page begins; set as soon as this one is full.
    next: Option<Cursor>,
}

impl Page<'_> {
    fn add(&mut self, name: &str, from: i32) {
        if self.room == 0 {
            self.next = Some(cursor(name, 0));
            return;
        }
        let Some(topic) = self.image.topic(name) else {
            let error = check_name(name)
                .err()
                .unwrap_or(ErrorCode::UnknownTopicOrPartition);
            self.topics
                .push(answer(name, Uuid::nil()).with_error_code(error.code()));
            return;
        };
        let end = from.saturating_add(self.room).min(topic.partition_count());
        let shown: Vec<_> = (from..end)
            .filter_map(|id| self.partition(topic, id))
            .collect();
        self.topics
            .push(answer(name, topic.id).with_partitions(shown));
        self.room -= (end - from).max(0);
        if end < topic.partition_count() {
            self.next = Some(cursor(name, end));
        }
    }

    fn partition(
        &self,
        topic: &Topic,
        partition_id: i32,
    ) -> Option<DescribeTopicPartitionsResponsePartition> {
        let partition = topic.partition(partition_id)?;
        let leader = match self.image.is_active(partition.leader) {
            true => partition.leader,
            false => NO_LEADER,
        };
        Some(
            DescribeTopicPartitionsResponsePartition::default()
                .with_partition_index(partition_id)
                .with_leader_id(BrokerId(leader))
                .with_leader_epoch(partition.leader_epoch)
                .with_replica_nodes(ids(&partition.replicas))
                .with_isr_nodes(ids(&partition.isr))
                .with_eligible_leader_replicas(Some(ids(&partition.elr)))
                .with_last_known_elr(Some(ids(&partition.last_known_elr)))
                .with_offline_replicas(ids(&offline_replicas(self.image, partition))),
        )
    }
}

/// Replicas whose broker is away, or has lost their directory.
pub(super) fn offline_replicas(image: &Image, partition: &Partition) -> Vec<i32> {
    let is_offline = |id: &i32| {
        let Some(broker) = image.broker(*id).filter(|broker| broker.is_active()) else {
            return true;
        };
        let directory = partition.directory_of(*id);
        directory.is_some_and(|directory| !broker.has_online_directory(directory))
    };
    partition
        .replicas
        .iter()
        .copied()
        .filter(is_offline)
        .collect()
}

fn answer(name: &str, topic_id: Uuid) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(topic_name(name)))
        .with_topic_id(topic_id)
        .with_is_internal(internal_topics::is_internal(name))
        .with_topic_authorized_operations(operations::ON_TOPIC)
}

fn cursor(name: &str, partition_index: i32) -> Cursor {
    Cursor::default()
        .with_topic_name(topic_name(name))
        .with_partition_index(partition_index)
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn ids(nodes: &[i32]) -> Vec<BrokerId> {
    nodes.iter().copied().map(BrokerId).collect()
}
