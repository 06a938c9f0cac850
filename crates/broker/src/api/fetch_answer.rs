//! A Fetch on the wire: what its request asks of a session, and the answer around what was found.

use store::Payload;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request::FetchRequest;
use wire::response::fetch::{
    EpochEndOffset, FetchResponse, FetchableTopicResponse, PartitionData, Segment,
};
use wire::response::produce::LeaderIdAndEpoch;

use super::Call;
use super::fetch_session::{Outcome, SessionError, SessionRequest, TopicRef, Wanted};
use crate::errors::leadership_code;
use crate::net::Reply;
use crate::ops::read::{Divergence, Found, Isolation, ReadFault};

pub(super) struct PartitionAnswer {
    pub(super) result: Result<Found, Failed>,
}

pub(super) struct Failed {
    pub(super) error: ErrorCode,
    /// The partition is not here at all; Kafka then answers with an empty list of aborted transactions, else with none.
    pub(super) is_absent: bool,
    pub(super) current_leader: Option<(i32, i32)>,
}

impl SessionError {
    pub(super) fn code(self) -> ErrorCode {
        match self {
            Self::IdNotFound => ErrorCode::FetchSessionIdNotFound,
            Self::InvalidEpoch => ErrorCode::InvalidFetchSessionEpoch,
            Self::TopicIdMismatch => ErrorCode::FetchSessionTopicIdError,
        }
    }
}

impl PartitionAnswer {
    pub(super) fn bytes(&self) -> usize {
        self.result.as_ref().map_or(0, |found| found.payload.len())
    }

    pub(super) fn has_more(&self) -> bool {
        self.result.as_ref().is_ok_and(|found| found.more)
    }

    pub(super) fn is_notable(&self) -> bool {
        self.result
            .as_ref()
            .map_or(true, |found| found.divergence.is_some())
    }

    pub(super) fn outcome(&self) -> Outcome {
        let offsets = self
            .result
            .as_ref()
            .map_or((-1, -1), |found| (found.high_watermark, found.log_start));
        Outcome {
            has_records: self.bytes() > 0,
            notable: self.is_notable(),
            high_watermark: offsets.0,
            log_start: offsets.1,
        }
    }

    pub(super) fn into_wire(self, index: i32, isolation: Isolation) -> PartitionData<Payload> {
        match self.result {
            Ok(found) => PartitionData {
                high_watermark: found.high_watermark,
                last_stable_offset: found.last_stable_offset,
                log_start_offset: found.log_start,
                aborted_transactions: (isolation == Isolation::ReadCommitted).then(Vec::new),
                diverging_epoch: found.divergence.map(Divergence::into_wire),
                records: Some(found.payload),
                ..PartitionData::error(index, 0)
            },
            Err(failed) => PartitionData {
                current_leader: failed.current_leader.map(|(leader_id, leader_epoch)| {
                    LeaderIdAndEpoch {
                        leader_id,
                        leader_epoch,
                    }
                }),
                aborted_transactions: failed.is_absent.then(Vec::new),
                ..PartitionData::error(index, failed.error.code())
            },
        }
    }
}

impl Divergence {
    fn into_wire(self) -> EpochEndOffset {
        EpochEndOffset {
            epoch: self.epoch,
            end_offset: self.end_offset,
        }
    }
}

impl TopicRef {
    pub(super) fn heading(&self) -> FetchableTopicResponse<Payload> {
        let (topic, topic_id) = match self {
            Self::Name(name) => (name.to_string(), Uuid::nil()),
            Self::Id(id) => (String::new(), *id),
        };
        FetchableTopicResponse {
            topic,
            topic_id,
            partitions: Vec::new(),
        }
    }
}

pub(super) fn code_of(fault: &ReadFault) -> ErrorCode {
    match fault {
        ReadFault::Leadership(error) => leadership_code(*error),
        ReadFault::OutOfRange => ErrorCode::OffsetOutOfRange,
        ReadFault::Storage | ReadFault::Cold => ErrorCode::KafkaStorageError,
    }
}

pub(super) fn session_request(by_topic_id: bool, request: FetchRequest) -> SessionRequest {
    let reference = |name: &str, id: Uuid| match by_topic_id {
        true => TopicRef::Id(id),
        false => TopicRef::Name(name.into()),
    };
    let mut wanted = Vec::new();
    for topic in &request.topics {
        let reference = reference(&topic.topic, topic.topic_id);
        wanted.extend(topic.partitions.iter().map(|partition| Wanted {
            topic: reference.clone(),
            partition: partition.partition,
            fetch_offset: partition.fetch_offset,
            max_bytes: partition.partition_max_bytes,
            // Kafka takes every negative epoch for none here.
            current_leader_epoch: partition.current_leader_epoch.max(-1),
            last_fetched_epoch: partition.last_fetched_epoch,
        }));
    }
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let reference = reference(&topic.topic, topic.topic_id);
        forgotten.extend(
            topic
                .partitions
                .iter()
                .map(|partition| (reference.clone(), *partition)),
        );
    }
    SessionRequest {
        id: request.session_id,
        epoch: request.session_epoch,
        by_topic_id,
        wanted,
        forgotten,
    }
}

pub(super) fn encode(
    call: &Call,
    error_code: i16,
    session_id: i32,
    responses: Vec<FetchableTopicResponse<Payload>>,
) -> Option<Reply> {
    let response = FetchResponse {
        throttle_time_ms: 0,
        error_code,
        session_id,
        responses,
        node_endpoints: Vec::new(),
    };
    match response.encode(call.version(), call.header.correlation_id, Payload::len) {
        Ok(segments) => Some(Reply::from_iter(segments.into_iter().map(
            |segment| match segment {
                Segment::Framing(bytes) => Payload::Bytes(bytes),
                Segment::Records(payload) => payload,
            },
        ))),
        Err(error) => {
            tracing::error!(%error, "unencodable fetch response");
            None
        }
    }
}
