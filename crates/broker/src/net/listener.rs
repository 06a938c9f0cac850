//! Accepts connections and hands each to the least loaded worker, within the limits on their number.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use config::BrokerConfig;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::connection::{self, Ended, Peer};
use crate::broker::Broker;
use crate::log_limit::LogLimit;
use crate::runtime::Workers;

/// After an accept that failed for want of descriptors or memory, the wait before the next.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Open connections, counted against `max.connections` and `max.connections.per.ip`.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// One counted connection; dropping it uncounts it.
struct Slot {
    connections: Arc<Connections>,
    ip: IpAddr,
}

impl Connections {
    /// `None` if `max.connections` or `max.connections.per.ip` is reached.
    fn enter(self: &Arc<Self>, ip: IpAddr, config: &BrokerConfig) -> Option<Slot> {
        let mut open = self.open.lock();
        let of_ip = open.by_ip.get(&ip).copied().unwrap_or(0);
        let limit = |max: i32| usize::try_from(max).unwrap_or(0);
        if open.total >= limit(config.network.max_connections)
            || of_ip >= limit(max_per_ip(config, ip))
        {
            return None;
        }
        open.total += 1;
        open.by_ip.insert(ip, of_ip + 1);
        Some(Slot {
            connections: self.clone(),
            ip,
        })
    }
}

impl Connections {
    pub(crate) fn count(&self) -> usize {
        self.open.lock().total
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.total -= 1;
        if let Some(of_ip) = open.by_ip.get_mut(&self.ip) {
            *of_ip -= 1;
            if *of_ip == 0 {
                open.by_ip.remove(&self.ip);
            }
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
    let refusals = LogLimit::default();
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
        let Some(slot) = broker.connections.enter(address.ip(), &broker.config()) else {
            refusals.warn(|| tracing::warn!(%address, "too many connections, one refused"));
            continue;
        };
        let peer = Arc::new(Peer {
            address,
            listener: name.clone(),
        });
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
    if let Ok(bytes) = usize::try_from(config.network.socket_send_buffer_bytes) {
        socket.set_send_buffer_size(bytes)?;
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
        Ended::Refused(reason) => {
            broker
                .refusals
                .warn(|| tracing::warn!(%address, reason, "connection closed"));
        }
        Ended::Failed(error) => tracing::debug!(%address, %error, "connection lost"),
        Ended::Stopping => tracing::debug!(%address, "connection closed at the stop"),
        Ended::ByPeer => tracing::debug!(%address, "connection closed by the client"),
        Ended::Idle => tracing::debug!(%address, "idle connection closed"),
    }
}
