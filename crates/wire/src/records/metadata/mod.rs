//! Records of `__cluster_metadata`. A value is framed by three unsigned varints: frame version 1, record type, version.

mod brokers;
mod log;
mod security;
mod settings;
mod topics;

use bytes::{Bytes, BytesMut};

pub use brokers::*;
pub use log::*;
pub use security::*;
pub use settings::*;
pub use topics::*;

use crate::codec::{DecodeError, EncodeError, Message, Reader, put_unsigned_varint};

const FRAME_VERSION: u32 = 1;

macro_rules! metadata_records {
    ($($type:literal $name:ident($record:ident) writes $version:literal;)*) => {
        /// Any record of the metadata log.
        #[derive(Debug, Clone, PartialEq)]
        pub enum MetadataRecord {
            $( $name($record), )*
        }

        impl MetadataRecord {
            /// The record type on the wire.
            pub fn record_type(&self) -> u16 {
                match self {
                    $( MetadataRecord::$name(_) => $type, )*
                }
            }

            pub fn name(&self) -> &'static str {
                match self {
                    $( MetadataRecord::$name(_) => $record::NAME, )*
                }
            }

            /// The version in which Kafka writes this record at `metadata.version` 30 (4.3-IV0).
            pub fn version(&self) -> i16 {
                match self {
                    $( MetadataRecord::$name(_) => $version, )*
                }
            }

            fn decode_body(record_type: u32, reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
                match record_type {
                    $( $type => $record::decode_from(reader, version).map(MetadataRecord::$name), )*
                    _ => Err(DecodeError::Unknown { what: "metadata record type", value: record_type.into() }),
                }
            }

            fn encode_body(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
                match self {
                    $( MetadataRecord::$name(record) => record.encode(buf, version), )*
                }
            }
        }

        $( impl From<$record> for MetadataRecord {
            fn from(record: $record) -> Self {
                MetadataRecord::$name(record)
            }
        } )*
    };
}

metadata_records! {
    0 RegisterBroker(RegisterBrokerRecord) writes 4;
    1 UnregisterBroker(UnregisterBrokerRecord) writes 0;
    2 Topic(TopicRecord) writes 0;
    3 Partition(PartitionRecord) writes 2;
    4 Config(ConfigRecord) writes 0;
    5 PartitionChange(PartitionChangeRecord) writes 2;
    7 FenceBroker(FenceBrokerRecord) writes 0;
    8 UnfenceBroker(UnfenceBrokerRecord) writes 0;
    9 RemoveTopic(RemoveTopicRecord) writes 0;
    10 DelegationToken(DelegationTokenRecord) writes 0;
    11 UserScramCredential(UserScramCredentialRecord) writes 0;
    12 FeatureLevel(FeatureLevelRecord) writes 0;
    14 ClientQuota(ClientQuotaRecord) writes 0;
    15 ProducerIds(ProducerIdsRecord) writes 0;
    17 BrokerRegistrationChange(BrokerRegistrationChangeRecord) writes 3;
    18 AccessControlEntry(AccessControlEntryRecord) writes 0;
    19 RemoveAccessControlEntry(RemoveAccessControlEntryRecord) writes 0;
    20 NoOp(NoOpRecord) writes 0;
    21 ZkMigrationState(ZkMigrationStateRecord) writes 0;
    22 RemoveUserScramCredential(RemoveUserScramCredentialRecord) writes 0;
    23 BeginTransaction(BeginTransactionRecord) writes 0;
    24 EndTransaction(EndTransactionRecord) writes 0;
    25 AbortTransaction(AbortTransactionRecord) writes 0;
    26 RemoveDelegationToken(RemoveDelegationTokenRecord) writes 0;
    27 RegisterController(RegisterControllerRecord) writes 0;
    28 ClearElr(ClearElrRecord) writes 0;
}

impl MetadataRecord {
    /// Decodes a record's value. Bytes after the record are an error, as in Kafka.
    pub fn decode(value: &[u8]) -> Result<MetadataRecord, DecodeError> {
        let mut reader = Reader::new(value);
        let frame_version = reader.unsigned_varint()?;
        if frame_version != FRAME_VERSION {
            return Err(unknown("metadata frame version", frame_version));
        }
        let record_type = reader.unsigned_varint()?;
        let version = reader.unsigned_varint()?;
        let version = i16::try_from(version).map_err(|_| unknown("record version", version))?;
        let record = Self::decode_body(record_type, &mut reader, version)?;
        match reader.remaining() {
            0 => Ok(record),
            garbage => Err(DecodeError::TrailingBytes(garbage)),
        }
    }

    /// Encodes the record's value in the version of [`MetadataRecord::version`].
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        self.encode_version(self.version())
    }

    pub fn encode_version(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut buf = BytesMut::with_capacity(64);
        put_unsigned_varint(&mut buf, FRAME_VERSION);
        put_unsigned_varint(&mut buf, self.record_type().into());
        put_unsigned_varint(&mut buf, u32::from(version.unsigned_abs()));
        self.encode_body(&mut buf, version)?;
        Ok(buf.freeze())
    }
}

fn unknown(what: &'static str, value: u32) -> DecodeError {
    DecodeError::Unknown {
        what,
        value: value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_record_is_framed_as_kafka_frames_it() {
        let record = MetadataRecord::from(TopicRecord {
            name: "t".into(),
            topic_id: uuid::Uuid::from_u128(1),
        });
        let bytes = record.encode().unwrap();
        let mut expected = vec![1, 2, 0, 2, b't'];
        expected.extend(1u128.to_be_bytes());
        expected.push(0);
        assert_eq!(bytes, expected);
        assert_eq!(MetadataRecord::decode(&bytes), Ok(record));
        expected.push(0);
        assert_eq!(
            MetadataRecord::decode(&expected),
            Err(DecodeError::TrailingBytes(1))
        );
        assert!(MetadataRecord::decode(&[2, 2, 0]).is_err());
        assert!(MetadataRecord::decode(&[1, 6, 0]).is_err());
    }
}
