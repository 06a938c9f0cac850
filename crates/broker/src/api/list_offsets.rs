//! ListOffsets, versions 1 to 11. Special timestamps by KIP-79, KIP-734 (max timestamp), KIP-405 (earliest local), KIP-1005
//! (latest tiered) and KIP-1023 (earliest pending upload).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use replica::Partition;
use store::TimestampedOffset;
use wire::ErrorCode;
use wire::request::{ListOffsetsPartition, ListOffsetsRequest};
use wire::response::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};

use super::Call;
use crate::errors::leadership_code;
use crate::ops::read::Isolation;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// Nothing was found: offset, timestamp and leader epoch are all unknown.
const NOT_FOUND: TimestampedOffset = TimestampedOffset {
    offset: -1,
    timestamp: -1,
    leader_epoch: -1,
};

pub(crate) async fn handle(call: Arc<Call>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let isolation = match request.isolation_level {
        0 => Isolation::ReadUncommitted,
        _ => Isolation::ReadCommitted,
    };
    let mut repeated = repeated(&request);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let found = match repeated.get_mut(&(topic.name.as_str(), asked.partition_index)) {
                Some(is_answered) => {
                    if std::mem::replace(is_answered, true) {
                        continue;
                    }
                    Err(ErrorCode::InvalidRequest)
                }
                None => find(&call, &topic.name, asked, isolation).await,
            };
            partitions.push(answer(asked.partition_index, found));
        }
        topics.push(ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions,
        });
    }
    ListOffsetsResponse {
        throttle_time_ms: 0,
        topics,
    }
}

/// Partitions that the request names more than once, none of them answered yet; Kafka refuses each with one answer.
fn repeated(request: &ListOffsetsRequest) -> HashMap<(&str, i32), bool> {
    let mut seen = HashSet::new();
    let all = request.topics.iter().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|partition| (topic.name.as_str(), partition.partition_index))
    });
    let repeated = all.filter(|partition| !seen.insert(*partition));
    repeated.map(|partition| (partition, false)).collect()
}

fn answer(index: i32, found: Result<TimestampedOffset, ErrorCode>) -> ListOffsetsPartitionResponse {
    let (error_code, found) = match found {
        Ok(found) => (0, found),
        Err(error) => (error.code(), NOT_FOUND),
    };
    ListOffsetsPartitionResponse {
        partition_index: index,
        error_code,
        timestamp: found.timestamp,
        offset: found.offset,
        leader_epoch: found.leader_epoch,
    }
}

async fn find(
    call: &Call,
    topic: &str,
    asked: &ListOffsetsPartition,
    isolation: Isolation,
) -> Result<TimestampedOffset, ErrorCode> {
    if !is_supported(asked.timestamp, call.version()) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let partition = call.broker.partition(topic, asked.partition_index)?;
    let leader_epoch = partition
        .check_leader_epoch(asked.current_leader_epoch)
        .map_err(leadership_code)?;
    let visible_end = match isolation {
        Isolation::ReadUncommitted => partition.high_watermark(),
        Isolation::ReadCommitted => partition.last_stable_offset(),
    };
    let log = partition.log();
    match asked.timestamp {
        LATEST => Ok(TimestampedOffset {
            offset: visible_end,
            timestamp: -1,
            leader_epoch,
        }),
        EARLIEST | EARLIEST_LOCAL => {
            let offset = log.log_start();
            Ok(TimestampedOffset {
                offset,
                timestamp: -1,
                leader_epoch: log.leader_epoch_at(offset).unwrap_or(-1),
            })
        }
        // Nothing is tiered, so nothing waits to be.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(NOT_FOUND),
        timestamp => search(partition, timestamp, visible_end).await,
    }
}

/// Each special timestamp has a version that introduced it.
fn is_supported(timestamp: i64, version: i16) -> bool {
    match timestamp {
        LATEST | EARLIEST | 0.. => true,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        EARLIEST_PENDING_UPLOAD => version >= 11,
        _ => false,
    }
}

/// Looks into the time index and the log, which may go to the disk.
async fn search(
    partition: Arc<Partition>,
    timestamp: i64,
    visible_end: i64,
) -> Result<TimestampedOffset, ErrorCode> {
    let found = tokio::task::spawn_blocking(move || match timestamp {
        MAX_TIMESTAMP => partition.log().offset_of_max_timestamp(),
        timestamp => partition.log().offset_for_timestamp(timestamp),
    });
    match found.await {
        Ok(Ok(found)) => Ok(found
            .filter(|found| found.offset < visible_end)
            .unwrap_or(NOT_FOUND)),
        Ok(Err(error)) => {
            tracing::error!(%error, "offset look-up failed");
            Err(ErrorCode::KafkaStorageError)
        }
        Err(_) => Err(ErrorCode::KafkaStorageError),
    }
}
