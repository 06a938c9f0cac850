//! Control records: transaction markers, and what a Raft log says about itself.
//!
//! A key is two `i16`s, version and type. A value is its message, which begins with its own version.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::codec::{DecodeError, EncodeError, Message, Reader, message};

const KEY_VERSION: i16 = 0;

message! {
    /// Ends a producer's transaction in one partition; whether it committed is the record's type.
    pub struct EndTxnMarker: 0..=0 {
        version: i16,
        coordinator_epoch: i32,
    }

    /// A leader's first batch in its epoch. Kafka reads and writes version 0.
    pub struct LeaderChangeMessage: 0..=1, flexible 0 {
        version: i16,
        leader_id: i32,
        voters: Vec<LeaderChangeVoter>,
        granting_voters: Vec<LeaderChangeVoter>,
    }

    pub struct LeaderChangeVoter {
        voter_id: i32,
        voter_directory_id: Uuid [1..],
    }

    /// Begins a snapshot.
    pub struct SnapshotHeaderRecord: 0..=0, flexible 0 {
        version: i16,
        last_contained_log_timestamp: i64,
    }

    /// Ends a snapshot.
    pub struct SnapshotFooterRecord: 0..=0, flexible 0 {
        version: i16,
    }

    /// The finalized `kraft.version`.
    pub struct KRaftVersionRecord: 0..=0, flexible 0 {
        version: i16,
        kraft_version: i16,
    }

    /// The voters from here on (KIP-853).
    pub struct VotersRecord: 0..=0, flexible 0 {
        version: i16,
        voters: Vec<Voter>,
    }

    pub struct Voter {
        voter_id: i32,
        voter_directory_id: Uuid,
        endpoints: Vec<VoterEndpoint>,
        kraft_version_feature: KRaftVersionFeature,
    }

    pub struct VoterEndpoint {
        name: String,
        host: String,
        port: u16,
    }

    pub struct KRaftVersionFeature {
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

macro_rules! control_records {
    ($($type:literal $name:ident($message:ident);)*) => {
        #[derive(Debug, Clone, PartialEq)]
        pub enum ControlRecord {
            $( $name($message), )*
        }

        impl ControlRecord {
            /// The record type on the wire.
            pub fn record_type(&self) -> i16 {
                match self {
                    $( ControlRecord::$name(_) => $type, )*
                }
            }

            /// Decodes a control record; `None` for a type that we do not know, which readers pass over.
            pub fn decode(key: &[u8], value: &[u8]) -> Result<Option<ControlRecord>, DecodeError> {
                match Self::decode_type(key)? {
                    $( $type => $message::decode(value, 0).map(ControlRecord::$name).map(Some), )*
                    _ => Ok(None),
                }
            }

            /// Encodes key and value.
            pub fn encode(&self) -> Result<(Bytes, Bytes), EncodeError> {
                let mut key = BytesMut::with_capacity(4);
                key.put_i16(KEY_VERSION);
                key.put_i16(self.record_type());
                let mut value = BytesMut::with_capacity(32);
                match self {
                    $( ControlRecord::$name(message) => message.encode(&mut value, 0)?, )*
                }
                Ok((key.freeze(), value.freeze()))
            }
        }
    };
}

control_records! {
    0 Abort(EndTxnMarker);
    1 Commit(EndTxnMarker);
    2 LeaderChange(LeaderChangeMessage);
    3 SnapshotHeader(SnapshotHeaderRecord);
    4 SnapshotFooter(SnapshotFooterRecord);
    5 KRaftVersion(KRaftVersionRecord);
    6 KRaftVoters(VotersRecord);
}

impl ControlRecord {
    /// The type that a control record's key tells of. Later versions of the key may append to it.
    pub fn decode_type(key: &[u8]) -> Result<i16, DecodeError> {
        let mut reader = Reader::new(key);
        let version = reader.i16()?;
        if version < 0 {
            return Err(DecodeError::Unknown {
                what: "control record version",
                value: version.into(),
            });
        }
        reader.i16()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_marker_has_ten_bytes() {
        let record = ControlRecord::Commit(EndTxnMarker {
            version: 0,
            coordinator_epoch: 7,
        });
        let (key, value) = record.encode().unwrap();
        assert_eq!(&key[..], b"\0\0\0\x01");
        assert_eq!(&value[..], b"\0\0\0\0\0\x07");
        assert_eq!(ControlRecord::decode(&key, &value), Ok(Some(record)));
        assert_eq!(ControlRecord::decode(b"\0\0\0\x63", b""), Ok(None));
        assert!(ControlRecord::decode(b"\xff\xff\0\0", b"").is_err());
    }
}
