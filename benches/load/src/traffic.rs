//! Bytes on the sockets, as librdkafka counts them in its statistics.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How often librdkafka counts; a run waits once for the count after its end.
pub(crate) const INTERVAL_MS: u64 = 500;

/// What went over a client's sockets since it was made.
#[derive(Serialize, Default, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

impl Traffic {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            sent_bytes: self.sent_bytes + other.sent_bytes,
            received_bytes: self.received_bytes + other.received_bytes,
        }
    }
}

#[derive(Deserialize)]
struct Statistics {
    brokers: HashMap<String, Broker>,
}

#[derive(Deserialize)]
struct Broker {
    tx: u64,
    txbytes: u64,
    rxbytes: u64,
}

/// The newest count, and when it came.
#[derive(Default)]
pub(crate) struct Counter {
    newest: Mutex<Option<(Instant, Traffic)>>,
}

impl Counter {
    /// To be called from the client's statistics callback.
    pub(crate) fn take(&self, json: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else {
            return;
        };
        let sum = statistics
            .brokers
            .values()
            .fold(Traffic::default(), |sum, broker| {
                sum.plus(Traffic {
                    requests: broker.tx,
                    sent_bytes: broker.txbytes,
                    received_bytes: broker.rxbytes,
                })
            });
        if let Ok(mut newest) = self.newest.lock() {
            *newest = Some((Instant::now(), sum));
        }
    }

    /// The first count that comes after now, while `poll` serves the client's events.
    pub(crate) fn settled(&self, mut poll: impl FnMut(Duration)) -> anyhow::Result<Traffic> {
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_millis(20 * INTERVAL_MS) {
            poll(Duration::from_millis(10));
            if let Ok(newest) = self.newest.lock()
                && let Some((at, traffic)) = *newest
                && at > asked + Duration::from_millis(20)
            {
                return Ok(traffic);
            }
        }
        anyhow::bail!("librdkafka gave no statistics")
    }
}
