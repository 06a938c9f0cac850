//! Producers in a closed loop: each keeps its queue full until the time is up, and ends when all is acknowledged.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::client::{self, Callbacks, Deliveries};
use crate::payload::{Numbers, Payloads, Pool};
use crate::process::{cpu_s, watching};
use crate::report::{Latencies, Outcome, histogram};
use crate::traffic::Traffic;

const POLL_EVERY: u64 = 128;
/// One record in so many has its time taken.
const SAMPLED: u64 = 64;
const KEYS: u64 = 1_000_000;

#[derive(Args, Clone)]
pub(crate) struct Produce {
    bootstrap: String,
    topic: String,
    /// The broker's process.
    #[arg(long)]
    pid: Option<u32>,
    #[arg(long, default_value_t = 1)]
    producers: usize,
    #[arg(long, default_value_t = 1)]
    partitions: u64,
    #[arg(long, default_value_t = 1000)]
    record_bytes: usize,
    #[arg(long, default_value = "1")]
    acks: String,
    #[arg(long, value_enum, default_value_t = Codec::None)]
    codec: Codec,
    /// Records have one of a million keys, and go where the key's hash says; else to each partition in turn.
    #[arg(long)]
    keyed: bool,
    /// The producers stop after so many seconds, or when so many bytes of payload are sent.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[arg(long, default_value_t = u64::MAX)]
    payload_bytes: u64,
    /// Any setting of librdkafka, KEY=VALUE.
    #[arg(long)]
    set: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// What one producer did.
struct Sent {
    records: u64,
    traffic: Traffic,
    latencies: Histogram<u64>,
}

impl Produce {
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let pool = Pool::new(self.record_bytes);
        let ready = Barrier::new(self.producers + 1);
        let done = Barrier::new(self.producers + 1);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.producers)
                .map(|number| {
                    let (pool, ready, done) = (&pool, &ready, &done);
                    scope.spawn(move || {
                        self.produce(pool.payloads(number as u64 + 1), number as u64, ready, done)
                    })
                })
                .collect();
            ready.wait();
            let began = Instant::now();
            let client_before_s = cpu_s(std::process::id())?;
            let (seconds, broker) = watching(self.pid, || {
                done.wait();
                Ok(began.elapsed().as_secs_f64())
            })?;
            let client_cpu_s = cpu_s(std::process::id())? - client_before_s;
            let mut latencies = histogram()?;
            let mut traffic = Traffic::default();
            let mut records = 0;
            for thread in threads {
                let sent = thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a producer panicked"))??;
                records += sent.records;
                traffic = traffic.plus(sent.traffic);
                latencies.add(sent.latencies)?;
            }
            Ok(Outcome {
                seconds,
                records,
                payload_bytes: records * self.record_bytes as u64,
                frame_bytes: traffic.sent_bytes,
                requests: traffic.requests,
                broker,
                client_cpu_s,
                latency: Some(Latencies::of(&latencies)),
            })
        })
    }

    /// One producer's life. Both barriers are passed however it ends, or the others would wait for ever.
    fn produce(
        &self,
        payloads: Payloads<'_>,
        number: u64,
        ready: &Barrier,
        done: &Barrier,
    ) -> anyhow::Result<Sent> {
        let made = self.connected();
        ready.wait();
        let sent = made.and_then(|(producer, deliveries)| {
            let records = self.fill(&producer, &deliveries, payloads, number)?;
            Ok((producer, deliveries, records))
        });
        done.wait();
        let (producer, deliveries, records) = sent?;
        let traffic = deliveries.traffic.settled(|time| producer.poll(time))?;
        let latencies = deliveries.latencies()?;
        Ok(Sent {
            records,
            traffic,
            latencies,
        })
    }

    fn connected(&self) -> anyhow::Result<(BaseProducer<Callbacks>, Arc<Deliveries>)> {
        let deliveries = Deliveries::new()?;
        let producer: BaseProducer<Callbacks> = self
            .config()
            .create_with_context(Callbacks(deliveries.clone()))?;
        producer
            .client()
            .fetch_metadata(Some(&self.topic), client::LIMIT)?;
        Ok((producer, deliveries))
    }

    fn config(&self) -> ClientConfig {
        let mut config = client::config(&self.bootstrap, &self.set);
        config
            .set("acks", &self.acks)
            .set("compression.codec", self.codec.name());
        config
    }

    fn fill(
        &self,
        producer: &BaseProducer<Callbacks>,
        deliveries: &Deliveries,
        mut payloads: Payloads<'_>,
        number: u64,
    ) -> anyhow::Result<u64> {
        let mut keys = Numbers::seeded(number + 1);
        let until = Instant::now() + Duration::from_secs_f64(self.seconds);
        let most = self.payload_bytes / self.record_bytes as u64 / self.producers as u64;
        let mut records = 0;
        while records < most {
            if records.is_multiple_of(POLL_EVERY) {
                producer.poll(Duration::ZERO);
                deliveries.check()?;
                if Instant::now() > until {
                    break;
                }
            }
            let key = self.keyed.then(|| keys.below(KEYS).to_be_bytes());
            let sent = if records.is_multiple_of(SAMPLED) {
                deliveries.elapsed().as_nanos() as usize
            } else {
                0
            };
            let mut record = BaseRecord::<[u8; 8], [u8], usize>::with_opaque_to(&self.topic, sent)
                .payload(payloads.next());
            match &key {
                Some(key) => record = record.key(key),
                None => record = record.partition(((records + number) % self.partitions) as i32),
            }
            send(producer, record)?;
            records += 1;
        }
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_millis(1));
            deliveries.check()?;
        }
        Ok(records)
    }
}

/// Sends, waiting for room in the producer's queue.
fn send(
    producer: &BaseProducer<Callbacks>,
    mut record: BaseRecord<'_, [u8; 8], [u8], usize>,
) -> anyhow::Result<()> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((why, _)) => return Err(why.into()),
        }
    }
}
