//! Fetch, versions 4 to 18. Sessions (KIP-227), epoch fencing (KIP-320), topic ids (KIP-516), divergence (KIP-595),
//! current leader in the answer (KIP-951).
//!
//! A fetch that finds less than `min_bytes` parks in [`Fetch::wait`], here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use replica::{LeadershipError, Partition};
use store::Payload;
use tokio::time::Instant;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request::FetchRequest;
use wire::response::fetch::{
    EpochEndOffset, FetchResponse, FetchableTopicResponse, PartitionData, Segment, TOPIC_ID_VERSION,
};
use wire::response::produce::LeaderIdAndEpoch;

use super::fetch_session::{Context, Outcome, SessionError, SessionRequest, TopicRef, Wanted};
use super::{Begun, Call, Waiting};
use crate::clock;
use crate::errors::leadership_code;
use crate::net::{Frame, Reply};
use crate::ops::read::{self, Divergence, Found, Isolation, ReadArgs, ReadFault};
use crate::parked::Parked;
use crate::topics::Topic;

/// Since when a follower says who it is in a struct of its own (KIP-903).
const REPLICA_STATE_FROM: i16 = 15;

/// Since when an answer names the current leader (KIP-951).
const CURRENT_LEADER_FROM: i16 = 16;

pub(crate) fn begin(call: Call, frame: Frame) -> Begun {
    let request: FetchRequest = match super::decode(&call, frame) {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let max_wait_ms = request.max_wait_ms;
    // More than it may get it need not wait for.
    let min_bytes = request.min_bytes.min(request.max_bytes);
    let fetch = match Fetch::open(call, request) {
        Ok(fetch) => fetch,
        Err(Refusal { call, error }) => {
            return answered(encode(&call, error.code().code(), 0, Vec::new()));
        }
    };
    let found = fetch.read();
    let wanted = fetch.context.wanted().len();
    if max_wait_ms <= 0 || wanted == 0 || found.is_due(min_bytes) {
        return answered(fetch.answer(found));
    }
    let Some(parking) = fetch.call.broker.fetch_sessions.may_park(wanted) else {
        return answered(fetch.answer(found));
    };
    let deadline = Instant::now() + Duration::from_millis(max_wait_ms.unsigned_abs().into());
    let found_bytes = found.bytes;
    Begun::Waiting(Waiting::for_more(async move {
        let _parking = parking;
        fetch.wait(min_bytes, found_bytes, deadline).await
    }))
}

fn answered(reply: Option<Reply>) -> Begun {
    reply.map_or(
        Begun::Refused("unencodable fetch response".into()),
        Begun::Answered,
    )
}

struct Fetch {
    call: Call,
    /// Another broker asks, and none is a replica of what this node leads.
    is_follower: bool,
    context: Context,
    max_bytes: u32,
    isolation: Isolation,
}

struct Refusal {
    call: Call,
    error: SessionError,
}

impl SessionError {
    fn code(self) -> ErrorCode {
        match self {
            Self::IdNotFound => ErrorCode::FetchSessionIdNotFound,
            Self::InvalidEpoch => ErrorCode::InvalidFetchSessionEpoch,
            Self::TopicIdMismatch => ErrorCode::FetchSessionTopicIdError,
        }
    }
}

/// What one pass over the wanted partitions found.
struct Pass {
    partitions: Vec<PartitionAnswer>,
    bytes: usize,
    /// An error or a divergence: the client should know at once.
    notable: bool,
}

impl Pass {
    fn is_due(&self, min_bytes: i32) -> bool {
        self.notable || i64::try_from(self.bytes).unwrap_or(i64::MAX) >= i64::from(min_bytes)
    }
}

struct PartitionAnswer {
    result: Result<Found, Failed>,
}

struct Failed {
    error: ErrorCode,
    /// The partition is not here at all; Kafka then answers with an empty list of aborted transactions, else with none.
    is_absent: bool,
    current_leader: Option<(i32, i32)>,
}

impl Fetch {
    fn open(call: Call, request: FetchRequest) -> Result<Self, Refusal> {
        let max_bytes = request
            .max_bytes
            .min(call.broker.config().network.fetch_max_bytes);
        let isolation = match request.isolation_level {
            0 => Isolation::ReadUncommitted,
            _ => Isolation::ReadCommitted,
        };
        let replica_id = match call.version() {
            ..REPLICA_STATE_FROM => request.replica_id,
            _ => request.replica_state.replica_id,
        };
        let session = session_request(call.version() >= TOPIC_ID_VERSION, request);
        match call
            .broker
            .fetch_sessions
            .open(session, clock::now_ms(), clock::random_i32)
        {
            Ok(context) => Ok(Self {
                call,
                is_follower: replica_id >= 0,
                context,
                max_bytes: u32::try_from(max_bytes).unwrap_or(0),
                isolation,
            }),
            Err(error) => Err(Refusal { call, error }),
        }
    }

    /// One pass: reads every wanted partition in order while the answer has room.
    fn read(&self) -> Pass {
        let wanted = self.context.wanted();
        let mut pass = Pass {
            partitions: Vec::with_capacity(wanted.len()),
            bytes: 0,
            notable: false,
        };
        let mut room = self.max_bytes;
        for wanted in wanted {
            let answer = self.read_one(wanted, room, pass.bytes == 0);
            let bytes = answer.bytes();
            room = room.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
            pass.bytes += bytes;
            pass.notable |= answer.is_notable();
            pass.partitions.push(answer);
        }
        pass
    }

    fn read_one(&self, wanted: &Wanted, room: u32, at_least_one: bool) -> PartitionAnswer {
        let topic = self.topic(&wanted.topic);
        let Some(partition) = topic
            .as_ref()
            .and_then(|topic| topic.partition(wanted.partition))
        else {
            let failed = Failed {
                error: self.absent(&wanted.topic, wanted.partition),
                current_leader: None,
                is_absent: true,
            };
            return PartitionAnswer {
                result: Err(failed),
            };
        };
        let args = ReadArgs {
            from: wanted.fetch_offset,
            max_bytes: room.min(u32::try_from(wanted.max_bytes).unwrap_or(0)),
            at_least_one,
            current_leader_epoch: wanted.current_leader_epoch,
            last_fetched_epoch: wanted.last_fetched_epoch,
            isolation: self.isolation,
        };
        let read = match self.is_follower {
            true => Err(LeadershipError::NotLeader.into()),
            false => read::read(&partition, args),
        };
        let result = read.map_err(|fault| Failed {
            error: code_of(&fault),
            current_leader: self.current_leader(&partition, &fault),
            is_absent: false,
        });
        PartitionAnswer { result }
    }

    fn topic(&self, reference: &TopicRef) -> Option<Arc<Topic>> {
        match reference {
            TopicRef::Name(name) => self.call.broker.topics.by_name(name),
            TopicRef::Id(id) => self.call.broker.topics.by_id(id),
        }
    }

    /// Why a partition is not served here: unknown, or known to the cluster but led elsewhere.
    fn absent(&self, reference: &TopicRef, partition: i32) -> ErrorCode {
        let image = self.call.broker.image();
        let topic = match reference {
            TopicRef::Name(name) => image.topic(name),
            TopicRef::Id(id) => image.topic_by_id(*id),
        };
        match (topic, reference) {
            (Some(topic), _) => self.call.broker.absent(&topic.name, partition),
            (None, TopicRef::Id(_)) => ErrorCode::UnknownTopicId,
            (None, TopicRef::Name(_)) => ErrorCode::UnknownTopicOrPartition,
        }
    }

    /// Where to go instead, for a client that asked with the wrong leader in mind.
    fn current_leader(&self, partition: &Partition, fault: &ReadFault) -> Option<(i32, i32)> {
        let asks_elsewhere = matches!(
            fault,
            ReadFault::Leadership(LeadershipError::NotLeader | LeadershipError::FencedEpoch)
        );
        let image = self.call.broker.image();
        let known = image
            .partition(&partition.topic, partition.index)
            .filter(|_| asks_elsewhere && self.call.version() >= CURRENT_LEADER_FROM)?;
        Some((known.leader, known.leader_epoch))
    }

    /// Parks until enough became visible, a partition changed, or the time is up; then reads once more and answers.
    async fn wait(self, min_bytes: i32, found_bytes: usize, deadline: Instant) -> Option<Reply> {
        let mut found_bytes = found_bytes;
        loop {
            let missing = i64::from(min_bytes) - i64::try_from(found_bytes).unwrap_or(i64::MAX);
            let parked = Parked::for_bytes(self.partitions(), missing);
            let found = self.read();
            if found.is_due(min_bytes) {
                return self.answer(found);
            }
            // Bytes that came before the registration are paid here; those that came after it may be paid twice, which
            // only means one look too many.
            parked
                .waiter
                .pay(i64::try_from(found.bytes.saturating_sub(found_bytes)).unwrap_or(i64::MAX));
            drop(found);
            if tokio::time::timeout_at(deadline, parked.waiter.due())
                .await
                .is_err()
            {
                drop(parked);
                return self.answer(self.read());
            }
            drop(parked);
            let found = self.read();
            if found.is_due(min_bytes) {
                return self.answer(found);
            }
            found_bytes = found.bytes;
        }
    }

    fn partitions(&self) -> Vec<Arc<Partition>> {
        let wanted = self.context.wanted().iter();
        wanted
            .filter_map(|wanted| self.topic(&wanted.topic)?.partition(wanted.partition))
            .collect()
    }

    fn answer(&self, pass: Pass) -> Option<Reply> {
        let outcomes: Vec<_> = pass
            .partitions
            .iter()
            .map(PartitionAnswer::outcome)
            .collect();
        let selected = self.context.select(&outcomes);
        let mut topics: Vec<FetchableTopicResponse<Payload>> = Vec::new();
        let mut last: Option<&TopicRef> = None;
        let answers = self
            .context
            .wanted()
            .iter()
            .zip(pass.partitions)
            .zip(selected);
        for ((wanted, answer), _) in answers.filter(|(_, selected)| *selected) {
            if last != Some(&wanted.topic) {
                topics.push(wanted.topic.heading());
                last = Some(&wanted.topic);
            }
            if let Some(topic) = topics.last_mut() {
                topic
                    .partitions
                    .push(answer.into_wire(wanted.partition, self.isolation));
            }
        }
        encode(&self.call, 0, self.context.session_id(), topics)
    }
}

impl PartitionAnswer {
    fn bytes(&self) -> usize {
        self.result.as_ref().map_or(0, |found| found.payload.len())
    }

    fn is_notable(&self) -> bool {
        self.result
            .as_ref()
            .map_or(true, |found| found.divergence.is_some())
    }

    fn outcome(&self) -> Outcome {
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

    fn into_wire(self, index: i32, isolation: Isolation) -> PartitionData<Payload> {
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
    fn heading(&self) -> FetchableTopicResponse<Payload> {
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

fn code_of(fault: &ReadFault) -> ErrorCode {
    match fault {
        ReadFault::Leadership(error) => leadership_code(*error),
        ReadFault::OutOfRange => ErrorCode::OffsetOutOfRange,
        ReadFault::Storage => ErrorCode::KafkaStorageError,
    }
}

fn session_request(by_topic_id: bool, request: FetchRequest) -> SessionRequest {
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

fn encode(
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
