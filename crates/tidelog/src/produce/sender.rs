//! Records into batches, batches to their leaders.
//!
//! One request per leader is in flight at a time, so that records of a partition stay in order also
//! when a leader moves and its batch is sent again. With acks=all the sender is idempotent: a batch
//! whose answer got lost is sent again, and the broker knows it by its sequence. Else a batch is sent
//! again only after an answer that says that it was not written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use bytes::Bytes;
use clap::ValueEnum;
use client::{ClientError, Cluster, Metadata, Refusal, TopicFilter, check};
use format::{BatchBuilder, BatchHeader, Compression, Header};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::task::JoinSet;

use super::idempotence::IdempotentProducer;
use super::input::NewRecord;
use super::partitioner::partition_of;
use super::written::Written;
use crate::hint::Advised;
use crate::output::counted;

/// A batch is sent when it has grown to this, which every broker takes by default, compressed or not.
const MAX_BATCH_SIZE_BYTES: usize = 900_000;
/// What all partitions' batches may hold together before they are sent.
const MAX_BUFFERED_BYTES: usize = 8 << 20;
/// From version 13 on Produce names topics by id.
const PRODUCE_BY_NAME_VERSION: i16 = 12;
/// How long a topic may take to appear that the broker creates by itself.
const CREATION_PATIENCE: Duration = Duration::from_secs(3);
/// How long a partition may take to find another leader, or its broker to come back.
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
    cluster: Arc<Cluster>,
    options: SenderOptions,
    /// With acks=all, where the broker gives ids to producers.
    producer: Option<IdempotentProducer>,
    metadata: Metadata,
    batches: BTreeMap<i32, BatchBuilder>,
    buffered_bytes: usize,
    written: Written,
    /// Counts flushes: records without a key move on to the next partition with each.
    turn: usize,
}

impl Sender {
    pub(super) async fn open(cluster: Cluster, options: SenderOptions) -> anyhow::Result<Self> {
        let metadata = find_topic(&cluster, &options.topic).await?;
        if let Some(index) = options.partition {
            check_partition(&metadata, &options.topic, index)?;
        }
        let producer = match options.acks {
            Acks::All => IdempotentProducer::begin(&cluster).await?,
            Acks::None | Acks::Leader => None,
        };
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            cluster: Arc::new(cluster),
            options,
            producer,
            metadata,
            batches: BTreeMap::new(),
            buffered_bytes: 0,
            written: Written::default(),
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

    /// What has been written as asked so far.
    pub(super) fn written(&self) -> &Written {
        &self.written
    }

    /// Sends all batches and returns when all are written as asked.
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        let mut unsent = BTreeMap::new();
        for (partition, batch) in std::mem::take(&mut self.batches) {
            let batch = match &mut self.producer {
                Some(producer) => producer.number(partition, batch),
                None => batch,
            };
            unsent.insert(partition, batch.build()?);
        }
        self.buffered_bytes = 0;
        self.turn = self.turn.wrapping_add(1);
        let deadline = Instant::now() + LEADER_PATIENCE;
        while !unsent.is_empty() {
            let Some(setback) = self.send_once(&mut unsent).await? else {
                continue;
            };
            if !self.passes(&setback) || Instant::now() > deadline {
                return Err(setback.into_error(&self.options.topic));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
            let topics = [self.options.topic.clone()];
            let filter = TopicFilter::Named(&topics);
            match self.cluster.metadata(filter, false).await {
                Ok(metadata) => self.metadata = metadata,
                Err(error) if error.is_disconnect() => tracing::debug!("{error}"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends each batch to its leader; what was written is taken out of `unsent`. Returns one of
    /// the setbacks, one that does not pass if there is any.
    async fn send_once(
        &mut self,
        unsent: &mut BTreeMap<i32, Bytes>,
    ) -> anyhow::Result<Option<Setback>> {
        let mut by_leader: BTreeMap<i32, Vec<PartitionProduceData>> = BTreeMap::new();
        let mut setbacks = Vec::new();
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
                    setbacks.push(Setback::Refused(*partition, Refusal { error, message }));
                }
            }
        }
        let mut sent = self.send_to_leaders(by_leader);
        while let Some(sent) = sent.join_next().await {
            let Sent { partitions, answer } = sent?;
            match answer {
                Ok(Some(answer)) => self.take(&answer, unsent, &mut setbacks)?,
                // acks=0: written to the socket is all that there is to know.
                Ok(None) => {
                    for partition in partitions {
                        self.count(partition, unsent.remove(&partition), None)?;
                    }
                }
                Err(error) => setbacks.push(Setback::Away(error)),
            }
        }
        let lasting = setbacks.iter().position(|setback| !self.passes(setback));
        Ok(match lasting {
            Some(index) => Some(setbacks.swap_remove(index)),
            None => setbacks.pop(),
        })
    }

    fn take(
        &mut self,
        answer: &ProduceResponse,
        unsent: &mut BTreeMap<i32, Bytes>,
        setbacks: &mut Vec<Setback>,
    ) -> anyhow::Result<()> {
        let topics = answer.responses.iter();
        for written in topics.flat_map(|topic| &topic.partition_responses) {
            let index = written.index;
            match check(written.error_code, written.error_message.as_ref()) {
                Err(refusal) if refusal.error != ResponseError::DuplicateSequenceNumber => {
                    setbacks.push(Setback::Refused(index, refusal));
                }
                Ok(()) | Err(_) => {
                    self.tell(index, written.base_offset);
                    // A duplicate's answer need not say where the first one lies.
                    let offset = Some(written.base_offset).filter(|offset| *offset >= 0);
                    self.count(index, unsent.remove(&index), offset)?;
                }
            }
        }
        Ok(())
    }

    fn count(
        &mut self,
        partition: i32,
        batch: Option<Bytes>,
        base_offset: Option<i64>,
    ) -> anyhow::Result<()> {
        if let Some(batch) = batch {
            let count = BatchHeader::parse(&batch)?.record_count;
            self.written.add(partition, i64::from(count), base_offset);
        }
        Ok(())
    }

    fn send_to_leaders(
        &self,
        by_leader: BTreeMap<i32, Vec<PartitionProduceData>>,
    ) -> JoinSet<Sent> {
        let acks = self.options.acks;
        let mut sent = JoinSet::new();
        for (leader, batches) in by_leader {
            let partitions = batches.iter().map(|batch| batch.index).collect();
            let topic = TopicProduceData::default()
                .with_name(TopicName(StrBytes::from_string(self.options.topic.clone())))
                .with_partition_data(batches);
            let request = ProduceRequest::default()
                .with_acks(acks.code())
                .with_timeout_ms(self.options.timeout_ms)
                .with_topic_data(vec![topic]);
            let cluster = self.cluster.clone();
            sent.spawn(async move {
                let answer = send(&cluster, leader, acks, &request).await;
                Sent { partitions, answer }
            });
        }
        sent
    }

    /// Whether sending the batch again is safe and may help.
    fn passes(&self, setback: &Setback) -> bool {
        let idempotent = self.producer.is_some();
        match setback {
            Setback::Refused(_, refusal) if idempotent => {
                refusal.error.is_retriable() && refusal.error != ResponseError::CorruptMessage
            }
            Setback::Refused(_, refusal) => moves(refusal.error),
            Setback::Away(ClientError::Connect { .. }) => true,
            Setback::Away(error) => idempotent && error.is_disconnect(),
        }
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

/// What came of a request to one leader; no answer is due with acks=0.
struct Sent {
    partitions: Vec<i32>,
    answer: Result<Option<ProduceResponse>, ClientError>,
}

/// Why a batch is not known to be written.
enum Setback {
    Refused(i32, Refusal),
    Away(ClientError),
}

impl Setback {
    fn into_error(self, topic: &str) -> anyhow::Error {
        match self {
            Self::Refused(partition, refusal) => {
                let error = anyhow::Error::from(ClientError::Refused(refusal));
                error.context(format!("{topic}-{partition}"))
            }
            Self::Away(error) => {
                anyhow::Error::from(error).context("some of the last records may not be written")
            }
        }
    }
}

impl Acks {
    fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

async fn send(
    cluster: &Cluster,
    leader: i32,
    acks: Acks,
    request: &ProduceRequest,
) -> Result<Option<ProduceResponse>, ClientError> {
    let connection = cluster.broker(leader).await?;
    if acks == Acks::None {
        let written = connection.send_unanswered(PRODUCE_BY_NAME_VERSION, request);
        return written.await.map(|()| None);
    }
    let answer = connection.call_up_to(PRODUCE_BY_NAME_VERSION, request);
    answer.await.map(Some)
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
                return Err(error.context(format!("topic {name}")));
            }
        }
    }
}

/// A partition that is not there would be waited for as one whose leader moves.
fn check_partition(metadata: &Metadata, topic: &str, index: i32) -> Result<(), Advised> {
    let found = metadata.topic(topic);
    let partitions = found.map_or(&[][..], |topic| &topic.partitions);
    match partitions.iter().any(|partition| partition.index == index) {
        true => Ok(()),
        false => Err(Advised {
            what: format!(
                "topic {topic} has {}, counted from 0, and none is {index}",
                counted(partitions.len(), "partition")
            ),
            advice: "`tidelog topic add-partitions` makes more",
        }),
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
