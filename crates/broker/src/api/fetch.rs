//! Fetch, versions 4 to 18. Sessions (KIP-227), epoch fencing (KIP-320), topic ids (KIP-516), divergence (KIP-595),
//! current leader in the answer (KIP-951).
//!
//! A fetch that finds less than `min_bytes` parks in [`Fetch::wait`], here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use replica::{LeadershipError, Partition};
use store::{Payload, Reach};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use wire::ErrorCode;
use wire::request::FetchRequest;
use wire::response::fetch::{FetchableTopicResponse, TOPIC_ID_VERSION};

use super::fetch_answer::{Failed, PartitionAnswer, code_of, encode, session_request};
use super::fetch_session::{Context, SessionError, TopicRef, Wanted};
use super::{Begun, Call, Waiting};
use crate::clock;
use crate::net::{Frame, Reply, aside};
use crate::ops::read::{self, Isolation, ReadArgs, ReadFault};
use crate::parked::Parked;
use crate::topics::Topic;

/// Since when a follower says who it is in a struct of its own (KIP-903).
const REPLICA_STATE_FROM: i16 = 15;

/// Since when an answer names the current leader (KIP-951).
const CURRENT_LEADER_FROM: i16 = 16;

pub(crate) fn begin(call: Call, frame: Frame) -> Begun {
    let request: FetchRequest = match super::decode(&call, &frame) {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let fetch = match Fetch::open(call, request) {
        Ok(fetch) => fetch,
        Err(Refusal { call, error }) => {
            return call.answered(encode(&call, error.code().code(), 0, Vec::new()));
        }
    };
    let Some(found) = fetch.read(Reach::Memory) else {
        return Begun::Waiting(Waiting::for_more(fetch.answer_from_disk()));
    };
    let Some(parking) = fetch.may_wait(&found) else {
        return fetch.call.answered(fetch.answer(found));
    };
    let found_bytes = found.bytes;
    drop(found);
    Begun::Waiting(Waiting::for_more(
        Arc::new(fetch).wait(found_bytes, parking),
    ))
}

struct Fetch {
    call: Call,
    /// Another broker asks, and none is a replica of what this node leads.
    is_follower: bool,
    context: Context,
    max_bytes: u32,
    min_bytes: u32,
    max_wait: Duration,
    isolation: Isolation,
}

struct Refusal {
    call: Call,
    error: SessionError,
}

/// What one pass over the wanted partitions found.
struct Pass {
    partitions: Vec<PartitionAnswer>,
    bytes: usize,
    /// An error or a divergence: the client should know at once.
    notable: bool,
    /// A partition has more than one answer brings, so that waiting would bring no more of it.
    more: bool,
}

impl Fetch {
    fn open(call: Call, request: FetchRequest) -> Result<Self, Refusal> {
        let broker_max_bytes = call.broker.config().network.fetch_max_bytes;
        let max_bytes = unsigned(request.max_bytes.min(broker_max_bytes));
        // More than it may get it need not wait for.
        let min_bytes = unsigned(request.min_bytes).min(max_bytes);
        let max_wait = Duration::from_millis(unsigned(request.max_wait_ms).into());
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
                max_bytes,
                min_bytes,
                max_wait,
                isolation,
            }),
            Err(error) => Err(Refusal { call, error }),
        }
    }

    /// One pass: reads every wanted partition in order while the answer has room; only looks at the others. `None` if that
    /// goes beyond its reach.
    fn read(&self, reach: Reach) -> Option<Pass> {
        let wanted = self.context.wanted();
        let mut pass = Pass {
            partitions: Vec::with_capacity(wanted.len()),
            bytes: 0,
            notable: false,
            more: false,
        };
        let mut room = self.max_bytes;
        for wanted in wanted {
            let answer = self.read_one(wanted, room, pass.bytes == 0, reach)?;
            let bytes = answer.bytes();
            room = room.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
            pass.bytes += bytes;
            pass.notable |= answer.is_notable();
            pass.more |= answer.has_more();
            pass.partitions.push(answer);
        }
        Some(pass)
    }

    fn read_one(
        &self,
        wanted: &Wanted,
        room: u32,
        at_least_one: bool,
        reach: Reach,
    ) -> Option<PartitionAnswer> {
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
            return Some(PartitionAnswer {
                result: Err(failed),
            });
        };
        let args = ReadArgs {
            from: wanted.fetch_offset,
            max_bytes: room.min(unsigned(wanted.max_bytes)),
            at_least_one,
            current_leader_epoch: wanted.current_leader_epoch,
            last_fetched_epoch: wanted.last_fetched_epoch,
            isolation: self.isolation,
            reach,
        };
        let read = match self.is_follower {
            true => Err(LeadershipError::NotLeader.into()),
            false => read::read(&partition, args),
        };
        let result = match read {
            Err(ReadFault::Cold) => return None,
            Err(fault) => Err(Failed {
                error: code_of(&fault),
                current_leader: self.current_leader(&partition, &fault),
                is_absent: false,
            }),
            Ok(found) => Ok(found),
        };
        Some(PartitionAnswer { result })
    }

    /// One pass, by a thread that may wait for the disk where that is needed. `None` at the end of the process.
    async fn look(self: &Arc<Self>) -> Option<Pass> {
        if let Some(found) = self.read(Reach::Memory) {
            return Some(found);
        }
        self.look_at_disk().await
    }

    async fn look_at_disk(self: &Arc<Self>) -> Option<Pass> {
        let fetch = self.clone();
        aside(move || fetch.read(Reach::Disk)).await?
    }

    fn is_due(&self, found: &Pass) -> bool {
        found.notable || found.more || found.bytes >= self.min_bytes as usize
    }

    /// What it takes to wait for more; none where there is no need to wait, or no room for those who do.
    fn may_wait(&self, found: &Pass) -> Option<OwnedSemaphorePermit> {
        let wanted = self.context.wanted().len();
        if self.max_wait.is_zero() || wanted == 0 || self.is_due(found) {
            return None;
        }
        self.call.broker.fetch_sessions.may_park(wanted)
    }

    async fn answer_from_disk(self) -> Option<Reply> {
        let fetch = Arc::new(self);
        let found = fetch.look_at_disk().await?;
        match fetch.may_wait(&found) {
            Some(parking) => fetch.wait(found.bytes, parking).await,
            None => fetch.answer(found),
        }
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
    async fn wait(
        self: Arc<Self>,
        mut found_bytes: usize,
        _parking: OwnedSemaphorePermit,
    ) -> Option<Reply> {
        let deadline = Instant::now() + self.max_wait;
        loop {
            let missing = (self.min_bytes as usize).saturating_sub(found_bytes);
            let parked = Parked::for_bytes(self.partitions(), signed(missing));
            let found = self.look().await?;
            if self.is_due(&found) {
                return self.answer(found);
            }
            // Bytes that came before the registration are paid here; those that came after it may be paid twice, which
            // only means one look too many.
            parked
                .waiter
                .pay(signed(found.bytes.saturating_sub(found_bytes)));
            drop(found);
            let in_time = tokio::time::timeout_at(deadline, parked.waiter.due())
                .await
                .is_ok();
            drop(parked);
            let found = self.look().await?;
            if !in_time || self.is_due(&found) {
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

/// What a client means by a number that should not be negative.
fn unsigned(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
