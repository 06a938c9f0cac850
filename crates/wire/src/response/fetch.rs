//! The answer to a Fetch, written around its records: they are named by length only, and sent from where they are.
//!
//! *Invariant: records are never null on the wire. A partition without any has zero bytes; librdkafka takes -1 for a
//! broken answer and drops the connection.*

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::api::ApiKey;
use crate::codec::{
    At, EncodeError, Prefix, Wire, message, put_length, put_tagged, put_unsigned_varint,
};

use super::produce::{LeaderIdAndEpoch, NodeEndpoint};
use super::{begin_frame, end_frame};

/// The first version that names topics by id.
pub const TOPIC_ID_VERSION: i16 = 13;
const FLEXIBLE_FROM: i16 = 12;

/// An answer whose records are `P`: a file range, bytes, or whatever knows its length.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchResponse<P> {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse<P>>,
    /// Where the leaders named in `current_leader` are (KIP-951).
    pub node_endpoints: Vec<NodeEndpoint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FetchableTopicResponse<P> {
    /// Written until version 12.
    pub topic: String,
    /// Written since version 13.
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData<P>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionData<P> {
    pub partition_index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    /// -1 if unknown.
    pub last_stable_offset: i64,
    /// -1 if unknown.
    pub log_start_offset: i64,
    /// Sorted by first offset, and `None` unless the consumer reads committed.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// -1 for none (KIP-392).
    pub preferred_read_replica: i32,
    /// Where the follower's log parted from ours (KIP-595).
    pub diverging_epoch: Option<EpochEndOffset>,
    pub current_leader: Option<LeaderIdAndEpoch>,
    /// The snapshot to fetch instead (KIP-630).
    pub snapshot_id: Option<SnapshotId>,
    pub records: Option<P>,
}

message! {
    pub struct AbortedTransaction {
        producer_id: i64,
        first_offset: i64,
    }

    pub struct EpochEndOffset {
        epoch: i32 = -1,
        end_offset: i64 = -1,
    }

    pub struct SnapshotId {
        end_offset: i64 = -1,
        epoch: i32 = -1,
    }
}

/// A piece of the frame, in the order in which it is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment<P> {
    Framing(Bytes),
    Records(P),
}

impl<P> PartitionData<P> {
    /// A partition that answers with an error and nothing else.
    pub fn error(partition_index: i32, error_code: i16) -> PartitionData<P> {
        PartitionData {
            partition_index,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted_transactions: None,
            preferred_read_replica: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            records: None,
        }
    }
}

impl<P> FetchResponse<P> {
    /// Encodes the whole frame: size, header, and the body in `version`, cut where records go. What the version lacks is
    /// left out. `size_bytes` tells the length of records; those of zero bytes become no segment.
    pub fn encode(
        self,
        version: i16,
        correlation_id: i32,
        size_bytes: impl Fn(&P) -> usize,
    ) -> Result<Vec<Segment<P>>, EncodeError> {
        let mut frame = Frame {
            at: At {
                version,
                flexible: version >= FLEXIBLE_FROM,
                nullable: false,
            },
            framing: begin_frame(ApiKey::Fetch, version, correlation_id)?,
            cuts: Vec::new(),
            records_bytes: 0,
        };
        frame.response(self, size_bytes)?;
        frame.finish()
    }
}

/// A frame being written: all its framing, and the records with where in the framing each goes.
struct Frame<P> {
    at: At,
    framing: BytesMut,
    cuts: Vec<(usize, P)>,
    records_bytes: usize,
}

impl<P> Frame<P> {
    fn response(
        &mut self,
        response: FetchResponse<P>,
        size_bytes: impl Fn(&P) -> usize,
    ) -> Result<(), EncodeError> {
        let version = self.at.version;
        self.framing.put_i32(response.throttle_time_ms);
        if version >= 7 {
            self.framing.put_i16(response.error_code);
            self.framing.put_i32(response.session_id);
        }
        self.count(response.responses.len())?;
        for topic in response.responses {
            if version >= TOPIC_ID_VERSION {
                self.framing.put_slice(topic.topic_id.as_bytes());
            } else {
                topic.topic.write(&mut self.framing, self.at)?;
            }
            self.count(topic.partitions.len())?;
            for partition in topic.partitions {
                self.partition(partition, &size_bytes)?;
            }
            self.no_tagged_fields();
        }
        if !self.at.flexible {
            return Ok(());
        }
        let endpoints = response.node_endpoints;
        let is_tagged = version >= 16 && !endpoints.is_empty();
        put_unsigned_varint(&mut self.framing, is_tagged.into());
        if is_tagged {
            put_tagged(&mut self.framing, 0, |buf| endpoints.write(buf, self.at))?;
        }
        Ok(())
    }

    fn partition(
        &mut self,
        partition: PartitionData<P>,
        size_bytes: impl Fn(&P) -> usize,
    ) -> Result<(), EncodeError> {
        let version = self.at.version;
        self.framing.put_i32(partition.partition_index);
        self.framing.put_i16(partition.error_code);
        self.framing.put_i64(partition.high_watermark);
        self.framing.put_i64(partition.last_stable_offset);
        if version >= 5 {
            self.framing.put_i64(partition.log_start_offset);
        }
        let aborted = partition.aborted_transactions;
        aborted.write(&mut self.framing, self.at.nullable(true))?;
        if version >= 11 {
            self.framing.put_i32(partition.preferred_read_replica);
        }
        let records_bytes = partition.records.as_ref().map_or(0, size_bytes);
        self.count(records_bytes)?;
        if let Some(records) = partition.records.filter(|_| records_bytes > 0) {
            self.cuts.push((self.framing.len(), records));
            self.records_bytes += records_bytes;
        }
        if !self.at.flexible {
            return Ok(());
        }
        let diverging = partition.diverging_epoch;
        let leader = partition.current_leader;
        let snapshot = partition.snapshot_id;
        let tagged = [diverging.is_some(), leader.is_some(), snapshot.is_some()];
        put_unsigned_varint(&mut self.framing, tagged.map(u32::from).iter().sum());
        self.tagged(0, diverging.as_ref())?;
        self.tagged(1, leader.as_ref())?;
        self.tagged(2, snapshot.as_ref())
    }

    fn tagged(&mut self, tag: u32, value: Option<&impl Wire>) -> Result<(), EncodeError> {
        match value {
            Some(value) => put_tagged(&mut self.framing, tag, |buf| value.write(buf, self.at)),
            None => Ok(()),
        }
    }

    /// The count of an array, or the length of records.
    fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        let prefix = if self.at.flexible {
            Prefix::Compact
        } else {
            Prefix::Int32
        };
        put_length(&mut self.framing, prefix, count)
    }

    fn no_tagged_fields(&mut self) {
        if self.at.flexible {
            self.framing.put_u8(0);
        }
    }

    fn finish(mut self) -> Result<Vec<Segment<P>>, EncodeError> {
        end_frame(&mut self.framing, self.records_bytes)?;
        let mut segments = Vec::with_capacity(2 * self.cuts.len() + 1);
        let mut written = 0;
        for (position, records) in self.cuts {
            let framing = self.framing.split_to(position - written).freeze();
            written = position;
            segments.push(Segment::Framing(framing));
            segments.push(Segment::Records(records));
        }
        if !self.framing.is_empty() {
            segments.push(Segment::Framing(self.framing.freeze()));
        }
        Ok(segments)
    }
}
