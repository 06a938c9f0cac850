//! Produce: walked over its frame, never collected, so that batches are patched and appended where they were received.
//!
//! Versions 3 to 13. Topics come by name, since version 13 by id (KIP-516). [`ProduceRequest::decode`] checks the structure
//! of the whole body first; no batch is appended of a request that ends in nonsense.

use uuid::Uuid;

use crate::api::ApiKey;
use crate::codec::{At, DecodeError, MAX_STRING_BYTES, Nullable, Prefix, Reader};

/// The first version that names topics by id.
pub const TOPIC_ID_VERSION: i16 = 13;
const MIN_VERSION: i16 = 3;
const MAX_VERSION: i16 = 13;
const FLEXIBLE_FROM: i16 = 9;

/// About what becoming of one partition and answering for it takes in memory; one without records is six bytes on the wire.
const ANSWER_BYTES: usize = 256;

/// What a Produce says before its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceRequest {
    pub transactional_id: Option<String>,
    /// 0 none, 1 the leader, -1 all in sync.
    pub acks: i16,
    pub timeout_ms: i32,
    version: i16,
    topics_offset: usize,
}

/// How a request names a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicRef<'a> {
    Name(&'a str),
    Id(Uuid),
}

/// One partition's records.
#[derive(Debug, PartialEq, Eq)]
pub struct ProducePartition<'a> {
    pub topic: TopicRef<'a>,
    /// Counts the topics of the request from 0: partitions with the same position were sent under one topic.
    pub topic_position: usize,
    pub partition_index: i32,
    /// The batches, in place; `None` if the producer sent a null.
    pub records: Option<&'a mut [u8]>,
    /// Where `records` begins in the body.
    pub records_offset: usize,
}

impl ProduceRequest {
    pub const API: ApiKey = ApiKey::Produce;

    /// Decodes the head of a body and checks the structure of the rest. Records are not looked into.
    pub fn decode(body: &[u8], version: i16) -> Result<ProduceRequest, DecodeError> {
        if !(MIN_VERSION..=MAX_VERSION).contains(&version) {
            return Err(DecodeError::UnsupportedVersion {
                message: "ProduceRequest",
                version,
            });
        }
        let layout = Layout { version };
        let mut reader = Reader::new(body);
        let transactional_id = String::read_nullable(&mut reader, layout.at())?;
        let acks = reader.i16()?;
        let timeout_ms = reader.i32()?;
        let topics_offset = body.len() - reader.remaining();
        layout.check_topics(&mut reader)?;
        Ok(ProduceRequest {
            transactional_id,
            acks,
            timeout_ms,
            version,
            topics_offset,
        })
    }

    /// Walks the partitions of the body that this request was decoded from, in the order in which they were sent.
    ///
    /// An error is possible only if `body` changed outside the records since it was decoded.
    pub fn partitions<'a>(&self, body: &'a mut [u8]) -> Partitions<'a> {
        let rest = body.get_mut(self.topics_offset..).unwrap_or_default();
        Partitions {
            layout: Layout {
                version: self.version,
            },
            rest,
            offset: self.topics_offset,
            state: State::Start,
        }
    }
}

/// The partitions of a Produce; see [`ProduceRequest::partitions`].
#[derive(Debug)]
pub struct Partitions<'a> {
    layout: Layout,
    /// The part of the body that has not been walked.
    rest: &'a mut [u8],
    /// Where `rest` begins in the body.
    offset: usize,
    state: State<'a>,
}

#[derive(Debug, Clone, Copy)]
enum State<'a> {
    Start,
    Topics {
        left: usize,
        next_position: usize,
    },
    Partitions {
        left: usize,
        topic: TopicRef<'a>,
        position: usize,
        topics_left: usize,
    },
    Done,
}

impl<'a> Iterator for Partitions<'a> {
    type Item = Result<ProducePartition<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.state = State::Done;
        }
        step
    }
}

impl<'a> Partitions<'a> {
    fn step(&mut self) -> Result<Option<ProducePartition<'a>>, DecodeError> {
        let layout = self.layout;
        loop {
            self.state = match self.state {
                State::Start => State::Topics {
                    left: self.read(|reader| layout.count(reader, layout.least_topic()))?,
                    next_position: 0,
                },
                State::Topics { left: 0, .. } | State::Done => return Ok(None),
                State::Topics {
                    left,
                    next_position,
                } => {
                    let topic = self.topic()?;
                    State::Partitions {
                        left: self.read(|reader| layout.count(reader, layout.least_partition()))?,
                        topic,
                        position: next_position,
                        topics_left: left - 1,
                    }
                }
                State::Partitions {
                    left: 0,
                    position,
                    topics_left,
                    ..
                } => {
                    self.read(|reader| layout.end_struct(reader))?;
                    State::Topics {
                        left: topics_left,
                        next_position: position + 1,
                    }
                }
                State::Partitions {
                    left,
                    topic,
                    position,
                    topics_left,
                } => {
                    self.state = State::Partitions {
                        left: left - 1,
                        topic,
                        position,
                        topics_left,
                    };
                    return self.partition(topic, position).map(Some);
                }
            };
        }
    }

    fn partition(
        &mut self,
        topic: TopicRef<'a>,
        topic_position: usize,
    ) -> Result<ProducePartition<'a>, DecodeError> {
        let layout = self.layout;
        let (partition_index, length) = self.read(|reader| layout.partition_head(reader))?;
        let records_offset = self.offset;
        let records = match length {
            Some(length) => Some(self.split(length)?),
            None => None,
        };
        self.read(|reader| layout.end_struct(reader))?;
        Ok(ProducePartition {
            topic,
            topic_position,
            partition_index,
            records,
            records_offset,
        })
    }

    fn topic(&mut self) -> Result<TopicRef<'a>, DecodeError> {
        let layout = self.layout;
        if layout.has_topic_ids() {
            return self.read(|reader| Ok(TopicRef::Id(Uuid::from_bytes(reader.array()?))));
        }
        let length = self.read(|reader| layout.name_length(reader))?;
        let name: &'a [u8] = self.split(length)?;
        name_of(name).map(TopicRef::Name)
    }

    /// Reads something that does not borrow, and moves on behind it.
    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut reader = Reader::new(self.rest);
        let value = read(&mut reader)?;
        let length = self.rest.len() - reader.remaining();
        self.split(length)?;
        Ok(value)
    }

    fn split(&mut self, length: usize) -> Result<&'a mut [u8], DecodeError> {
        let rest = std::mem::take(&mut self.rest);
        let remaining = rest.len();
        let (head, tail) = rest
            .split_at_mut_checked(length)
            .ok_or(DecodeError::Truncated {
                needed: length,
                remaining,
            })?;
        self.rest = tail;
        self.offset += length;
        Ok(head)
    }
}

/// How a Produce body lies in one version.
#[derive(Debug, Clone, Copy)]
struct Layout {
    version: i16,
}

impl Layout {
    fn is_flexible(self) -> bool {
        self.version >= FLEXIBLE_FROM
    }

    fn has_topic_ids(self) -> bool {
        self.version >= TOPIC_ID_VERSION
    }

    fn at(self) -> At {
        At {
            version: self.version,
            flexible: self.is_flexible(),
            nullable: true,
        }
    }

    fn array_prefix(self) -> Prefix {
        if self.is_flexible() {
            Prefix::Compact
        } else {
            Prefix::Int32
        }
    }

    fn name_prefix(self) -> Prefix {
        if self.is_flexible() {
            Prefix::Compact
        } else {
            Prefix::Int16
        }
    }

    fn least_topic(self) -> usize {
        let name = if self.has_topic_ids() {
            size_of::<Uuid>()
        } else {
            self.name_prefix().least_size()
        };
        name + self.array_prefix().least_size() + usize::from(self.is_flexible())
    }

    fn least_partition(self) -> usize {
        size_of::<i32>() + self.array_prefix().least_size() + usize::from(self.is_flexible())
    }

    /// The count of an array whose elements take at least `least_size` bytes.
    fn count(self, reader: &mut Reader<'_>, least_size: usize) -> Result<usize, DecodeError> {
        let count = reader
            .length(self.array_prefix())?
            .ok_or(DecodeError::UnexpectedNull)?;
        reader.admit_array(count, least_size, 0)?;
        Ok(count)
    }

    fn name_length(self, reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        match reader.length(self.name_prefix())? {
            None => Err(DecodeError::UnexpectedNull),
            Some(length) if length > MAX_STRING_BYTES => {
                Err(DecodeError::InvalidLength(length as i64))
            }
            Some(length) => Ok(length),
        }
    }

    /// A partition's index and the length of its records, which follow.
    fn partition_head(self, reader: &mut Reader<'_>) -> Result<(i32, Option<usize>), DecodeError> {
        Ok((reader.i32()?, reader.length(self.array_prefix())?))
    }

    fn end_struct(self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        if self.is_flexible() {
            reader.skip_tagged_fields()?;
        }
        Ok(())
    }

    fn check_topics(self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        for _ in 0..self.count(reader, self.least_topic())? {
            if self.has_topic_ids() {
                reader.take(size_of::<Uuid>())?;
            } else {
                let length = self.name_length(reader)?;
                name_of(reader.take(length)?)?;
            }
            let count = self.count(reader, self.least_partition())?;
            reader.admit_array(count, self.least_partition(), ANSWER_BYTES)?;
            for _ in 0..count {
                let (_, length) = self.partition_head(reader)?;
                reader.take(length.unwrap_or(0))?;
                self.end_struct(reader)?;
            }
            self.end_struct(reader)?;
        }
        self.end_struct(reader)
    }
}

fn name_of(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two topics, one with two partitions of which one is null, in version 9.
    fn body() -> Vec<u8> {
        let mut body = vec![0, 0xff, 0xff, 0, 0, 0, 30, 3];
        body.extend(b"\x02a\x03\0\0\0\x01\x04abc\0\0\0\0\x02\0\0\0");
        body.extend(b"\x02b\x02\0\0\0\x07\x01\0\0\0");
        body
    }

    #[test]
    fn partitions_without_records_are_not_taken_without_end() {
        let body_of = |count: i16| {
            let mut body = vec![0xff, 0xff, 0, 0, 0, 0, 0, 30, 0, 0, 0, 1, 0, 1, b'a', 0, 0];
            body.extend(count.to_be_bytes());
            for _ in 0..count {
                body.extend(b"\0\0\0\x01\xff\xff\xff\xff");
            }
            body
        };
        assert!(ProduceRequest::decode(&body_of(100), 3).is_ok());
        assert!(matches!(
            ProduceRequest::decode(&body_of(1_000), 3),
            Err(DecodeError::TooMuchMemory(_))
        ));
    }

    #[test]
    fn partitions_are_walked_in_place() {
        let mut bytes = body();
        let request = ProduceRequest::decode(&bytes, 9).unwrap();
        assert_eq!((request.acks, request.timeout_ms), (-1, 30));
        let mut seen = Vec::new();
        for partition in request.partitions(&mut bytes) {
            let partition = partition.unwrap();
            if let Some(records) = partition.records {
                seen.push((
                    partition.topic_position,
                    partition.partition_index,
                    records.len(),
                ));
                records.fill(b'!');
            }
        }
        assert_eq!(seen, [(0, 1, 3), (1, 7, 0)]);
        let mut expected = body();
        expected[16..19].fill(b'!');
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_body_cut_short_is_refused_before_anything_is_walked() {
        let whole = body();
        for len in 0..whole.len() {
            assert!(
                ProduceRequest::decode(&whole[..len], 9).is_err(),
                "{len} bytes"
            );
        }
        assert!(ProduceRequest::decode(&whole, 2).is_err());
        assert!(ProduceRequest::decode(&whole, 14).is_err());
    }
}
