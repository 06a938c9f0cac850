//! DeleteRecords, versions 0 to 2: moves log start offsets forward for good (KIP-107).
//!
//! The answer goes out after the new log starts are checkpointed: what was deleted stays deleted, whatever happens next.

use std::sync::Arc;

use config::TopicConfig;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use replica::Partition;
use wire::ErrorCode;
use wire::request::DeleteRecordsRequest;

use super::Call;
use crate::errors::leadership_code;
use crate::internal_topics;

/// The offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

/// The low watermark beside an error.
const UNKNOWN_LOW_WATERMARK: i64 = -1;

/// What was deleted of a partition.
struct Deleted {
    low_watermark: i64,
    /// The directory that holds the partition, as an index of [`Logs::dirs`](crate::logs::Logs::dirs).
    dir: usize,
}

pub(crate) async fn handle(
    call: Arc<Call>,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let index = asked.partition_index;
            partitions.push((index, delete(&call, &topic.name, index, asked.offset).await));
        }
        topics.push((topic.name, partitions));
    }
    let failed_dirs = checkpoint(&call).await;
    let topics = topics.into_iter().map(|(name, partitions)| {
        let results = partitions
            .into_iter()
            .map(|(index, deleted)| result(index, deleted, &failed_dirs));
        DeleteRecordsTopicResult::default()
            .with_name(TopicName(StrBytes::from_string(name)))
            .with_partitions(results.collect())
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

/// Answers which directories did not take the new log starts.
async fn checkpoint(call: &Call) -> Vec<usize> {
    let broker = call.broker.clone();
    let all_dirs = 0..broker.logs.dirs().len();
    let written =
        tokio::task::spawn_blocking(move || broker.logs.checkpoint_log_starts(&broker.topics));
    written.await.unwrap_or_else(|_| all_dirs.collect())
}

fn result(
    index: i32,
    deleted: Result<Deleted, ErrorCode>,
    failed_dirs: &[usize],
) -> DeleteRecordsPartitionResult {
    let low_watermark = match deleted {
        Ok(deleted) if failed_dirs.contains(&deleted.dir) => Err(ErrorCode::KafkaStorageError),
        Ok(deleted) => Ok(deleted.low_watermark),
        Err(error) => Err(error),
    };
    DeleteRecordsPartitionResult::default()
        .with_partition_index(index)
        .with_error_code(low_watermark.err().map_or(0, |error| error.code()))
        .with_low_watermark(low_watermark.unwrap_or(UNKNOWN_LOW_WATERMARK))
}

async fn delete(call: &Call, topic: &str, index: i32, offset: i64) -> Result<Deleted, ErrorCode> {
    let hosted = call
        .broker
        .topics
        .by_name(topic)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = call.broker.partition(topic, index)?;
    if internal_topics::is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    partition.leader_epoch().map_err(leadership_code)?;
    if !allows_deletion(&hosted.config.load()) {
        return Err(ErrorCode::PolicyViolation);
    }
    let target = target(&partition, offset)?;
    let dir = call.broker.logs.dir_of(&partition);
    let deleted =
        tokio::task::spawn_blocking(move || partition.delete_records_before(target)).await;
    match deleted {
        Ok(Ok(low_watermark)) => Ok(Deleted { low_watermark, dir }),
        Ok(Err(error)) => {
            tracing::error!(%error, topic, index, "records could not be deleted");
            Err(ErrorCode::KafkaStorageError)
        }
        Err(_) => Err(ErrorCode::KafkaStorageError),
    }
}

/// A topic that is only compacted keeps the last value of every key.
fn allows_deletion(config: &TopicConfig) -> bool {
    config.cleanup_policy.delete
}

fn target(partition: &Partition, offset: i64) -> Result<i64, ErrorCode> {
    let high_watermark = partition.high_watermark();
    match offset {
        HIGH_WATERMARK => Ok(high_watermark),
        offset if offset < 0 || offset > high_watermark => Err(ErrorCode::OffsetOutOfRange),
        offset => Ok(offset),
    }
}
