//! What the producers have in common: their settings, and what their callbacks gather.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use crate::report::histogram;
use crate::traffic::{Counter, INTERVAL_MS};

pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A client's settings: ours, then KEY=VALUE pairs that stand over them.
pub(crate) fn config(bootstrap: &str, pairs: &[String]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("statistics.interval.ms", INTERVAL_MS.to_string());
    for (key, value) in pairs.iter().filter_map(|pair| pair.split_once('=')) {
        config.set(key, value);
    }
    config
}

/// What the callbacks of one producer gather.
pub(crate) struct Deliveries {
    began: Instant,
    pub(crate) traffic: Counter,
    latencies: Mutex<Histogram<u64>>,
    failure: Mutex<Option<KafkaError>>,
}

impl Deliveries {
    pub(crate) fn new() -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            began: Instant::now(),
            traffic: Counter::default(),
            latencies: Mutex::new(histogram()?),
            failure: Mutex::new(None),
        }))
    }

    /// The clock that records carry the time of; 0 stands for a record that is not timed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn latencies(&self) -> anyhow::Result<Histogram<u64>> {
        match self.latencies.lock() {
            Ok(latencies) => Ok(latencies.clone()),
            Err(_) => anyhow::bail!("a callback panicked"),
        }
    }

    /// Fails with the first delivery that failed.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match self.failure.lock() {
            Ok(mut failure) => failure.take().map_or(Ok(()), |why| Err(why.into())),
            Err(_) => anyhow::bail!("a callback panicked"),
        }
    }
}

pub(crate) struct Callbacks(pub(crate) Arc<Deliveries>);

impl ClientContext for Callbacks {
    fn stats_raw(&self, json: &[u8]) {
        self.0.traffic.take(json);
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, sent_ns: usize) {
        if let Err((why, _)) = result
            && let Ok(mut failure) = self.0.failure.lock()
        {
            failure.get_or_insert_with(|| why.clone());
        }
        if sent_ns != 0
            && let Ok(mut latencies) = self.0.latencies.lock()
        {
            let now_ns = self.0.elapsed().as_nanos() as u64;
            latencies.saturating_record(now_ns.saturating_sub(sent_ns as u64));
        }
    }
}
