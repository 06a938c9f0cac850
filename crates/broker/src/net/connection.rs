//! One client connection: reads requests, begins them in arrival order, writes the answers in the same order.
//!
//! Invariants: requests take effect in arrival order; only a waiting Produce or Fetch may be overtaken, and only by a
//! Produce or Fetch; a connection with nothing to do owns no buffer. Answers to requests that came in together leave
//! together, and none waits for a request that is not here yet.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::frame::{FrameError, FrameReader};
use super::{Reply, hangup, stopping};
use crate::api::{self, Begun, Waiting};
use crate::broker::Broker;
use crate::limits::{GATHER_BYTES, MAX_BEGUN_PER_CONNECTION};

/// How soon a connection that waits for an answer is looked at again once its idle time is over.
const IDLE_RECHECK: Duration = Duration::from_secs(1);

/// What handlers may know of the connection that a request came from.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The listener it connected to, for the addresses that Metadata answers with.
    pub(crate) listener: Arc<str>,
}

/// Why a connection ended, where that is worth a line in the log.
#[derive(Debug)]
pub(crate) enum Ended {
    ByPeer,
    Idle,
    Stopping,
    Refused(Refusal),
    Failed(std::io::Error),
}

/// A request that its connection ends with: what the log tells of it.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// As far as it is known, and not longer than a line has room for.
    pub(crate) client_id: Option<String>,
    /// Names API and version where they are known.
    pub(crate) reason: String,
}

pub(crate) async fn serve(broker: Arc<Broker>, peer: Arc<Peer>, stream: TcpStream) -> Ended {
    let config = broker.config();
    let max_request = config.network.socket_request_max_bytes;
    let idle = Duration::from_millis(
        u64::try_from(config.network.connections_max_idle_ms).unwrap_or(u64::MAX),
    );
    drop(config);
    let reader = FrameReader::new(broker.budget.clone(), max_request);
    let connection = Connection {
        broker,
        peer,
        stream,
        idle,
        begun: VecDeque::new(),
        elsewhere: None,
        unsent: Reply::default(),
    };
    connection.run(reader).await
}

struct Connection {
    broker: Arc<Broker>,
    peer: Arc<Peer>,
    stream: TcpStream,
    idle: Duration,
    /// Begun and not yet answered, oldest first; at most [`MAX_BEGUN_PER_CONNECTION`].
    begun: VecDeque<Waiting>,
    /// Handed to another thread to be begun there; nothing is taken before that is done.
    elsewhere: Option<oneshot::Receiver<Begun>>,
    /// Answers that the next write takes along.
    unsent: Reply,
}

impl Connection {
    async fn run(mut self, mut reader: FrameReader) -> Ended {
        let quiet = tokio::time::sleep(self.idle);
        tokio::pin!(quiet);
        let broker = self.broker.clone();
        let stop_asked = broker.stopping.asked();
        tokio::pin!(stop_asked);
        let mut last_active = Instant::now();
        loop {
            let stops = broker.stopping.is_asked();
            if stops && self.owes_nothing() {
                stopping::part(&self.stream).await;
                return Ended::Stopping;
            }
            let reads = !stops && self.may_read(&reader);
            let may_begin = self.may_begin();
            let step = tokio::select! {
                biased;
                answer = oldest(&mut self.begun) => self.answer(answer),
                begun = handed_over(&mut self.elsewhere) => self.arrive(begun),
                frame = reader.next(&self.stream, may_begin), if reads => match frame {
                    Ok(Some(frame)) => self.note(api::begin(&self.broker, &self.peer, frame)),
                    Ok(None) => Err(Ended::ByPeer),
                    Err(error) => Err(ended_by(error, &reader)),
                },
                () = std::future::ready(()), if !self.unsent.is_empty() => self.write(&mut reader).await,
                () = hangup::of(&self.stream), if !reads && !stops => Err(Ended::ByPeer),
                () = &mut stop_asked, if !stops => continue,
                () = &mut quiet => {
                    // The timer is not moved with every request, only when it runs out.
                    let idle_until = last_active + self.idle;
                    let waits = !self.begun.is_empty() || self.elsewhere.is_some();
                    if !waits && idle_until <= Instant::now() {
                        return Ended::Idle;
                    }
                    let recheck = idle_until.max(Instant::now() + IDLE_RECHECK);
                    quiet.as_mut().reset(recheck);
                    continue;
                }
            };
            if let Err(ended) = step {
                // What was answered before is still the peer's; whether it takes it does not matter any more.
                let _ = self.write(&mut reader).await;
                return ended;
            }
            last_active = Instant::now();
            // The requests of one read must not keep the other connections of this worker waiting.
            tokio::task::consume_budget().await;
        }
    }

    fn owes_nothing(&self) -> bool {
        self.unsent.is_empty()
            && self.elsewhere.is_none()
            && !self.begun.iter().any(|waiting| waiting.is_owed)
    }

    /// Whether another request may be taken: with answers at hand only one that is here already.
    fn may_read(&self, reader: &FrameReader) -> bool {
        let at_once = self.unsent.is_empty()
            || reader.holds_a_frame() && self.unsent.size_bytes() < GATHER_BYTES;
        at_once && self.elsewhere.is_none() && self.begun.len() < MAX_BEGUN_PER_CONNECTION
    }

    /// Tells by its first bytes whether a request may be begun before those in `begun` are answered. One that may not is
    /// not even read: it would hold memory for as long as they wait.
    fn may_begin(&self) -> fn(&[u8]) -> bool {
        if self.begun.is_empty() {
            |_| true
        } else if self.begun.iter().all(|waiting| waiting.may_be_overtaken) {
            api::may_be_overtaken
        } else {
            |_| false
        }
    }

    /// The oldest begun request has its answer.
    fn answer(&mut self, answer: Option<Reply>) -> Result<(), Ended> {
        self.begun.pop_front();
        let Some(reply) = answer else {
            return Err(Ended::Refused(Refusal {
                client_id: None,
                reason: "no answer could be given".to_owned(),
            }));
        };
        self.unsent.append(reply);
        Ok(())
    }

    /// What was handed over is begun; `None` if the broker stopped before.
    fn arrive(&mut self, begun: Option<Begun>) -> Result<(), Ended> {
        self.elsewhere = None;
        begun.map_or(Err(Ended::Stopping), |begun| self.note(begun))
    }

    fn note(&mut self, begun: Begun) -> Result<(), Ended> {
        match begun {
            Begun::Answered(reply) if self.begun.is_empty() => {
                self.unsent.append(reply);
                Ok(())
            }
            Begun::Answered(reply) => {
                self.begun.push_back(Waiting::answered(reply));
                Ok(())
            }
            Begun::Waiting(waiting) => {
                self.begun.push_back(waiting);
                Ok(())
            }
            Begun::Elsewhere(begun) => {
                self.elsewhere = Some(begun);
                Ok(())
            }
            Begun::Silent => Ok(()),
            Begun::Refused(refusal) => Err(Ended::Refused(refusal)),
        }
    }

    async fn write(&mut self, reader: &mut FrameReader) -> Result<(), Ended> {
        let unsent = std::mem::take(&mut self.unsent);
        tokio::select! {
            biased;
            written = unsent.write_to(&self.stream, self.idle) => {
                written.map_err(|error| match error.kind() {
                    std::io::ErrorKind::TimedOut => Ended::Idle,
                    _ => Ended::Failed(error),
                })
            }
            () = reader.overdue() => Err(ended_by(FrameError::Slow, reader)),
        }
    }
}

async fn oldest(begun: &mut VecDeque<Waiting>) -> Option<Reply> {
    match begun.front_mut() {
        Some(waiting) => waiting.answer.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn handed_over(elsewhere: &mut Option<oneshot::Receiver<Begun>>) -> Option<Begun> {
    match elsewhere {
        Some(begun) => begun.await.ok(),
        None => std::future::pending().await,
    }
}

fn ended_by(error: FrameError, reader: &FrameReader) -> Ended {
    match error {
        FrameError::Io(error) => Ended::Failed(error),
        FrameError::Truncated => Ended::ByPeer,
        refused => Ended::Refused(Refusal {
            client_id: reader.client_id(),
            reason: refused.to_string(),
        }),
    }
}
