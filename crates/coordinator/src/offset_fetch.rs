//! OffsetFetch: how far a group has come.
//!
//! KIP-320 (leader epochs), KIP-709 (several groups), topic ids (version 10).

use uuid::Uuid;

use crate::offsets::{CommittedOffset, Offsets};

/// A committed offset as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    pub partition: i32,
    /// The offset of the next record to consume, or -1 if none is committed.
    pub offset: i64,
    /// The leader epoch of the last record consumed, or -1.
    pub leader_epoch: i32,
    pub metadata: String,
}

impl FetchedOffset {
    fn none(partition: i32) -> Self {
        Self {
            partition,
            offset: -1,
            leader_epoch: -1,
            metadata: String::new(),
        }
    }

    fn of(partition: i32, committed: &CommittedOffset) -> Self {
        Self {
            partition,
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.clone(),
        }
    }
}

/// What the group has committed for `partitions`, in their order. A commit for an earlier topic of the same name does
/// not count; nil ids match any.
pub(crate) fn of_partitions(
    offsets: &Offsets,
    group_id: &str,
    topic: &str,
    topic_id: Uuid,
    partitions: &[i32],
) -> Vec<FetchedOffset> {
    let of_topic = offsets
        .of_group(group_id)
        .and_then(|topics| topics.get(topic));
    partitions
        .iter()
        .map(
            |&partition| match of_topic.and_then(|committed| committed.get(&partition)) {
                Some(committed) if is_same_topic(committed.topic_id, topic_id) => {
                    FetchedOffset::of(partition, committed)
                }
                _ => FetchedOffset::none(partition),
            },
        )
        .collect()
}

/// All that the group has committed, by topic.
pub(crate) fn of_all_topics(
    offsets: &Offsets,
    group_id: &str,
) -> Vec<(String, Vec<FetchedOffset>)> {
    let topics = offsets.of_group(group_id).into_iter().flatten();
    topics
        .map(|(topic, partitions)| {
            let fetched = partitions
                .iter()
                .map(|(partition, committed)| FetchedOffset::of(*partition, committed));
            (topic.clone(), fetched.collect())
        })
        .collect()
}

fn is_same_topic(one: Uuid, other: Uuid) -> bool {
    one.is_nil() || other.is_nil() || one == other
}
