//! Creating and deleting the topic of a cell.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(crate) struct Create {
    bootstrap: String,
    topic: String,
    #[arg(long, default_value_t = 1)]
    partitions: i32,
    /// KEY=VALUE of the topic's configuration.
    #[arg(long)]
    config: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Delete {
    bootstrap: String,
    topic: String,
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(LIMIT))
        .operation_timeout(Some(LIMIT))
}

/// Runs an admin call, which is asynchronous only by its signature: librdkafka's own thread does it.
fn wait<T>(call: impl Future<Output = T>) -> anyhow::Result<T> {
    let mut call = std::pin::pin!(call);
    let waker = std::task::Waker::noop();
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        if let std::task::Poll::Ready(outcome) = call
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker))
        {
            return Ok(outcome);
        }
        thread::sleep(Duration::from_millis(1));
    }
    anyhow::bail!("the broker did not answer in time")
}

impl Create {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = client(&self.bootstrap).create()?;
        let mut topic = NewTopic::new(&self.topic, self.partitions, TopicReplication::Fixed(1));
        for pair in &self.config {
            let (key, value) = pair.split_once('=').context("--config takes KEY=VALUE")?;
            topic = topic.set(key, value);
        }
        for created in wait(admin.create_topics([&topic], &options()))?? {
            created.map_err(|(topic, code)| anyhow::anyhow!("{topic}: {code}"))?;
        }
        self.await_leaders()
    }

    /// Kafka answers before every partition has its leader, and that before the leader knows it.
    fn await_leaders(&self) -> anyhow::Result<()> {
        let consumer: BaseConsumer = client(&self.bootstrap).create()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..self.partitions {
            all.add_partition_offset(&self.topic, partition, Offset::Offset(0))?;
        }
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            let asked = consumer.offsets_for_times(all.clone(), LIMIT);
            if asked.is_ok_and(|found| found.elements().iter().all(|one| one.error().is_ok())) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        anyhow::bail!("the partitions got no leaders in time")
    }
}

impl Delete {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = client(&self.bootstrap).create()?;
        for deleted in wait(admin.delete_topics(&[&self.topic], &options()))?? {
            deleted.map_err(|(topic, code)| anyhow::anyhow!("{topic}: {code}"))?;
        }
        Ok(())
    }
}
