//! librdkafka through the `rdkafka` crate: the scenarios of `tests/clients/README.md`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

struct Scenarios {
    bootstrap: String,
    prefix: String,
    admin: AdminClient<DefaultClientContext>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let (bootstrap, prefix) = arguments
        .next()
        .zip(arguments.next())
        .ok_or("usage: BOOTSTRAP PREFIX")?;
    let admin = ClientConfig::new()
        .set("bootstrap.servers", &bootstrap)
        .create()?;
    let all = Scenarios {
        bootstrap,
        prefix,
        admin,
    };
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        for acks in ["0", "1", "all"] {
            report(
                &format!("produce-{codec}-{acks}"),
                all.produce(codec, acks).await,
            );
        }
    }
    report("consume-from-time", all.consume_from_time().await);
    report("group-rebalance", all.group_rebalance("range").await);
    report(
        "group-rebalance-cooperative",
        all.group_rebalance("cooperative-sticky").await,
    );
    report("admin", all.administer().await);
    report("idempotent", all.idempotent().await);
    report("big-message", all.big_message().await);
    report("headers", all.headers().await);
    report("nulls", all.nulls().await);
    report("many-partitions", all.many_partitions().await);
    println!("done");
    Ok(())
}

fn report(name: &str, outcome: Outcome) {
    match outcome {
        Ok(()) => println!("ok {name}"),
        Err(why) => println!("FAIL {name} {why}"),
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(expected: T, actual: T) -> Outcome {
    if expected == actual {
        Ok(())
    } else {
        Err(format!("expected {expected:?} but got {actual:?}").into())
    }
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("record {i}")).collect()
}

fn texts(messages: &[OwnedMessage]) -> Vec<String> {
    messages
        .iter()
        .map(|m| String::from_utf8_lossy(m.payload().unwrap_or_default()).into_owned())
        .collect()
}

fn until(
    what: &str,
    mut condition: impl FnMut() -> Result<bool, rdkafka::error::KafkaError>,
) -> Outcome {
    let begun = Instant::now();
    while !condition()? {
        if begun.elapsed() > LIMIT {
            return Err(format!("not in time: {what}").into());
        }
    }
    Ok(())
}

/// Polls once and keeps what comes; says how many partitions the member has.
fn poll(
    consumer: &BaseConsumer,
    seen: &mut Vec<OwnedMessage>,
) -> Result<usize, rdkafka::error::KafkaError> {
    if let Some(message) = consumer.poll(POLL) {
        seen.push(message?.detach());
    }
    Ok(consumer.assignment()?.count())
}

impl Scenarios {
    async fn topic(
        &self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<String, Box<dyn std::error::Error>> {
        let name = format!("{}{name}", self.prefix);
        let topic = configs.iter().fold(
            NewTopic::new(&name, partitions, TopicReplication::Fixed(1)),
            |topic, (key, value)| topic.set(key, value),
        );
        for created in self
            .admin
            .create_topics([&topic], &AdminOptions::new())
            .await?
        {
            created.map_err(|(topic, code)| format!("{topic}: {code}"))?;
        }
        Ok(name)
    }

    fn producer(
        &self,
        settings: &[(&str, &str)],
    ) -> Result<FutureProducer, rdkafka::error::KafkaError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create()
    }

    fn consumer(&self) -> Result<BaseConsumer, rdkafka::error::KafkaError> {
        self.member("unused", "range")
    }

    fn member(
        &self,
        group: &str,
        strategy: &str,
    ) -> Result<BaseConsumer, rdkafka::error::KafkaError> {
        ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", format!("{}{group}", self.prefix))
            .set("partition.assignment.strategy", strategy)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "300")
            .create()
    }

    async fn write(&self, topic: &str, values: &[String], settings: &[(&str, &str)]) -> Outcome {
        let producer = self.producer(settings)?;
        let mut sent = Vec::new();
        for value in values {
            let record = FutureRecord::<(), _>::to(topic).payload(value);
            sent.push(producer.send_result(record).map_err(|(why, _)| why)?);
        }
        for delivery in sent {
            delivery.await?.map_err(|(why, _)| why)?;
        }
        Ok(())
    }

    fn read(
        &self,
        topic: &str,
        partitions: i32,
        count: usize,
    ) -> Result<Vec<OwnedMessage>, Box<dyn std::error::Error>> {
        let consumer = self.consumer()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        let mut seen = Vec::new();
        until("all records are read", || {
            poll(&consumer, &mut seen).map(|_| seen.len() >= count)
        })?;
        Ok(seen)
    }

    async fn produce(&self, codec: &str, acks: &str) -> Outcome {
        let topic = self
            .topic(&format!("produce-{codec}-{acks}"), 1, &[])
            .await?;
        self.write(
            &topic,
            &numbered(10),
            &[("compression.type", codec), ("acks", acks)],
        )
        .await?;
        expect(numbered(10), texts(&self.read(&topic, 1, 10)?))
    }

    async fn consume_from_time(&self) -> Outcome {
        let topic = self.topic("time", 1, &[]).await?;
        let producer = self.producer(&[])?;
        for (i, value) in (1i64..).zip(numbered(10)) {
            let record = FutureRecord::<(), _>::to(&topic)
                .payload(&value)
                .timestamp(1000 * i);
            producer.send(record, LIMIT).await.map_err(|(why, _)| why)?;
        }
        let consumer = self.consumer()?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(&topic, 0, Offset::Offset(5500))?;
        let found = consumer.offsets_for_times(asked, LIMIT)?;
        expect(
            Some(Offset::Offset(5)),
            found
                .find_partition(&topic, 0)
                .map(|partition| partition.offset()),
        )?;
        expect((0, 10), consumer.fetch_watermarks(&topic, 0, LIMIT)?)?;
        consumer.assign(&found)?;
        let mut seen = Vec::new();
        until("the rest is read", || {
            poll(&consumer, &mut seen).map(|_| seen.len() >= 5)
        })?;
        expect(numbered(10).split_off(5), texts(&seen))
    }

    async fn group_rebalance(&self, strategy: &str) -> Outcome {
        let name = format!("group-{strategy}");
        let topic = self.topic(&name, 4, &[]).await?;
        let (first, second, mut seen) = (
            self.member(&name, strategy)?,
            self.member(&name, strategy)?,
            Vec::new(),
        );
        first.subscribe(&[&topic])?;
        until("the first member has all", || {
            Ok(poll(&first, &mut seen)? == 4)
        })?;
        second.subscribe(&[&topic])?;
        until("both have two", || {
            Ok([poll(&first, &mut seen)?, poll(&second, &mut seen)?] == [2, 2])
        })?;
        let producer = self.producer(&[])?;
        for (i, value) in (0..).zip(numbered(40)) {
            let record = FutureRecord::<(), _>::to(&topic)
                .payload(&value)
                .partition(i % 4);
            producer.send(record, LIMIT).await.map_err(|(why, _)| why)?;
        }
        until("both read all", || {
            poll(&first, &mut seen)?;
            poll(&second, &mut seen)?;
            Ok(seen.len() == 40)
        })?;
        first.commit_consumer_state(CommitMode::Sync)?;
        second.commit_consumer_state(CommitMode::Sync)?;
        drop(second);
        until("the first member has all again", || {
            Ok(poll(&first, &mut seen)? == 4)
        })?;
        let committed = first.committed(LIMIT)?;
        expect(
            vec![Offset::Offset(10); 4],
            committed
                .elements()
                .iter()
                .map(|partition| partition.offset())
                .collect(),
        )
    }

    async fn administer(&self) -> Outcome {
        let topic = self.topic("admin", 3, &[("retention.ms", "60000")]).await?;
        let consumer = self.consumer()?;
        let metadata = consumer.fetch_metadata(Some(&topic), LIMIT)?;
        expect(
            Some(3),
            metadata
                .topics()
                .first()
                .map(|topic| topic.partitions().len()),
        )?;
        expect(Some("60000".to_owned()), self.retention(&topic).await?)?;
        let change =
            AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("retention.ms", "70000");
        self.admin
            .alter_configs([&change], &AdminOptions::new())
            .await?;
        let begun = Instant::now();
        while self.retention(&topic).await? != Some("70000".to_owned()) {
            if begun.elapsed() > LIMIT {
                return Err("the configuration is not changed".into());
            }
        }
        self.admin
            .delete_topics(&[&topic], &AdminOptions::new())
            .await?;
        until("the topic is gone", || {
            Ok(consumer
                .fetch_metadata(None, LIMIT)?
                .topics()
                .iter()
                .all(|found| found.name() != topic))
        })
    }

    async fn retention(&self, topic: &str) -> Result<Option<String>, Box<dyn std::error::Error>> {
        let described = self
            .admin
            .describe_configs([&ResourceSpecifier::Topic(topic)], &AdminOptions::new())
            .await?;
        let resource = described
            .into_iter()
            .next()
            .ok_or("nothing described")?
            .map_err(|code| code.to_string())?;
        Ok(resource
            .get("retention.ms")
            .and_then(|entry| entry.value.clone()))
    }

    async fn idempotent(&self) -> Outcome {
        let topic = self.topic("idempotent", 1, &[]).await?;
        self.write(
            &topic,
            &numbered(500),
            &[("enable.idempotence", "true"), ("batch.num.messages", "7")],
        )
        .await?;
        expect(numbered(500), texts(&self.read(&topic, 1, 500)?))
    }

    async fn big_message(&self) -> Outcome {
        let topic = self
            .topic("big", 1, &[("max.message.bytes", "3000000")])
            .await?;
        let big = "b".repeat(2_000_000);
        self.write(
            &topic,
            std::slice::from_ref(&big),
            &[("message.max.bytes", "4000000")],
        )
        .await?;
        expect(true, texts(&self.read(&topic, 1, 1)?) == [big])
    }

    async fn headers(&self) -> Outcome {
        let topic = self.topic("headers", 1, &[]).await?;
        let headers = OwnedHeaders::new()
            .insert(Header {
                key: "a",
                value: Some("1"),
            })
            .insert(Header {
                key: "a",
                value: Some("2"),
            })
            .insert(Header::<&str> {
                key: "none",
                value: None,
            });
        let record = FutureRecord::<(), _>::to(&topic)
            .payload("v")
            .headers(headers);
        self.producer(&[])?
            .send(record, LIMIT)
            .await
            .map_err(|(why, _)| why)?;
        let read = self.read(&topic, 1, 1)?;
        let found = read
            .first()
            .and_then(|message| message.headers())
            .ok_or("no headers")?;
        let values: Vec<_> = found
            .iter()
            .map(|header| (header.key, header.value))
            .collect();
        expect(
            vec![("a", Some(&b"1"[..])), ("a", Some(b"2")), ("none", None)],
            values,
        )
    }

    async fn nulls(&self) -> Outcome {
        let topic = self.topic("nulls", 1, &[]).await?;
        let producer = self.producer(&[])?;
        producer
            .send(FutureRecord::<(), _>::to(&topic).payload("no key"), LIMIT)
            .await
            .map_err(|(why, _)| why)?;
        producer
            .send(FutureRecord::<_, ()>::to(&topic).key("no value"), LIMIT)
            .await
            .map_err(|(why, _)| why)?;
        producer
            .send(FutureRecord::<(), ()>::to(&topic), LIMIT)
            .await
            .map_err(|(why, _)| why)?;
        let found = self.read(&topic, 1, 3)?;
        let pairs: Vec<_> = found
            .iter()
            .map(|message| (message.key(), message.payload()))
            .collect();
        expect(
            vec![
                (None, Some(&b"no key"[..])),
                (Some(&b"no value"[..]), None),
                (None, None),
            ],
            pairs,
        )
    }

    async fn many_partitions(&self) -> Outcome {
        let topic = self.topic("many", 1000, &[]).await?;
        let producer = self.producer(&[])?;
        let mut sent = Vec::new();
        let values = numbered(1000);
        for (partition, value) in (0..).zip(&values) {
            let record = FutureRecord::<(), _>::to(&topic)
                .payload(value)
                .partition(partition);
            sent.push(producer.send_result(record).map_err(|(why, _)| why)?);
        }
        for delivery in sent {
            delivery.await?.map_err(|(why, _)| why)?;
        }
        let read: HashSet<_> = texts(&self.read(&topic, 1000, 1000)?).into_iter().collect();
        expect(1000, read.len())
    }
}
