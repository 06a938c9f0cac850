//! Consumers that each read a whole topic from its start.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use crate::client;
use crate::process::{cpu_s, watching};
use crate::report::Outcome;
use crate::traffic::{Counter, Traffic};

const STALLED: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Consume {
    bootstrap: String,
    topic: String,
    /// The broker's process.
    #[arg(long)]
    pid: Option<u32>,
    #[arg(long, default_value_t = 1)]
    consumers: usize,
    #[arg(long, default_value_t = 1)]
    partitions: i32,
    /// How many records the topic holds; each consumer ends when it has them.
    #[arg(long)]
    records: u64,
    /// Any setting of librdkafka, KEY=VALUE.
    #[arg(long)]
    set: Vec<String>,
}

struct Callbacks(Arc<Counter>);

impl ClientContext for Callbacks {
    fn stats_raw(&self, json: &[u8]) {
        self.0.take(json);
    }
}

impl ConsumerContext for Callbacks {}

struct Read {
    payload_bytes: u64,
    traffic: Traffic,
}

impl Consume {
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let done = Barrier::new(self.consumers + 1);
        let began = Instant::now();
        let client_before_s = cpu_s(std::process::id())?;
        thread::scope(|scope| {
            let (threads, broker) = watching(self.pid, || {
                let threads: Vec<_> = (0..self.consumers)
                    .map(|_| scope.spawn(|| self.consume(&done)))
                    .collect();
                done.wait();
                Ok(threads)
            })?;
            let seconds = began.elapsed().as_secs_f64();
            let client_cpu_s = cpu_s(std::process::id())? - client_before_s;
            let mut traffic = Traffic::default();
            let mut payload_bytes = 0;
            for thread in threads {
                let read = thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a consumer panicked"))??;
                payload_bytes += read.payload_bytes;
                traffic = traffic.plus(read.traffic);
            }
            Ok(Outcome {
                seconds,
                records: self.records * self.consumers as u64,
                payload_bytes,
                frame_bytes: traffic.received_bytes,
                requests: traffic.requests,
                broker,
                client_cpu_s,
                latency: None,
            })
        })
    }

    /// One consumer's life. The barrier is passed however it ends, or the others would wait for ever.
    fn consume(&self, done: &Barrier) -> anyhow::Result<Read> {
        let counter = Arc::new(Counter::default());
        let read = self
            .connected(counter.clone())
            .and_then(|consumer| Ok((self.read(&consumer)?, consumer)));
        done.wait();
        let (payload_bytes, consumer) = read?;
        let traffic = counter.settled(|time| drop(consumer.poll(time)))?;
        Ok(Read {
            payload_bytes,
            traffic,
        })
    }

    fn connected(&self, counter: Arc<Counter>) -> anyhow::Result<BaseConsumer<Callbacks>> {
        let mut config = client::config(&self.bootstrap, &self.set);
        config
            .set("group.id", "unused")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer<Callbacks> = config.create_with_context(Callbacks(counter))?;
        let mut all = TopicPartitionList::new();
        for partition in 0..self.partitions {
            all.add_partition_offset(&self.topic, partition, Offset::Offset(0))?;
        }
        consumer.assign(&all)?;
        Ok(consumer)
    }

    fn read(&self, consumer: &BaseConsumer<Callbacks>) -> anyhow::Result<u64> {
        let mut payload_bytes = 0;
        let mut records = 0;
        let mut newest = Instant::now();
        while records < self.records {
            match consumer.poll(Duration::from_millis(100)) {
                Some(message) => {
                    payload_bytes += message?.payload_len() as u64;
                    records += 1;
                    if records.is_multiple_of(1024) {
                        newest = Instant::now();
                    }
                }
                None if newest.elapsed() > STALLED => {
                    anyhow::bail!("{records} of {} records came", self.records)
                }
                None => {}
            }
        }
        Ok(payload_bytes)
    }
}
