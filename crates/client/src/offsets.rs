//! Offsets: what a partition holds, and what a group has committed.

use std::collections::BTreeMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    BrokerId, GroupId, ListOffsetsRequest, OffsetCommitRequest, OffsetFetchRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::{ClientError, Cluster, Connection, Metadata, check};

/// From these versions on the requests name topics by id, or groups by list.
const OFFSET_COMMIT_VERSION: i16 = 9;
const OFFSET_FETCH_VERSION: i16 = 7;

/// A topic's name and a partition's index.
pub type TopicPartition = (String, i32);

/// ListOffsets takes a timestamp in ms, or one of these.
pub const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;

/// Whether a reader sees records of transactions that are open or aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    #[default]
    ReadUncommitted,
    /// The latest offset is then the last stable one.
    ReadCommitted,
}

impl Isolation {
    /// As ListOffsets and Fetch have it.
    pub fn code(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

/// Who commits: a member in its generation, or (the default) somebody outside of an empty group.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    pub(crate) generation_id: i32,
    pub(crate) member_id: StrBytes,
}

impl Default for Committer {
    fn default() -> Self {
        Self {
            generation_id: -1,
            member_id: StrBytes::default(),
        }
    }
}

/// The offset at each partition's timestamp, from each partition's leader; `None` where no record
/// is that young. A partition without a leader or one that is unknown is an error.
pub async fn list_offsets(
    cluster: &Cluster,
    metadata: &Metadata,
    isolation: Isolation,
    wanted: &BTreeMap<TopicPartition, i64>,
) -> Result<BTreeMap<TopicPartition, Option<i64>>, ClientError> {
    let mut by_leader: BTreeMap<i32, BTreeMap<&str, Vec<ListOffsetsPartition>>> = BTreeMap::new();
    for ((topic, index), timestamp) in wanted {
        let leader = metadata.leader(topic, *index)?;
        let topics = by_leader.entry(leader).or_default();
        topics.entry(topic).or_default().push(
            ListOffsetsPartition::default()
                .with_partition_index(*index)
                .with_timestamp(*timestamp),
        );
    }
    let mut offsets = BTreeMap::new();
    for (leader, topics) in by_leader {
        let topics = topics.into_iter().map(|(name, partitions)| {
            ListOffsetsTopic::default()
                .with_name(topic_name(name))
                .with_partitions(partitions)
        });
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(isolation.code())
            .with_topics(topics.collect());
        let answer = cluster.broker(leader).await?.call(&request).await?;
        for topic in answer.topics {
            for partition in topic.partitions {
                check(partition.error_code, None)?;
                let key = (topic.name.to_string(), partition.partition_index);
                offsets.insert(key, Some(partition.offset).filter(|offset| *offset >= 0));
            }
        }
    }
    Ok(offsets)
}

/// Everything that a group has committed.
pub async fn committed_offsets(
    coordinator: &Connection,
    group_id: &str,
) -> Result<BTreeMap<TopicPartition, i64>, ClientError> {
    let request = OffsetFetchRequest::default()
        .with_group_id(GroupId(StrBytes::from_string(group_id.to_owned())))
        .with_topics(None);
    let answer = coordinator
        .call_up_to(OFFSET_FETCH_VERSION, &request)
        .await?;
    check(answer.error_code, None)?;
    let mut offsets = BTreeMap::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            check(partition.error_code, None)?;
            if partition.committed_offset >= 0 {
                let key = (topic.name.to_string(), partition.partition_index);
                offsets.insert(key, partition.committed_offset);
            }
        }
    }
    Ok(offsets)
}

/// Commits the next offset to read of each partition, from outside of the group: the coordinator
/// takes that only while the group has no members.
pub async fn commit_offsets(
    coordinator: &Connection,
    group_id: &str,
    next: &BTreeMap<TopicPartition, i64>,
) -> Result<(), ClientError> {
    commit_as(coordinator, group_id, Committer::default(), next).await
}

pub(crate) async fn commit_as(
    coordinator: &Connection,
    group_id: &str,
    committer: Committer,
    next: &BTreeMap<TopicPartition, i64>,
) -> Result<(), ClientError> {
    if next.is_empty() {
        return Ok(());
    }
    let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for ((topic, partition), offset) in next {
        topics.entry(topic).or_default().push(
            OffsetCommitRequestPartition::default()
                .with_partition_index(*partition)
                .with_committed_offset(*offset)
                .with_committed_metadata(Some(StrBytes::default())),
        );
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        OffsetCommitRequestTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions)
    });
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(StrBytes::from_string(group_id.to_owned())))
        .with_generation_id_or_member_epoch(committer.generation_id)
        .with_member_id(committer.member_id)
        .with_topics(topics.collect());
    let answer = coordinator
        .call_up_to(OFFSET_COMMIT_VERSION, &request)
        .await?;
    for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
        check(partition.error_code, None)?;
    }
    Ok(())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
