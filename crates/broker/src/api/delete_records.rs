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

pub(crate) async fn handle(
    call: Arc<Call>,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let low_watermark =
                delete(&call, &topic.name, asked.partition_index, asked.offset).await;
            partitions.push(
                DeleteRecordsPartitionResult::default()
                    .with_partition_index(asked.partition_index)
                    .with_error_code(low_watermark.err().map_or(0, |error| error.code()))
                    .with_low_watermark(low_watermark.unwrap_or(UNKNOWN_LOW_WATERMARK)),
            );
        }
        topics.push(
            DeleteRecordsTopicResult::default()
                .with_name(TopicName(StrBytes::from_string(topic.name)))
                .with_partitions(partitions),
        );
    }
    let broker = call.broker.clone();
    let checkpoint = move || broker.logs.checkpoint_log_starts(&broker.topics);
    if tokio::task::spawn_blocking(checkpoint).await.is_err() {
        tracing::error!("log starts not checkpointed");
    }
    DeleteRecordsResponse::default().with_topics(topics)
}

async fn delete(call: &Call, topic: &str, index: i32, offset: i64) -> Result<i64, ErrorCode> {
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
    let deleted =
        tokio::task::spawn_blocking(move || partition.delete_records_before(target)).await;
    match deleted {
        Ok(Ok(low_watermark)) => Ok(low_watermark),
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
