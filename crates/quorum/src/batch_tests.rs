use super::*;
use crate::positions::log_id;
use uuid::Uuid;

fn me() -> VoterId {
    VoterId {
        node_id: 1,
        directory_id: Uuid::from_u128(7),
    }
}

fn encoded(payload: EntryPayload<TypeConfig>, term: u64) -> (Entry, Bytes) {
    let entry = Entry {
        log_id: log_id(term, 5),
        payload,
    };
    let by = Writer {
        me: me(),
        voters: &[1, 2],
        now_ms: 1_000,
    };
    let batch = encode(&entry, 40, &by).unwrap();
    (entry, batch)
}

fn proposal(epoch: i32) -> EntryPayload<TypeConfig> {
    let records = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    EntryPayload::Normal(Proposal { records, epoch })
}

fn uniform_membership() -> Membership {
    let endpoint = Endpoint {
        name: "CONTROLLER".to_owned(),
        host: "localhost".to_owned(),
        port: 9093,
    };
    let voter = Voter {
        endpoints: vec![endpoint],
    };
    Membership::new(
        vec![BTreeSet::from([me()])],
        BTreeMap::from([(me(), voter)]),
    )
}

#[test]
fn every_kind_of_entry_survives_and_counts_its_records() {
    let membership = EntryPayload::Membership(uniform_membership());
    for payload in [EntryPayload::Blank, proposal(3), membership] {
        let (entry, batch) = encoded(payload, 3);
        format::check_crc(&batch).unwrap();
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!((header.base_offset, header.partition_leader_epoch), (40, 3));
        assert_eq!(
            header.next_offset() - header.base_offset,
            record_count(&entry)
        );
        assert_eq!(decode(&batch, entry.log_id, None).unwrap(), entry);
    }
}

#[test]
fn a_proposal_of_another_epoch_becomes_a_blank() {
    let (entry, batch) = encoded(proposal(3), 4);
    let decoded = decode(&batch, entry.log_id, None).unwrap();
    assert!(matches!(decoded.payload, EntryPayload::Blank));
}

#[test]
fn a_leader_change_names_the_leader_and_the_voters() {
    let (_, batch) = encoded(EntryPayload::Blank, 3);
    let header = BatchHeader::parse(&batch).unwrap();
    let records = control_records(&batch, &header).unwrap();
    let [ControlRecord::LeaderChange(change)] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(change.leader_id, 1);
    assert_eq!(
        change
            .voters
            .iter()
            .map(|voter| voter.voter_id)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn what_a_voters_record_cannot_say_comes_from_the_sidecar() {
    let other = VoterId {
        node_id: 2,
        directory_id: Uuid::from_u128(8),
    };
    let nodes = BTreeMap::from([(me(), Voter::default()), (other, Voter::default())]);
    let joint = Membership::new(
        vec![BTreeSet::from([me()]), BTreeSet::from([other])],
        nodes.clone(),
    );
    let learner = Membership::new(vec![BTreeSet::from([me()])], nodes);
    assert!(is_uniform(&uniform_membership()) && !is_uniform(&joint) && !is_uniform(&learner));
    let (entry, batch) = encoded(EntryPayload::Membership(joint.clone()), 3);
    assert_eq!(decode(&batch, entry.log_id, Some(joint)).unwrap(), entry);
}

#[test]
fn a_term_beyond_kafkas_epochs_is_refused() {
    let entry = Entry {
        log_id: log_id(1 << 31, 0),
        payload: EntryPayload::Blank,
    };
    let by = Writer {
        me: me(),
        voters: &[],
        now_ms: 0,
    };
    assert!(matches!(encode(&entry, 0, &by), Err(EntryError::Term(_))));
}
