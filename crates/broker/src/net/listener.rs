//! Accepts connections and hands each to the least loaded worker, within the limits on their number.
//!
//! Invariant: as in Kafka, a connection that would exceed `max.connections`, or its listener's, waits until another has
//! ended, and those behind it with it, and so does one that comes faster than `max.connection.creation.rate`; one that
//! exceeds its address's number is closed. The listener of the brokers themselves is kept waiting by no other.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::BrokerConfig;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::accept_rate::{AcceptRate, Allowance};
use super::connection::{self, Ended, Peer};
use crate::broker::Broker;
use crate::limits::MAX_UNSENT_BYTES;
use crate::log_limit::LogLimit;
use crate::runtime::Workers;

/// After an accept that failed for want of descriptors or memory, the wait before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How soon a connection that waits for a slot looks whether its limit has been raised.
const SLOT_RECHECK: Duration = Duration::from_secs(1);

/// Open connections, counted against `max.connections` and `max.connections.per.ip`.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
    freed: Notify,
    rate: AcceptRate,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
    by_listener: HashMap<Arc<str>, usize>,
}

/// One counted connection; dropping it uncounts it.
struct Slot {
    connections: Arc<Connections>,
    ip: IpAddr,
    listener: Arc<str>,
}

/// Why a connection may not be served.
enum Excess {
    /// Others have to end first.
    OfAll,
    OfAddress,
}

impl Connections {
    pub(crate) fn count(&self) -> usize {
        self.open.lock().total
    }

    /// How long a connection that has come now waits, for all and for the `own` rate of its listener; not longer than a
    /// quota's window.
    fn delay(&self, own: &AcceptRate, listener: &str, config: &BrokerConfig) -> Duration {
        let network = &config.network;
        let window_s = f64::from(network.quota_window_size_seconds);
        let whole_windows = f64::from(network.quota_window_num.saturating_sub(1).max(1));
        let allowance = |per_second: i32| Allowance {
            per_second: f64::from(per_second),
            at_once: f64::from(per_second) * whole_windows * window_s,
        };
        let now = Instant::now();
        let of_listener = allowance(config.max_connection_creation_rate_of(listener));
        let of_all = allowance(network.max_connection_creation_rate);
        let (mut delay, of_all) = (own.count(of_listener, now), self.rate.count(of_all, now));
        if !config.is_for_brokers_alone(listener) {
            delay = delay.max(of_all);
        }
        delay.min(Duration::from_secs_f64(window_s))
    }

    /// Waits while the broker or the listener has too many; `None` if the address has.
    async fn enter(self: &Arc<Self>, peer: &Peer, broker: &Broker) -> Option<Slot> {
        loop {
            let freed = self.freed.notified();
            match self.try_enter(peer, &broker.config()) {
                Ok(slot) => return Some(slot),
                Err(Excess::OfAddress) => return None,
                // A slot may be freed before this is polled, but not before it is looked for again.
                Err(Excess::OfAll) => _ = timeout(SLOT_RECHECK, freed).await,
            }
        }
    }

    fn try_enter(self: &Arc<Self>, peer: &Peer, config: &BrokerConfig) -> Result<Slot, Excess> {
        let ip = peer.address.ip();
        let limit = |max: i32| usize::try_from(max).unwrap_or(0);
        let mut open = self.open.lock();
        let of_ip = open.by_ip.get(&ip).copied().unwrap_or(0);
        let of_listener = open.by_listener.get(&peer.listener).copied().unwrap_or(0);
        let is_full = open.total >= limit(config.network.max_connections);
        if of_listener >= limit(config.max_connections_of(&peer.listener))
            || is_full && !config.is_for_brokers_alone(&peer.listener)
        {
            return Err(Excess::OfAll);
        }
        if of_ip >= limit(max_per_ip(config, ip)) {
            return Err(Excess::OfAddress);
        }
        open.total += 1;
        open.by_ip.insert(ip, of_ip + 1);
        open.by_listener
            .insert(peer.listener.clone(), of_listener + 1);
        Ok(Slot {
            connections: self.clone(),
            ip,
            listener: peer.listener.clone(),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.total -= 1;
        uncount(&mut open.by_ip, &self.ip);
        uncount(&mut open.by_listener, &self.listener);
        self.connections.freed.notify_waiters();
    }
}

fn uncount<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn max_per_ip(config: &BrokerConfig, ip: IpAddr) -> i32 {
    let mut overrides = config.max_connections_per_ip_overrides.iter();
    let own = overrides.find(|(host, _)| host.parse() == Ok(ip));
    own.map_or(config.network.max_connections_per_ip, |(_, max)| *max)
}

/// Accepts on `listener` until the broker stops.
pub(crate) async fn accept(
    listener: TcpListener,
    name: Arc<str>,
    broker: Arc<Broker>,
    workers: Arc<Workers>,
) {
    let (refusals, rate) = (LogLimit::default(), AcceptRate::default());
    loop {
        let (stream, address) = match listener.accept().await {
            // A socket for both families tells IPv4 addresses within IPv6 ones.
            Ok((stream, peer)) => (
                stream,
                SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            ),
            Err(error) => {
                refusals.warn(|| tracing::warn!(%error, listener = %name, "accept failed"));
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        let peer = Arc::new(Peer {
            address,
            listener: name.clone(),
        });
        let delay = broker.connections.delay(&rate, &name, &broker.config());
        // Even a sleep of no time waits for the clock's next tick.
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let Some(slot) = broker.connections.enter(&peer, &broker).await else {
            refusals.warn(
                || tracing::warn!(%address, "too many connections of one address, one closed"),
            );
            continue;
        };
        match prepare(stream, &broker) {
            Ok(stream) => hand_over(stream, peer, slot, &broker, &workers).await,
            Err(error) => refusals
                .warn(|| tracing::warn!(%error, %address, "connection lost while it was accepted")),
        }
    }
}

fn prepare(stream: TcpStream, broker: &Broker) -> io::Result<std::net::TcpStream> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_keepalive(true)?;
    let config = broker.config();
    // -1 leaves the size to the operating system.
    match usize::try_from(config.network.socket_send_buffer_bytes) {
        Ok(bytes) => socket.set_send_buffer_size(bytes)?,
        // Not every kernel knows it, and nothing depends on it.
        Err(_) => socket
            .set_tcp_notsent_lowat(MAX_UNSENT_BYTES)
            .unwrap_or_default(),
    }
    if let Ok(bytes) = usize::try_from(config.network.socket_receive_buffer_bytes) {
        socket.set_recv_buffer_size(bytes)?;
    }
    stream.into_std()
}

async fn hand_over(
    stream: std::net::TcpStream,
    peer: Arc<Peer>,
    slot: Slot,
    broker: &Arc<Broker>,
    workers: &Arc<Workers>,
) {
    let broker = broker.clone();
    workers
        .spawn(move || async move {
            let Ok(stream) = TcpStream::from_std(stream) else {
                return;
            };
            let address = peer.address;
            let ended = connection::serve(broker.clone(), peer, stream).await;
            report(&broker, address, &ended);
            drop(slot);
        })
        .await;
}

fn report(broker: &Broker, address: SocketAddr, ended: &Ended) {
    match ended {
        Ended::Refused(refusal) => {
            let (client_id, reason) = (refusal.client_id.as_deref(), refusal.reason.as_str());
            broker
                .refusals
                .warn(|| tracing::warn!(%address, client_id, reason, "connection closed"));
        }
        Ended::Failed(error) => tracing::debug!(%address, %error, "connection lost"),
        Ended::Stopping => tracing::debug!(%address, "connection closed at the stop"),
        Ended::ByPeer => tracing::debug!(%address, "connection closed by the client"),
        Ended::Idle => tracing::debug!(%address, "idle connection closed"),
    }
}
