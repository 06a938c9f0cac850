use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::limits::PRESSED_WINDOW;

const LIMIT: usize = 200_000;
const PRODUCE: &[u8] = &[0, 0, 0, 9];
const METADATA: &[u8] = &[0, 3, 0, 9];

/// A request of so many bytes, with its size prefix.
fn request(prefix: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = u32::try_from(size).unwrap().to_be_bytes().to_vec();
    bytes.extend(prefix);
    bytes.resize(SIZE_BYTES + size, 7);
    bytes
}

struct Peer {
    reader: FrameReader,
    stream: TcpStream,
    client: TcpStream,
}

impl Peer {
    async fn connect(budget: &RequestBudget) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        Self {
            reader: FrameReader::new(budget.clone(), 4 << 20),
            stream: listener.accept().await.unwrap().0,
            client,
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        self.reader.next(&self.stream, |_| true).await
    }

    /// Whether a frame comes soon.
    async fn reads(&mut self) -> bool {
        let next = timeout(Duration::from_millis(100), self.next()).await;
        next.is_ok_and(|frame| frame.unwrap().is_some())
    }
}

#[tokio::test]
async fn frames_come_whole_however_they_are_cut() {
    let budget = RequestBudget::new(LIMIT as u64);
    let peer = Peer::connect(&budget).await;
    let sizes = [4, 90_000, 10, 8_192, 150_000, 3_000_000, 400_000, 4];
    let sent: Vec<u8> = sizes
        .iter()
        .flat_map(|size| request(PRODUCE, *size))
        .collect();
    let (mut reading, mut writing) = (peer.reader, peer.client);
    let writer = tokio::spawn(async move {
        for piece in sent.chunks(7_001) {
            writing.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        writing
    });
    for size in sizes {
        let frame = reading.next(&peer.stream, |_| true).await.unwrap().unwrap();
        assert_eq!(*frame.bytes, request(PRODUCE, size)[SIZE_BYTES..]);
    }
    drop(writer.await.unwrap());
    assert!(
        reading
            .next(&peer.stream, |_| true)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn silent_clients_keep_nobody_waiting() {
    let budget = RequestBudget::new(LIMIT as u64);
    let mut silent = Vec::new();
    for _ in 0..40 {
        let mut peer = Peer::connect(&budget).await;
        peer.send(&request(PRODUCE, LIMIT / 4)[..20]).await;
        assert!(!peer.reads().await);
        silent.push(peer);
    }
    let mut honest = Peer::connect(&budget).await;
    honest.send(&request(PRODUCE, LIMIT / 2)).await;
    assert!(honest.reads().await);
}

#[tokio::test]
async fn who_sent_half_and_no_more_is_closed_when_others_wait() {
    let budget = RequestBudget::new(LIMIT as u64);
    let mut halves = Vec::new();
    for _ in 0..2 {
        let mut peer = Peer::connect(&budget).await;
        peer.send(&request(PRODUCE, LIMIT)[..LIMIT - 10]).await;
        assert!(!peer.reads().await);
        halves.push(tokio::spawn(async move { peer.next().await.err() }));
    }
    // The first took all memory, the second is the elder; neither is bothered while nobody waits.
    tokio::time::sleep(PRESSED_WINDOW * 2).await;
    assert!(halves.iter().all(|half| !half.is_finished()));
    let mut third = Peer::connect(&budget).await;
    third.send(&request(PRODUCE, LIMIT / 2)).await;
    let frame = timeout(PRESSED_WINDOW * 5, third.next()).await.unwrap();
    assert!(frame.unwrap().is_some());
    halves.retain(|half| half.is_finished());
    let closed = halves.pop().expect("one made room");
    assert!(matches!(closed.await.unwrap(), Some(FrameError::Slow)));
}

#[tokio::test]
async fn what_may_not_begin_stays_in_the_socket_and_a_close_is_noticed() {
    let budget = RequestBudget::new(LIMIT as u64);
    let mut peer = Peer::connect(&budget).await;
    peer.send(&request(METADATA, 9_000)).await;
    let barred = peer.reader.next(&peer.stream, |_| false);
    assert!(timeout(Duration::from_millis(100), barred).await.is_err());
    assert!(matches!(peer.reader.stage, Stage::Head), "nothing is held");
    assert!(peer.reads().await);
    peer.send(&request(METADATA, 9_000)).await;
    drop(peer.client);
    let barred = peer.reader.next(&peer.stream, |_| false);
    let ended = timeout(Duration::from_secs(5), barred).await.unwrap();
    assert!(matches!(ended, Ok(None)));
}
