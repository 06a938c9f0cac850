//! One record at a time, from the producer's call to the consumer's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{self, Callbacks, Deliveries};
use crate::payload::{Payloads, Pool};
use crate::process::{cpu_s, watching};
use crate::report::{Latencies, Outcome, histogram};
use hdrhistogram::Histogram;

/// The first records find connections and fetches not yet in their stride.
const WARM_UP: u64 = 100;

#[derive(Args)]
pub(crate) struct EndToEnd {
    bootstrap: String,
    topic: String,
    /// The broker's process.
    #[arg(long)]
    pid: Option<u32>,
    #[arg(long, default_value_t = 2000)]
    records: u64,
    #[arg(long, default_value_t = 1000)]
    record_bytes: usize,
    /// Any setting of librdkafka's producer, KEY=VALUE.
    #[arg(long)]
    set: Vec<String>,
}

impl EndToEnd {
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let deliveries = Deliveries::new()?;
        let producer: BaseProducer<Callbacks> = client::config(&self.bootstrap, &self.set)
            .create_with_context(Callbacks(deliveries.clone()))?;
        let consumer = self.consumer()?;
        let pool = Pool::new(self.record_bytes);
        let mut payloads = pool.payloads(1);
        for _ in 0..WARM_UP {
            self.once(&producer, &consumer, payloads.next())?;
        }
        let client_before_s = cpu_s(std::process::id())?;
        let began = Instant::now();
        let (latencies, broker) = watching(self.pid, || {
            self.timed(&producer, &consumer, &deliveries, &mut payloads)
        })?;
        let seconds = began.elapsed().as_secs_f64();
        let client_cpu_s = cpu_s(std::process::id())? - client_before_s;
        let traffic = deliveries.traffic.settled(|time| producer.poll(time))?;
        Ok(Outcome {
            seconds,
            records: self.records,
            payload_bytes: self.records * self.record_bytes as u64,
            frame_bytes: traffic.sent_bytes,
            requests: traffic.requests,
            broker,
            client_cpu_s,
            latency: Some(Latencies::of(&latencies)),
        })
    }

    fn timed(
        &self,
        producer: &BaseProducer<Callbacks>,
        consumer: &BaseConsumer,
        deliveries: &Arc<Deliveries>,
        payloads: &mut Payloads<'_>,
    ) -> anyhow::Result<Histogram<u64>> {
        let mut latencies = histogram()?;
        for _ in 0..self.records {
            let took = self.once(producer, consumer, payloads.next())?;
            latencies.saturating_record(took.as_nanos() as u64);
            deliveries.check()?;
        }
        Ok(latencies)
    }

    fn consumer(&self) -> anyhow::Result<BaseConsumer> {
        let consumer: BaseConsumer = client::config(&self.bootstrap, &[])
            .set("group.id", "unused")
            .set("enable.auto.commit", "false")
            .create()?;
        let mut one = TopicPartitionList::new();
        one.add_partition_offset(&self.topic, 0, Offset::Offset(0))?;
        consumer.assign(&one)?;
        Ok(consumer)
    }

    fn once(
        &self,
        producer: &BaseProducer<Callbacks>,
        consumer: &BaseConsumer,
        payload: &[u8],
    ) -> anyhow::Result<Duration> {
        let began = Instant::now();
        producer
            .send(
                BaseRecord::<(), [u8], usize>::with_opaque_to(&self.topic, 0)
                    .payload(payload)
                    .partition(0),
            )
            .map_err(|(why, _)| why)?;
        consumer
            .poll(client::LIMIT)
            .ok_or_else(|| anyhow::anyhow!("a record did not come"))??;
        let took = began.elapsed();
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::ZERO);
        }
        Ok(took)
    }
}
