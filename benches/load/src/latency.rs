//! A producer in an open loop: records are due at fixed times, and each one's latency counts from when it was due,
//! however late the producer came to send it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use crate::client::{self, Callbacks, Deliveries};
use crate::payload::Pool;
use crate::process::{cpu_s, watching};
use crate::report::{Latencies, Outcome};

/// How much later than due a sleeping thread may be woken; the default is 50 us.
const TIMER_SLACK_NS: u64 = 1_000;

#[derive(Args)]
pub(crate) struct Latency {
    bootstrap: String,
    topic: String,
    /// The broker's process.
    #[arg(long)]
    pid: Option<u32>,
    /// Records a second.
    #[arg(long)]
    rate: f64,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Records due in the first seconds are sent and not timed.
    #[arg(long, default_value_t = 1.0)]
    warm_up_seconds: f64,
    #[arg(long, default_value_t = 1)]
    partitions: u64,
    #[arg(long, default_value_t = 1000)]
    record_bytes: usize,
    /// Any setting of librdkafka, KEY=VALUE.
    #[arg(long)]
    set: Vec<String>,
}

impl Latency {
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let pool = Pool::new(self.record_bytes);
        let deliveries = Deliveries::new()?;
        let producer: ThreadedProducer<Callbacks> = client::config(&self.bootstrap, &self.set)
            .create_with_context(Callbacks(deliveries.clone()))?;
        producer
            .client()
            .fetch_metadata(Some(&self.topic), client::LIMIT)?;
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(TIMER_SLACK_NS))?;
        let client_before_s = cpu_s(std::process::id())?;
        let began = Instant::now();
        let (records, broker) =
            watching(self.pid, || self.send_all(&producer, &deliveries, &pool))?;
        let seconds = began.elapsed().as_secs_f64();
        let client_cpu_s = cpu_s(std::process::id())? - client_before_s;
        let traffic = deliveries.traffic.settled(thread::sleep)?;
        Ok(Outcome {
            seconds,
            records,
            payload_bytes: records * self.record_bytes as u64,
            frame_bytes: traffic.sent_bytes,
            requests: traffic.requests,
            broker,
            client_cpu_s,
            latency: Some(Latencies::of(&deliveries.latencies()?)),
        })
    }

    fn send_all(
        &self,
        producer: &ThreadedProducer<Callbacks>,
        deliveries: &Arc<Deliveries>,
        pool: &Pool,
    ) -> anyhow::Result<u64> {
        let mut payloads = pool.payloads(1);
        let start = deliveries.elapsed();
        let records = (self.rate * (self.seconds + self.warm_up_seconds)) as u64;
        for number in 0..records {
            let due_after_s = number as f64 / self.rate;
            let due = start + Duration::from_secs_f64(due_after_s);
            if let Some(early) = due.checked_sub(deliveries.elapsed()) {
                thread::sleep(early);
            }
            let timed = due_after_s >= self.warm_up_seconds;
            let record = BaseRecord::<(), [u8], usize>::with_opaque_to(
                &self.topic,
                if timed { due.as_nanos() as usize } else { 0 },
            )
            .payload(payloads.next())
            .partition((number % self.partitions) as i32);
            send(producer, record)?;
        }
        while producer.in_flight_count() > 0 {
            thread::sleep(Duration::from_millis(1));
        }
        deliveries.check()?;
        Ok(records)
    }
}

fn send(
    producer: &ThreadedProducer<Callbacks>,
    mut record: BaseRecord<'_, (), [u8], usize>,
) -> anyhow::Result<()> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                thread::sleep(Duration::from_millis(1));
            }
            Err((why, _)) => return Err(why.into()),
        }
    }
}
