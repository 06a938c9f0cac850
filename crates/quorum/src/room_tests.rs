use std::time::Duration;

use bytes::Bytes;

use crate::quorum::tests::options;
use crate::{ProposeError, Quorum, room_of};

/// Records that take exactly `room` together.
fn records_of(room: usize) -> Vec<Bytes> {
    let framing = room_of(&Bytes::new());
    let large = Bytes::from(vec![1; 100_000]);
    let count = room / room_of(&large);
    let mut records = vec![large.clone(); count];
    let left = room - count * room_of(&large);
    records.push(Bytes::from(vec![1; left - framing]));
    assert_eq!(records.iter().map(room_of).sum::<usize>(), room);
    records
}

#[tokio::test]
async fn a_batch_has_no_more_than_a_segment_holds_and_the_quorum_outlives_one_that_has() {
    let dir = tempfile::tempdir().unwrap();
    let quorum = Quorum::open(options(dir.path())).await.unwrap();
    let mut leadership = quorum.leadership();
    let ready = tokio::time::timeout(Duration::from_secs(10), leadership.wait_for(|l| l.ready));
    let epoch = ready.await.unwrap().unwrap().epoch;

    let segment_bytes = usize::try_from(options(dir.path()).segment_bytes).unwrap();
    assert!(quorum.batch_room() < segment_bytes);
    let room = quorum.batch_room();
    let refused = quorum.propose(records_of(room + 1), epoch).await;
    assert_eq!(refused, Err(ProposeError::TooLarge(room + 1)));
    quorum.propose(records_of(room), epoch).await.unwrap();
    let small = vec![Bytes::from_static(b"more")];
    quorum.propose(small, epoch).await.unwrap();
    quorum.shut_down().await.unwrap();
}
