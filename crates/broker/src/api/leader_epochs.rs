//! OffsetForLeaderEpoch, versions 2 to 4: where a leader epoch ended (KIP-101, KIP-279, KIP-320).

use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::request::{OffsetForLeaderEpochRequest, OffsetForLeaderPartition};

use super::Call;
use crate::errors::leadership_code;

pub(crate) fn handle(
    call: &Call,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let (error, epoch, end_offset) = match find(call, &topic.topic, asked) {
                Ok((epoch, end_offset)) => (0, epoch, end_offset),
                Err(error) => (error.code(), -1, -1),
            };
            EpochEndOffset::default()
                .with_partition(asked.partition)
                .with_error_code(error)
                .with_leader_epoch(epoch)
                .with_end_offset(end_offset)
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default()
            .with_topic(TopicName(StrBytes::from_string(topic.topic)))
            .with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

fn find(
    call: &Call,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<(i32, i64), ErrorCode> {
    let partition = call.broker.partition(topic, asked.partition)?;
    partition
        .check_leader_epoch(asked.current_leader_epoch)
        .map_err(leadership_code)?;
    Ok(partition
        .log()
        .end_offset_for_epoch(asked.leader_epoch)
        .unwrap_or((-1, -1)))
}
