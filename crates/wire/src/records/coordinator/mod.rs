//! Records of the coordinators' topics: `__consumer_offsets`, `__transaction_state` and `__share_group_state`.
//!
//! A key begins with its record type as an `i16`, a value with its version as an `i16`; a record without a value is a
//! tombstone. Each enum pairs a key with its value, so that no other pair can be written.

mod classic;
mod consumer;
mod share;
mod share_state;
mod streams;
mod transaction;

use bytes::{BufMut, Bytes, BytesMut};

pub use classic::*;
pub use consumer::*;
pub use share::*;
pub use share_state::*;
pub use streams::*;
pub use transaction::*;

use crate::codec::{DecodeError, EncodeError, Message, Reader};

macro_rules! coordinator_records {
    ($(#[$meta:meta])* $enum:ident { $($type:literal $name:ident($key:ident, $value:ident) writes $version:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $enum {
            $( $name($key, Option<$value>), )*
        }

        impl $enum {
            /// The record type, which begins the key.
            pub fn record_type(&self) -> i16 {
                match self {
                    $( $enum::$name(..) => $type, )*
                }
            }

            pub fn is_tombstone(&self) -> bool {
                match self {
                    $( $enum::$name(_, value) => value.is_none(), )*
                }
            }

            /// The version in which Kafka 4.3 writes this record's value.
            pub fn value_version(&self) -> i16 {
                match self {
                    $( $enum::$name(..) => $version, )*
                }
            }

            /// Decodes a record. A record type that we do not know is an error, which readers of a newer Kafka's log may pass over.
            pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<$enum, DecodeError> {
                let mut key = Reader::new(key);
                match key.i16()? {
                    $( $type => Ok($enum::$name($key::decode_from(&mut key, 0)?, decode_value(value)?)), )*
                    other => Err(DecodeError::Unknown { what: "coordinator record type", value: other.into() }),
                }
            }

            /// Encodes the key, and the value unless it is a tombstone, in the version of `value_version`.
            pub fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
                self.encode_version(self.value_version())
            }

            /// Encodes the record with its value in `version`.
            pub fn encode_version(&self, version: i16) -> Result<(Bytes, Option<Bytes>), EncodeError> {
                match self {
                    $( $enum::$name(key, value) => Ok((
                        prefixed($type, key, 0)?,
                        value.as_ref().map(|value| prefixed(version, value, version)).transpose()?,
                    )), )*
                }
            }
        }

        $( impl From<($key, Option<$value>)> for $enum {
            fn from((key, value): ($key, Option<$value>)) -> Self {
                $enum::$name(key, value)
            }
        } )*
    };
}

coordinator_records! {
    /// A record of `__consumer_offsets`.
    GroupRecord {
        0 LegacyOffsetCommit(LegacyOffsetCommitKey, LegacyOffsetCommitValue) writes 0;
        1 OffsetCommit(OffsetCommitKey, OffsetCommitValue) writes 4;
        2 GroupMetadata(GroupMetadataKey, GroupMetadataValue) writes 3;
        3 ConsumerGroupMetadata(ConsumerGroupMetadataKey, ConsumerGroupMetadataValue) writes 0;
        4 ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue) writes 0;
        5 ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue) writes 0;
        6 ConsumerGroupTargetAssignmentMetadata(ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue) writes 0;
        7 ConsumerGroupTargetAssignmentMember(ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue) writes 0;
        8 ConsumerGroupCurrentMemberAssignment(ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue) writes 0;
        10 ShareGroupMemberMetadata(ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue) writes 0;
        11 ShareGroupMetadata(ShareGroupMetadataKey, ShareGroupMetadataValue) writes 0;
        12 ShareGroupTargetAssignmentMetadata(ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue) writes 0;
        13 ShareGroupTargetAssignmentMember(ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue) writes 0;
        14 ShareGroupCurrentMemberAssignment(ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue) writes 0;
        15 ShareGroupStatePartitionMetadata(ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue) writes 0;
        16 ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue) writes 0;
        17 StreamsGroupMetadata(StreamsGroupMetadataKey, StreamsGroupMetadataValue) writes 0;
        19 StreamsGroupMemberMetadata(StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue) writes 0;
        20 StreamsGroupTargetAssignmentMetadata(StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue) writes 0;
        21 StreamsGroupTargetAssignmentMember(StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue) writes 0;
        22 StreamsGroupCurrentMemberAssignment(StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue) writes 0;
        23 StreamsGroupTopology(StreamsGroupTopologyKey, StreamsGroupTopologyValue) writes 0;
    }
}

coordinator_records! {
    /// A record of `__transaction_state`. Version 1 is written from `transaction.version` 2 on.
    TransactionRecord {
        0 TransactionLog(TransactionLogKey, TransactionLogValue) writes 0;
    }
}

coordinator_records! {
    /// A record of `__share_group_state`.
    ShareRecord {
        0 ShareSnapshot(ShareSnapshotKey, ShareSnapshotValue) writes 0;
        1 ShareUpdate(ShareUpdateKey, ShareUpdateValue) writes 0;
    }
}

fn decode_value<T: Message>(value: Option<&[u8]>) -> Result<Option<T>, DecodeError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let mut reader = Reader::new(value);
    let version = reader.i16()?;
    T::decode_from(&mut reader, version).map(Some)
}

fn prefixed(prefix: i16, message: &impl Message, version: i16) -> Result<Bytes, EncodeError> {
    let mut buf = BytesMut::with_capacity(64);
    buf.put_i16(prefix);
    message.encode(&mut buf, version)?;
    Ok(buf.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_commit_is_prefixed_with_type_and_version() {
        let key = OffsetCommitKey {
            group: "g".into(),
            topic: "t".into(),
            partition: 3,
        };
        let record = GroupRecord::from((key.clone(), Some(OffsetCommitValue::default())));
        let (key_bytes, value) = record.encode_version(3).unwrap();
        assert_eq!(&key_bytes[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x03");
        assert_eq!(&value.as_deref().unwrap()[..2], b"\0\x03");
        assert_eq!(
            GroupRecord::decode(&key_bytes, value.as_deref()),
            Ok(record)
        );
        let tombstone = GroupRecord::decode(&key_bytes, None).unwrap();
        assert_eq!(tombstone, (key, None).into());
        assert!(tombstone.is_tombstone());
        assert!(GroupRecord::decode(b"\0\x09\0\0", None).is_err());
    }
}
