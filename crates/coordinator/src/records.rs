//! The shard's state as records of `__consumer_offsets`, and back.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;
use wire::EncodeError;
use wire::records::coordinator::{
    GroupMetadataKey, GroupMetadataValue, GroupRecord, MemberMetadata, OffsetCommitKey,
    OffsetCommitValue,
};

use crate::group::Group;
use crate::member::{Member, Protocol};
use crate::members::Members;
use crate::offsets::CommittedOffset;

/// The version of an offset that expires at a time of its own, which later versions have no place for.
const EXPIRING_OFFSET_VERSION: i16 = 1;

/// A record's key and value as they are stored. The value's version is the one that Kafka 4.3 writes.
pub fn encode_record(record: &GroupRecord) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    match record {
        GroupRecord::OffsetCommit(_, Some(value)) if value.expire_timestamp != -1 => {
            record.encode_version(EXPIRING_OFFSET_VERSION)
        }
        _ => record.encode(),
    }
}

/// The most that a record takes in a batch of its own beside its key and value: the batch's header, five varints,
/// attributes and the count of headers.
const BATCH_OF_ONE_BYTES: usize = 96;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the record does not fit into a batch of the offsets topic")]
pub(crate) struct RecordTooLarge;

/// Checks that `record` can be kept and read again, before anything rests on it.
pub(crate) fn check_size(
    record: &GroupRecord,
    max_batch_bytes: usize,
) -> Result<(), RecordTooLarge> {
    let (key, value) = encode_record(record).map_err(|_| RecordTooLarge)?;
    GroupRecord::decode(&key, value.as_deref()).map_err(|_| RecordTooLarge)?;
    let size_bytes = key.len() + value.map_or(0, |value| value.len());
    if size_bytes.saturating_add(BATCH_OF_ONE_BYTES) > max_batch_bytes {
        return Err(RecordTooLarge);
    }
    Ok(())
}

pub(crate) fn store_offset(
    group_id: &str,
    topic: &str,
    partition: i32,
    committed: &CommittedOffset,
) -> GroupRecord {
    let value = OffsetCommitValue {
        offset: committed.offset,
        leader_epoch: committed.leader_epoch,
        metadata: committed.metadata.clone(),
        commit_timestamp: committed.commit_timestamp_ms,
        expire_timestamp: committed.expire_timestamp_ms.unwrap_or(-1),
        topic_id: committed.topic_id,
    };
    GroupRecord::OffsetCommit(offset_key(group_id, topic, partition), Some(value))
}

pub(crate) fn forget_offset(group_id: &str, topic: &str, partition: i32) -> GroupRecord {
    GroupRecord::OffsetCommit(offset_key(group_id, topic, partition), None)
}

fn offset_key(group_id: &str, topic: &str, partition: i32) -> OffsetCommitKey {
    OffsetCommitKey {
        group: group_id.to_owned(),
        topic: topic.to_owned(),
        partition,
    }
}

pub(crate) fn restore_offset(value: OffsetCommitValue) -> CommittedOffset {
    CommittedOffset {
        offset: value.offset,
        leader_epoch: value.leader_epoch,
        metadata: value.metadata,
        commit_timestamp_ms: value.commit_timestamp,
        expire_timestamp_ms: (value.expire_timestamp != -1).then_some(value.expire_timestamp),
        topic_id: value.topic_id,
    }
}

/// The group's generation with the assignments that its members have.
pub(crate) fn store_group(group: &Group) -> GroupRecord {
    let protocol = group.protocol_name.as_deref().unwrap_or_default();
    let members = group.members.iter().map(|member| MemberMetadata {
        member_id: member.id.to_string(),
        group_instance_id: member.group_instance_id.as_deref().map(str::to_owned),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: member.metadata(protocol),
        assignment: member.assignment.clone(),
    });
    let value = GroupMetadataValue {
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        generation: group.generation_id,
        protocol: group.protocol_name.clone(),
        leader: group.leader.as_deref().map(str::to_owned),
        current_state_timestamp: group.state_timestamp_ms.unwrap_or(-1),
        members: members.collect(),
    };
    GroupRecord::GroupMetadata(group_key(group), Some(value))
}

/// A group that has just come to be: no generation yet, whatever its first members are about to make of it.
pub(crate) fn store_new_group(group: &Group, created_ms: i64) -> GroupRecord {
    let value = GroupMetadataValue {
        current_state_timestamp: created_ms,
        ..GroupMetadataValue::default()
    };
    GroupRecord::GroupMetadata(group_key(group), Some(value))
}

pub(crate) fn forget_group(group: &Group) -> GroupRecord {
    GroupRecord::GroupMetadata(group_key(group), None)
}

fn group_key(group: &Group) -> GroupMetadataKey {
    GroupMetadataKey {
        group: group.id.to_string(),
    }
}

/// The group that `value` describes: stable if it has members, else empty.
pub(crate) fn restore_group(id: Arc<str>, value: GroupMetadataValue) -> Group {
    let protocol = value.protocol.clone().unwrap_or_default();
    let mut members = Members::default();
    for member in value.members {
        members.insert(restore_member(member, &protocol));
    }
    let mut group = Group::new(id, 0);
    group.state_timestamp_ms =
        (value.current_state_timestamp != -1).then_some(value.current_state_timestamp);
    group.protocol_type =
        Some(value.protocol_type).filter(|protocol_type| !protocol_type.is_empty());
    group.protocol_name = value.protocol;
    group.generation_id = value.generation;
    group.leader = value.leader.map(Into::into);
    group.restored(members)
}

fn restore_member(member: MemberMetadata, protocol: &str) -> Member {
    // Version 0 had one timeout for both.
    let rebalance_timeout_ms = if member.rebalance_timeout == -1 {
        member.session_timeout
    } else {
        member.rebalance_timeout
    };
    Member {
        id: member.member_id.into(),
        group_instance_id: member.group_instance_id.map(Into::into),
        client_id: member.client_id,
        client_host: member.client_host,
        rebalance_timeout_ms,
        session_timeout_ms: member.session_timeout,
        protocols: vec![Protocol {
            name: protocol.to_owned(),
            metadata: member.subscription,
        }],
        assignment: member.assignment,
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    }
}

/// Version 0 of the key, which Kafka wrote before 0.9.
pub(crate) fn restore_legacy_offset(
    offset: i64,
    metadata: String,
    commit_timestamp_ms: i64,
) -> CommittedOffset {
    CommittedOffset {
        offset,
        leader_epoch: -1,
        metadata,
        commit_timestamp_ms,
        expire_timestamp_ms: None,
        topic_id: Uuid::nil(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_could_not_be_read_again_is_refused() {
        let committed = |metadata: usize| CommittedOffset {
            offset: 5,
            leader_epoch: -1,
            metadata: "x".repeat(metadata),
            commit_timestamp_ms: 0,
            expire_timestamp_ms: None,
            topic_id: Uuid::nil(),
        };
        let check =
            |metadata| check_size(&store_offset("g", "t", 0, &committed(metadata)), 1_000_000);
        assert_eq!(check(32_767), Ok(()));
        assert_eq!(check(32_768), Err(RecordTooLarge));
    }
}
