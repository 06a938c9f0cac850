//! Whatever Kafka 4.3.1's own classes write is read here and written again as the same bytes, in every version.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "the support module")]

mod support;

use std::collections::BTreeSet;

use kafka_protocol::protocol::Decodable;
use support::{DECLARED, Golden, golden, golden_of, max_version, round_trip};
use wire::records::control::ControlRecord;
use wire::records::coordinator::{GroupRecord, ShareRecord, TransactionRecord};
use wire::records::metadata::MetadataRecord;
use wire::request::ProduceRequest;

#[test]
fn declared_messages_keep_their_bytes() {
    let mut seen = BTreeSet::new();
    for Golden {
        name,
        version,
        parts,
        ..
    } in golden()
    {
        if max_version(name).is_none_or(|max| version > max) {
            continue;
        }
        let again = round_trip(name, &parts[0], version).unwrap();
        assert_eq!(again.unwrap(), parts[0], "{name} {version}");
        seen.insert(name);
    }
    assert_eq!(seen, DECLARED.iter().copied().collect());
}

#[test]
fn a_produce_is_walked_to_its_end() {
    for Golden {
        name,
        version,
        mut parts,
        ..
    } in golden_of("request")
    {
        if name != "ProduceRequest" {
            continue;
        }
        let request = ProduceRequest::decode(&parts[0], version).unwrap();
        let mut oracle = &parts[0].clone()[..];
        let sent = kafka_protocol::messages::ProduceRequest::decode(&mut oracle, version).unwrap();
        let indexes = sent
            .topic_data
            .iter()
            .flat_map(|topic| &topic.partition_data)
            .map(|sent| sent.index);
        let walked = request
            .partitions(&mut parts[0])
            .map(|walked| walked.unwrap().partition_index);
        assert!(walked.eq(indexes), "{version}");
    }
}

#[test]
fn metadata_records_keep_their_bytes() {
    let mut types = BTreeSet::new();
    for Golden {
        name,
        version,
        parts,
        ..
    } in golden_of("metadata")
    {
        let record = MetadataRecord::decode(&parts[0]).unwrap();
        assert_eq!(record.name(), name);
        assert_eq!(
            record.encode_version(version).unwrap(),
            parts[0],
            "{name} {version}"
        );
        if version == record.version() {
            assert_eq!(record.encode().unwrap(), parts[0]);
            types.insert(record.record_type());
        }
    }
    assert_eq!(
        types.len(),
        26,
        "every type, also in the version that is written"
    );
}

macro_rules! coordinator_records_keep_their_bytes {
    ($($test:ident: $record:ident, $kind:literal, $types:literal;)*) => { $(
        #[test]
        fn $test() {
            let mut types = BTreeSet::new();
            for Golden { name, version, parts, .. } in golden_of($kind) {
                let record = $record::decode(&parts[0], Some(&parts[1])).unwrap();
                let (key, value) = record.encode_version(version).unwrap();
                assert_eq!((&key[..], value.as_deref()), (&parts[0][..], Some(&parts[1][..])), "{name} {version}");
                let tombstone = $record::decode(&parts[0], None).unwrap();
                assert_eq!(tombstone.encode().unwrap(), (key, None));
                types.insert(record.record_type());
            }
            assert_eq!(types.len(), $types);
        }
    )* };
}

coordinator_records_keep_their_bytes! {
    group_records_keep_their_bytes: GroupRecord, "group", 22;
    transaction_records_keep_their_bytes: TransactionRecord, "transaction", 1;
    share_records_keep_their_bytes: ShareRecord, "share", 2;
}

#[test]
fn control_records_keep_their_bytes() {
    for Golden { name, parts, .. } in golden_of("control") {
        let record_type = match name {
            "Commit" => 1u8,
            "LeaderChangeMessage" => 2,
            "SnapshotHeaderRecord" => 3,
            "SnapshotFooterRecord" => 4,
            "KRaftVersionRecord" => 5,
            "VotersRecord" => 6,
            other => panic!("{other}"),
        };
        let key = [0, 0, 0, record_type];
        let record = ControlRecord::decode(&key, &parts[0]).unwrap().unwrap();
        let (key_again, value) = record.encode().unwrap();
        assert_eq!(
            (&key_again[..], &value[..]),
            (&key[..], &parts[0][..]),
            "{name}"
        );
    }
}
