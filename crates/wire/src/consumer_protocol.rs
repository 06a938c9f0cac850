//! What consumers tell each other through a classic group: subscriptions and assignments, opaque to the broker but for a few
//! questions. Each is preceded by its version as an `i16`.

use bytes::Bytes;

use crate::codec::{DecodeError, Message, Reader, message};

message! {
    /// What a member wants to read, and what it reads.
    pub struct ConsumerProtocolSubscription: 0..=3 {
        topics: Vec<String>,
        user_data: Option<Bytes> [null],
        owned_partitions: Vec<OwnedPartitions> [1.., ignorable],
        generation_id: i32 [2.., ignorable] = -1,
        rack_id: Option<String> [3.., null, ignorable],
    }

    pub struct OwnedPartitions {
        topic: String,
        partitions: Vec<i32>,
    }

    /// What a member shall read.
    pub struct ConsumerProtocolAssignment: 0..=3 {
        assigned_partitions: Vec<AssignedPartitions>,
        user_data: Option<Bytes> [null],
    }

    pub struct AssignedPartitions {
        topic: String,
        partitions: Vec<i32>,
    }
}

impl ConsumerProtocolSubscription {
    /// Decodes a subscription with its version before it. A newer version is read as the newest that we know, as Kafka does.
    pub fn decode_versioned(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_versioned(bytes)
    }
}

impl ConsumerProtocolAssignment {
    /// Decodes an assignment with its version before it. A newer version is read as the newest that we know, as Kafka does.
    pub fn decode_versioned(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_versioned(bytes)
    }
}

fn decode_versioned<T: Message>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16()?;
    T::decode_from(&mut reader, version.min(T::MAX_VERSION))
}
