//! The end of all connections when the broker stops.
//!
//! Invariant: a request that was begun is answered, unless that takes longer than a stop may; none is begun after the stop
//! was asked for. What the log keeps of a request was therefore acknowledged, or its client had no answer to any doubt.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::broker::Broker;

/// How long a stop waits for answers in all: a sync of a slow disk, a client that reads slowly.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// After this long the groups' members that still wait, for others mostly, are sent to look for another coordinator.
const GROUPS_WITHIN: Duration = Duration::from_millis(500);

/// How long a client may take to close its end after it had its last answer.
const PARTING: Duration = Duration::from_millis(500);

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Tells every connection that the broker stops: a busy one by the flag, a waiting one by the call.
#[derive(Default)]
pub(crate) struct Stopping {
    is_asked: AtomicBool,
    asked: Notify,
}

impl Stopping {
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }

    /// Resolves if the broker comes to stop from now on; whoever has it looks at the flag before waiting.
    pub(super) fn asked(&self) -> Notified<'_> {
        self.asked.notified()
    }

    fn ask(&self) {
        self.is_asked.store(true, Ordering::Release);
        self.asked.notify_waiters();
    }
}

/// Returns when every connection has ended, or has had its time, and the groups' shards append no more.
pub(crate) async fn drain(broker: &Broker) {
    let began = Instant::now();
    broker.stopping.ask();
    end_by(broker, began + GROUPS_WITHIN).await;
    broker.groups.shut_down().await;
    end_by(broker, began + ANSWERS_WITHIN).await;
    let left = broker.connections.count();
    if left > 0 {
        tracing::warn!(connections = left, "not every request could be answered");
    }
}

async fn end_by(broker: &Broker, deadline: Instant) {
    while broker.connections.count() > 0 && Instant::now() < deadline {
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// Ends a connection after its last answer: closed at once, with requests still unread, it would be reset, and the answer
/// might not arrive.
pub(super) async fn part(stream: &TcpStream) {
    if SockRef::from(stream).shutdown(Shutdown::Write).is_ok() {
        let _ = tokio::time::timeout(PARTING, read_to_end(stream)).await;
    }
}

async fn read_to_end(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        // Not kept across an await: every idle connection would hold it.
        match stream.try_read(&mut [0; 4096]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
