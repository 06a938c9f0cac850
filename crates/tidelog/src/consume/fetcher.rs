//! Fetches from every leader at once, and what comes back in order per partition.
//!
//! Each leader has at most one fetch in flight, and a partition's position moves only when its
//! answer is taken, so a dropped [`Fetcher::advance`] loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use client::{ClientError, Cluster, Isolation, Metadata, TopicFilter, TopicPartition, check};
use format::{BatchHeader, batches, body, check_crc, records};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::task::JoinSet;

use super::ConsumeArgs;
use super::printer::Printer;

/// How long a broker may wait for records before it answers that there are none.
const MAX_WAIT_MS: i32 = 500;
const MAX_FETCH_BYTES: i32 = 16 << 20;
const MAX_PARTITION_FETCH_BYTES: i32 = 1 << 20;
/// What one batch may hold once decompressed.
const MAX_BATCH_BODY_BYTES: usize = 256 << 20;
/// From version 13 on Fetch names topics by id.
const FETCH_BY_NAME_VERSION: i16 = 12;
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How long brokers may be away, as they are while they restart.
const ABSENCE_PATIENCE: Duration = Duration::from_secs(30);

/// Where a partition's reader is, and where it stops unless it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) next: i64,
    pub(super) stop_at: Option<i64>,
}

impl Position {
    fn is_done(&self) -> bool {
        self.stop_at.is_some_and(|end| self.next >= end)
    }
}

pub(super) struct Fetcher {
    cluster: Arc<Cluster>,
    metadata: Metadata,
    metadata_is_stale: bool,
    /// When a broker was first found away, until one answers again.
    away_since: Option<Instant>,
    topic: String,
    isolation: Isolation,
    positions: BTreeMap<i32, Position>,
    in_flight: JoinSet<(i32, Result<FetchResponse, ClientError>)>,
    busy_leaders: BTreeSet<i32>,
}

impl Fetcher {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        metadata: Metadata,
        args: &ConsumeArgs,
        positions: BTreeMap<i32, Position>,
    ) -> Self {
        Self {
            cluster,
            metadata,
            metadata_is_stale: false,
            away_since: None,
            topic: args.topic.clone(),
            isolation: args.isolation.into(),
            positions,
            in_flight: JoinSet::new(),
            busy_leaders: BTreeSet::new(),
        }
    }

    /// The next offset to read of each partition, to be committed.
    pub(super) fn committable(&self) -> BTreeMap<TopicPartition, i64> {
        let positions = self.positions.iter();
        positions
            .map(|(index, position)| ((self.topic.clone(), *index), position.next))
            .collect()
    }

    /// Waits for one answer and prints what is in it. `false` when every partition is read to its
    /// end.
    pub(super) async fn advance(&mut self, printer: &mut Printer) -> anyhow::Result<bool> {
        if self.metadata_is_stale {
            tokio::time::sleep(RETRY_PAUSE).await;
            let topics = [self.topic.clone()];
            let filter = TopicFilter::Named(&topics);
            match self.cluster.metadata(filter, false).await {
                Ok(metadata) => self.metadata = metadata,
                Err(error) => return self.bear_with(error).map(|()| true),
            }
            self.metadata_is_stale = false;
        }
        self.fetch_from_idle_leaders()?;
        let Some(answer) = self.in_flight.join_next().await else {
            let done = self.positions.values().all(Position::is_done);
            self.metadata_is_stale = !done;
            return Ok(!done);
        };
        let (leader, answer) = answer?;
        self.busy_leaders.remove(&leader);
        match answer {
            Ok(answer) => {
                self.away_since = None;
                self.take(answer, printer)?;
            }
            Err(error) => self.bear_with(error)?,
        }
        printer.flush()?;
        Ok(true)
    }

    /// A broker that is away may come back, or its partitions may find another leader.
    fn bear_with(&mut self, error: ClientError) -> anyhow::Result<()> {
        let first = self.away_since.is_none();
        let since = *self.away_since.get_or_insert_with(Instant::now);
        if !error.is_disconnect() || since.elapsed() > ABSENCE_PATIENCE {
            return Err(error.into());
        }
        if first {
            tracing::warn!("{error}");
        }
        self.metadata_is_stale = true;
        Ok(())
    }

    /// Starts a fetch at each leader that has something to read and is not asked already.
    fn fetch_from_idle_leaders(&mut self) -> anyhow::Result<()> {
        let mut by_leader: BTreeMap<i32, Vec<FetchPartition>> = BTreeMap::new();
        for (index, position) in &self.positions {
            if position.is_done() {
                continue;
            }
            let leader = match self.metadata.leader(&self.topic, *index) {
                Ok(leader) => leader,
                Err(error) if error.refusal() == Some(ResponseError::LeaderNotAvailable) => {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            by_leader.entry(leader).or_default().push(
                FetchPartition::default()
                    .with_partition(*index)
                    .with_fetch_offset(position.next)
                    .with_partition_max_bytes(MAX_PARTITION_FETCH_BYTES),
            );
        }
        for (leader, partitions) in by_leader {
            if !self.busy_leaders.insert(leader) {
                continue;
            }
            let request = self.request(partitions);
            let cluster = self.cluster.clone();
            self.in_flight.spawn(async move {
                let answer = async {
                    let connection = cluster.broker(leader).await?;
                    connection.call_up_to(FETCH_BY_NAME_VERSION, &request).await
                };
                (leader, answer.await)
            });
        }
        Ok(())
    }

    /// A fetch outside of any session.
    fn request(&self, partitions: Vec<FetchPartition>) -> FetchRequest {
        let topic = FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_string(self.topic.clone())))
            .with_partitions(partitions);
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(MAX_WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(MAX_FETCH_BYTES)
            .with_isolation_level(self.isolation.code())
            .with_session_id(0)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }

    fn take(&mut self, answer: FetchResponse, printer: &mut Printer) -> anyhow::Result<()> {
        check(answer.error_code, None).map_err(ClientError::from)?;
        for partition in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            let place = || format!("{}-{}", self.topic, partition.partition_index);
            let Err(refusal) = check(partition.error_code, None) else {
                let index = partition.partition_index;
                if let Some(position) = self.positions.get_mut(&index) {
                    print_partition(partition, position, self.isolation, printer)
                        .with_context(|| format!("{}-{index}", self.topic))?;
                }
                continue;
            };
            match refusal.error {
                ResponseError::NotLeaderOrFollower
                | ResponseError::LeaderNotAvailable
                | ResponseError::UnknownLeaderEpoch
                | ResponseError::FencedLeaderEpoch
                | ResponseError::OffsetNotAvailable => self.metadata_is_stale = true,
                _ => {
                    let error = anyhow::Error::from(ClientError::Refused(refusal));
                    return Err(error.context(place()));
                }
            }
        }
        Ok(())
    }
}

/// Prints a partition's records from its position on, and moves the position past them.
fn print_partition<W: Write>(
    partition: &PartitionData,
    position: &mut Position,
    isolation: Isolation,
    printer: &mut Printer<W>,
) -> anyhow::Result<()> {
    let bytes = partition.records.as_deref().unwrap_or_default();
    let mut aborted = Aborted::new(partition, isolation);
    for batch in batches(bytes) {
        let batch = batch?;
        check_crc(batch.bytes)?;
        if aborted.hides(&batch.header, batch.bytes)? || batch.header.is_control() {
            position.next = position.next.max(batch.header.next_offset());
            continue;
        }
        let body = body(batch.bytes, MAX_BATCH_BODY_BYTES)?;
        for record in records(&body) {
            let record = record?;
            let offset = record.offset(&batch.header);
            if position.is_done() || printer.is_full() {
                return Ok(());
            }
            if offset < position.next || position.stop_at.is_some_and(|end| offset >= end) {
                continue;
            }
            printer.print(partition.partition_index, &batch.header, &record)?;
            position.next = offset.saturating_add(1);
        }
        position.next = position.next.max(batch.header.next_offset());
    }
    Ok(())
}

/// Which producers' batches belong to an aborted transaction while an answer is walked.
struct Aborted {
    /// (first offset, producer id), the lowest offset last.
    ahead: Vec<(i64, i64)>,
    producers: BTreeSet<i64>,
}

impl Aborted {
    fn new(partition: &PartitionData, isolation: Isolation) -> Self {
        let listed = match isolation {
            Isolation::ReadUncommitted => None,
            Isolation::ReadCommitted => partition.aborted_transactions.as_ref(),
        };
        let mut ahead: Vec<(i64, i64)> = listed
            .into_iter()
            .flatten()
            .map(|aborted| (aborted.first_offset, aborted.producer_id.0))
            .collect();
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            ahead,
            producers: BTreeSet::new(),
        }
    }

    /// Whether a batch is part of an aborted transaction. An abort marker ends one.
    fn hides(&mut self, batch: &BatchHeader, bytes: &[u8]) -> anyhow::Result<bool> {
        while let Some((_, producer)) = self
            .ahead
            .pop_if(|(first_offset, _)| *first_offset <= batch.last_offset())
        {
            self.producers.insert(producer);
        }
        if batch.is_control() {
            if is_abort_marker(batch, bytes)? {
                self.producers.remove(&batch.producer_id);
            }
            return Ok(false);
        }
        Ok(batch.is_transactional() && self.producers.contains(&batch.producer_id))
    }
}

/// A control record's key is its version and its type; type 0 is an abort.
fn is_abort_marker(batch: &BatchHeader, bytes: &[u8]) -> anyhow::Result<bool> {
    let body = batch.body_of(bytes)?;
    let Some(record) = records(body).next().transpose()? else {
        return Ok(false);
    };
    Ok(matches!(record.key, Some([_, _, 0, 0, ..])))
}

#[cfg(test)]
#[path = "fetcher_tests.rs"]
mod tests;
