//! Records into batches, batches to their leaders.
//!
//! One request per leader is in flight at a time, so that records of a partition stay in order also
//! when a leader moves and its batch is sent again. A batch is sent again only after an answer that
//! says that it was not written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::ValueEnum;
use client::{ClientError, Cluster, Metadata, Refusal, TopicFilter, check};
use format::{BatchBuilder, Compression, Header};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::task::JoinSet;

use super::input::NewRecord;
use super::partitioner::partition_of;

/// A batch is sent when it has grown to this, which every broker takes by default, compressed or not.
const MAX_BATCH_SIZE_BYTES: usize = 900_000;
/// What all partitions' batches may hold together before they are sent.
const MAX_BUFFERED_BYTES: usize = 8 << 20;
/// From version 13 on Produce names topics by id.
const PRODUCE_BY_NAME_VERSION: i16 = 12;
/// How long a topic may take to appear that the broker creates by itself.
const CREATION_PATIENCE: Duration = Duration::from_secs(3);
/// How long a partition may take to find another leader.
const LEADER_PATIENCE: Duration = Duration::from_secs(30);
const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Acks {
    #[value(name = "0")]
    None,
    #[value(name = "1")]
    Leader,
    All,
}

pub(super) struct SenderOptions {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
    pub(super) compression: Compression,
    pub(super) acks: Acks,
    pub(super) timeout_ms: i32,
    pub(super) verbose: bool,
}

pub(super) struct Sender {
    cluster: Cluster,
    options: SenderOptions,
    metadata: Metadata,
    batches: BTreeMap<i32, BatchBuilder>,
    buffered_bytes: usize,
    /// Counts flushes: records without a key move on to the next partition with each.
    turn: usize,
}

impl Sender {
    pub(super) async fn open(cluster: Cluster, options: SenderOptions) -> anyhow::Result<Self> {
        let metadata = find_topic(&cluster, &options.topic).await?;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            cluster,
            options,
            metadata,
            batches: BTreeMap::new(),
            buffered_bytes: 0,
            turn: since_epoch.subsec_micros() as usize,
        })
    }

    /// Puts a record into its partition's batch, sending what is there first if it is full.
    pub(super) async fn append(&mut self, record: NewRecord) -> anyhow::Result<()> {
        let size_bytes = size_of(&record);
        let partition = self.partition_of(&record)?;
        let batch_size = self.batches.get(&partition).map(BatchBuilder::size_bytes);
        let too_large = batch_size.is_some_and(|size| size + size_bytes > MAX_BATCH_SIZE_BYTES);
        if too_large || self.buffered_bytes > MAX_BUFFERED_BYTES {
            self.flush().await?;
        }
        let codec = self.options.compression;
        let batch = self
            .batches
            .entry(partition)
            .or_insert_with(|| BatchBuilder::new(0).compression(codec, None));
        let headers: Vec<Header<'_>> = record
            .headers
            .iter()
            .map(|(key, value)| Header {
                key,
                value: value.as_deref(),
            })
            .collect();
        batch.append(
            record.timestamp.map_or_else(now_ms, Ok)?,
            record.key.as_deref(),
            record.value.as_deref(),
            &headers,
        );
        self.buffered_bytes += size_bytes;
        Ok(())
    }

    /// Sends all batches and returns when all are written as asked.
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        let mut unsent = BTreeMap::new();
        for (partition, batch) in std::mem::take(&mut self.batches) {
            unsent.insert(partition, batch.build()?);
        }
        self.buffered_bytes = 0;
        self.turn = self.turn.wrapping_add(1);
        let deadline = Instant::now() + LEADER_PATIENCE;
        while !unsent.is_empty() {
            let refused = self.send_once(&mut unsent).await?;
            let Some((partition, refusal)) = refused else {
                continue;
            };
            if !moves(refusal.error) || Instant::now() > deadline {
                let place = format!("{}-{partition}", self.options.topic);
                return Err(anyhow::Error::from(ClientError::Refused(refusal)).context(place));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
            let topics = [self.options.topic.clone()];
            let filter = TopicFilter::Named(&topics);
            self.metadata = self.cluster.metadata(filter, false).await?;
        }
        Ok(())
    }

    /// Sends each batch to its leader; what was written is taken out of `unsent`. Returns one of
    /// the refusals, a final one if there is any.
    async fn send_once(
        &self,
        unsent: &mut BTreeMap<i32, Bytes>,
    ) -> anyhow::Result<Option<(i32, Refusal)>> {
        let mut by_leader: BTreeMap<i32, Vec<PartitionProduceData>> = BTreeMap::new();
        let mut refused: Option<(i32, Refusal)> = None;
        for (partition, batch) in unsent.iter() {
            match self.metadata.leader(&self.options.topic, *partition) {
                Ok(leader) => by_leader.entry(leader).or_default().push(
                    PartitionProduceData::default()
                        .with_index(*partition)
                        .with_records(Some(batch.clone())),
                ),
                Err(error) => {
                    let error = error.refusal().ok_or(error)?;
                    let message = None;
                    refused = Some((*partition, Refusal { error, message }));
                }
            }
        }
        let mut answers = self.send_to_leaders(by_leader).await?;
        while let Some(answer) = answers.join_next().await {
            let answer = answer?.context("some of the last batch may not be written")?;
            let Some(answer) = answer else {
                // acks=0: written to the socket is all that there is to know.
                unsent.clear();
                continue;
            };
            for written in answer.responses.iter().flat_map(|t| &t.partition_responses) {
                match check(written.error_code, written.error_message.as_ref()) {
                    Ok(()) => {
                        unsent.remove(&written.index);
                        self.tell(written.index, written.base_offset);
                    }
                    Err(refusal) if refused.as_ref().is_none_or(|(_, r)| moves(r.error)) => {
                        refused = Some((written.index, refusal));
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(refused)
    }

    async fn send_to_leaders(
        &self,
        by_leader: BTreeMap<i32, Vec<PartitionProduceData>>,
    ) -> Result<JoinSet<Result<Option<ProduceResponse>, ClientError>>, ClientError> {
        let acks = self.options.acks;
        let mut answers = JoinSet::new();
        for (leader, partitions) in by_leader {
            let topic = TopicProduceData::default()
                .with_name(TopicName(StrBytes::from_string(self.options.topic.clone())))
                .with_partition_data(partitions);
            let request = ProduceRequest::default()
                .with_acks(match acks {
                    Acks::None => 0,
                    Acks::Leader => 1,
                    Acks::All => -1,
                })
                .with_timeout_ms(self.options.timeout_ms)
                .with_topic_data(vec![topic]);
            let connection = self.cluster.broker(leader).await?;
            answers.spawn(async move {
                if acks == Acks::None {
                    let written = connection.send_unanswered(PRODUCE_BY_NAME_VERSION, &request);
                    return written.await.map(|()| None);
                }
                let answer = connection.call_up_to(PRODUCE_BY_NAME_VERSION, &request);
                answer.await.map(Some)
            });
        }
        Ok(answers)
    }

    fn tell(&self, partition: i32, base_offset: i64) {
        if self.options.verbose {
            eprintln!(
                "{}-{partition} from offset {base_offset}",
                self.options.topic
            );
        }
    }

    fn partition_of(&self, record: &NewRecord) -> anyhow::Result<i32> {
        if let Some(partition) = self.options.partition {
            return Ok(partition);
        }
        let topic = self.metadata.topic(&self.options.topic);
        let partitions = topic.map_or(&[][..], |topic| &topic.partitions);
        let index = match &record.key {
            Some(key) => partition_of(key, partitions.len()),
            None => self.turn % partitions.len().max(1),
        };
        let partition = partitions.get(index);
        let partition = partition.ok_or_else(|| anyhow!("the topic has no partitions"))?;
        Ok(partition.index)
    }
}

/// Asks for the topic until it is there, which also makes a broker create it that does so.
async fn find_topic(cluster: &Cluster, name: &str) -> anyhow::Result<Metadata> {
    let deadline = Instant::now() + CREATION_PATIENCE;
    let names = [name.to_owned()];
    loop {
        let metadata = cluster.metadata(TopicFilter::Named(&names), true).await?;
        let refusal = metadata.topic(name).and_then(|topic| topic.refusal.clone());
        match refusal {
            None => return Ok(metadata),
            Some(refusal) if moves(refusal.error) && Instant::now() < deadline => {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Some(refusal) => {
                let error = anyhow::Error::from(ClientError::Refused(refusal));
                return Err(error.context(name.to_owned()));
            }
        }
    }
}

/// Whether the batch was not written, and may be where the leader is next.
fn moves(error: ResponseError) -> bool {
    matches!(
        error,
        ResponseError::NotLeaderOrFollower
            | ResponseError::LeaderNotAvailable
            | ResponseError::UnknownTopicOrPartition
            | ResponseError::FencedLeaderEpoch
    )
}

fn size_of(record: &NewRecord) -> usize {
    /// Lengths, deltas and attributes of a record, at most.
    const OVERHEAD_BYTES: usize = 36;
    let size = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers = record.headers.iter();
    let headers_bytes: usize = headers
        .map(|(key, value)| key.len() + size(value) + 10)
        .sum();
    OVERHEAD_BYTES + size(&record.key) + size(&record.value) + headers_bytes
}

fn now_ms() -> anyhow::Result<i64> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since_epoch.as_millis())?)
}
