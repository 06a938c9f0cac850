//! Produce, versions 3 to 13. Idempotence (KIP-98), record errors (KIP-467), current leader (KIP-951), topic ids (KIP-516).
//!
//! The batches are appended from the frame they arrived in, the frame is released, and then the answer parks until they
//! are as durable as was asked, in [`Produced::settle`], here and nowhere else. Where a disk hangs the appends are done by
//! its writer thread, whole requests at a time.

use std::sync::Arc;
use std::time::Duration;

use config::RecordValidation;
use format::{BatchHeader, Compression};
use replica::{Cause, Disk, Partition};
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;
use wire::ErrorCode;
use wire::request::produce::{ProducePartition, ProduceRequest, TopicRef};
use wire::response::produce::{ProduceResponse, TopicProduceResponse};

use super::produce_answer::{Refusal, accepted};
use super::{Begun, Call, Waiting};
use crate::errors::leadership_code;
use crate::internal_topics;
use crate::logs::Dir;
use crate::net::{Frame, Reply};
use crate::ops::append::{self, Accepted, Allowance};
use crate::parked::Parked;
use crate::topics::Topic;

const ACKS_ALL: i16 = -1;
const ACKS_NONE: i16 = 0;
const ACKS_LEADER: i16 = 1;

/// Since when zstd may be used (KIP-110).
const ZSTD_FROM: i16 = 7;

/// The client id under which Kafka's tools may write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

pub(crate) fn begin(call: Call, mut frame: Frame) -> Begun {
    let Some(disk) = disk_behind(&call, &mut frame) else {
        return append_all(call, frame);
    };
    let (begun, elsewhere) = oneshot::channel();
    // Whoever is not there any more to take the answer takes none.
    disk.hand_over(move || _ = begun.send(append_all(call, frame)));
    Begun::Elsewhere(elsewhere)
}

/// The first disk, of those that the request would be written to, that would keep the worker waiting.
fn disk_behind(call: &Call, frame: &mut Frame) -> Option<Arc<Disk>> {
    if !call.broker.logs.dirs().iter().any(Dir::is_behind) {
        return None;
    }
    let body = frame.bytes.get_mut(call.header.body_offset..)?;
    let request = ProduceRequest::decode(body, call.version()).ok()?;
    let partitions = request.partitions(body).map_while(Result::ok);
    let mut disks = partitions.filter_map(|sent| {
        let partition = topic_of(call, &sent.topic)?.partition(sent.partition_index)?;
        Some(partition.disk().clone())
    });
    disks.find(|disk| disk.is_behind())
}

fn topic_of(call: &Call, topic: &TopicRef<'_>) -> Option<Arc<Topic>> {
    match topic {
        TopicRef::Name(name) => call.broker.topics.by_name(name),
        TopicRef::Id(id) => call.broker.topics.by_id(id),
    }
}

fn append_all(call: Call, mut frame: Frame) -> Begun {
    let body = frame
        .bytes
        .get_mut(call.header.body_offset..)
        .unwrap_or_default();
    let request = match ProduceRequest::decode(body, call.version()) {
        Ok(request) => request,
        Err(error) => return call.refuse(error),
    };
    let mut produced = Produced {
        topics: Vec::new(),
        allowance: Allowance::of_request(body.len()),
    };
    for partition in request.partitions(body) {
        match partition {
            Ok(partition) => produced.add(&call, &request, partition),
            Err(error) => return call.refuse(error),
        }
    }
    drop(frame);
    let cause = match request.acks {
        ACKS_NONE if produced.failed() => {
            return call.refuse("failed, with acks=0");
        }
        ACKS_NONE => return Begun::Silent,
        ACKS_LEADER => Cause::DurableEnd,
        _ => Cause::HighWatermark,
    };
    let targets = produced.targets(cause);
    if targets.is_empty() {
        return call.answered(produced.answer(&call));
    }
    let deadline =
        Instant::now() + Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let parked = Parked::for_offsets(targets, cause);
    Begun::Waiting(Waiting::parked(
        produced.settle(call, cause, parked, deadline),
    ))
}

/// What became of the partitions of one request, in its order.
struct Produced {
    topics: Vec<ProducedTopic>,
    allowance: Allowance,
}

struct ProducedTopic {
    position: usize,
    name: String,
    id: Uuid,
    partitions: Vec<ProducedPartition>,
}

struct ProducedPartition {
    index: i32,
    outcome: Result<Pending, Refusal>,
}

/// Appended; durable once the partition has passed `end`.
struct Pending {
    partition: Arc<Partition>,
    accepted: Accepted,
    end: i64,
}

impl Produced {
    fn add(&mut self, call: &Call, request: &ProduceRequest, sent: ProducePartition<'_>) {
        let topic = topic_of(call, &sent.topic);
        if self
            .topics
            .last()
            .is_none_or(|last| last.position != sent.topic_position)
        {
            let (name, id) = match sent.topic {
                TopicRef::Name(name) => (name.to_owned(), Uuid::nil()),
                TopicRef::Id(id) => (String::new(), id),
            };
            self.topics.push(ProducedTopic {
                position: sent.topic_position,
                name,
                id,
                partitions: Vec::new(),
            });
        }
        let index = sent.partition_index;
        let outcome = append_one(call, request, topic.as_deref(), &mut self.allowance, sent);
        if let Some(last) = self.topics.last_mut() {
            last.partitions.push(ProducedPartition { index, outcome });
        }
    }

    fn outcomes(&mut self) -> impl Iterator<Item = &mut Result<Pending, Refusal>> {
        self.topics
            .iter_mut()
            .flat_map(|topic| &mut topic.partitions)
            .map(|partition| &mut partition.outcome)
    }

    fn failed(&mut self) -> bool {
        self.outcomes().any(|outcome| outcome.is_err())
    }

    /// The partitions that are not yet as durable as `cause` demands.
    fn targets(&mut self, cause: Cause) -> Vec<(Arc<Partition>, i64)> {
        let pending = self.outcomes().filter_map(|outcome| outcome.as_ref().ok());
        pending
            .filter(|pending| pending.partition.offset_of(cause) < pending.end)
            .map(|pending| (pending.partition.clone(), pending.end))
            .collect()
    }

    /// Waits until every append is as durable as `cause` demands, its partition is lost, or the time is up.
    async fn settle(
        mut self,
        call: Call,
        cause: Cause,
        parked: Parked,
        deadline: Instant,
    ) -> Option<Reply> {
        let in_time = tokio::time::timeout_at(deadline, parked.waiter.due())
            .await
            .is_ok();
        drop(parked);
        for outcome in self.outcomes() {
            if let Ok(pending) = outcome
                && pending.partition.offset_of(cause) < pending.end
            {
                let lost = pending.partition.leader_epoch().err().map(leadership_code);
                *outcome = Err(match lost {
                    Some(error) => error.into(),
                    None if in_time => ErrorCode::NotLeaderOrFollower.into(),
                    None => ErrorCode::RequestTimedOut.into(),
                });
            }
        }
        self.answer(&call)
    }

    fn answer(self, call: &Call) -> Option<Reply> {
        let topics = self.topics.into_iter().map(|topic| TopicProduceResponse {
            name: topic.name,
            topic_id: topic.id,
            partition_responses: topic
                .partitions
                .into_iter()
                .map(|partition| match partition.outcome {
                    Ok(pending) => accepted(partition.index, pending.accepted),
                    Err(refusal) => refusal.into_wire(partition.index),
                })
                .collect(),
        });
        call.encode(ProduceResponse {
            responses: topics.collect(),
            ..ProduceResponse::default()
        })
    }
}

fn append_one(
    call: &Call,
    request: &ProduceRequest,
    topic: Option<&Topic>,
    allowance: &mut Allowance,
    sent: ProducePartition<'_>,
) -> Result<Pending, Refusal> {
    if !(ACKS_ALL..=ACKS_LEADER).contains(&request.acks) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let Some(topic) = topic else {
        return Err(match sent.topic {
            TopicRef::Name(_) => ErrorCode::UnknownTopicOrPartition.into(),
            TopicRef::Id(_) => ErrorCode::UnknownTopicId.into(),
        });
    };
    if internal_topics::is_internal(&topic.name) && call.client_id() != ADMIN_CLIENT_ID {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let records = sent.records.ok_or(ErrorCode::InvalidRecord)?;
    check_header(records, call.version(), request)?;
    let partition = topic
        .partition(sent.partition_index)
        .ok_or_else(|| call.broker.absent(&topic.name, sent.partition_index))?;
    let full = call.broker.config().log.record_validation == RecordValidation::Full;
    match append::append(&partition, &topic.config.load(), full, allowance, records) {
        Ok(accepted) => Ok(Pending {
            end: accepted.appended.last_offset + 1,
            partition,
            accepted,
        }),
        Err(fault) => Err(Refusal::of(call, &partition, &fault)),
    }
}

/// What depends on the request as well as on the batch.
fn check_header(records: &[u8], version: i16, request: &ProduceRequest) -> Result<(), ErrorCode> {
    // A batch that cannot be parsed is the log's matter.
    let Ok(header) = BatchHeader::parse(records) else {
        return Ok(());
    };
    // A client of an old version could not read back what a zstd producer wrote (KIP-110).
    if version < ZSTD_FROM && header.compression() == Compression::Zstd {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    if header.is_transactional() && request.transactional_id.is_none() {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    Ok(())
}
