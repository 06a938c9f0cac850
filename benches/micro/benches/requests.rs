//! Requests as they come from the network: a Produce decoded and walked, a Fetch decoded.

#![allow(clippy::unwrap_used, reason = "a benchmark panics to fail")]

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use format::Compression;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{FetchRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use micro::batch;
use wire::Message;

const PRODUCE_VERSION: i16 = 11;
const FETCH_VERSION: i16 = 12;

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("a-topic-of-usual-length"))
}

fn produce(partitions: i32) -> BytesMut {
    let records = Bytes::from(batch(10, 100, Compression::None).unwrap());
    let partitions = (0..partitions)
        .map(|index| {
            PartitionProduceData::default()
                .with_index(index)
                .with_records(Some(records.clone()))
        })
        .collect();
    let topic = TopicProduceData::default()
        .with_name(topic())
        .with_partition_data(partitions);
    let mut body = BytesMut::new();
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![topic])
        .encode(&mut body, PRODUCE_VERSION)
        .unwrap();
    body
}

fn fetch(partitions: i32) -> BytesMut {
    let partitions = (0..partitions)
        .map(|index| FetchPartition::default().with_partition(index))
        .collect();
    let mut body = BytesMut::new();
    FetchRequest::default()
        .with_topics(vec![
            FetchTopic::default()
                .with_topic(topic())
                .with_partitions(partitions),
        ])
        .encode(&mut body, FETCH_VERSION)
        .unwrap();
    body
}

fn requests(criterion: &mut Criterion) {
    for partitions in [1, 100] {
        let mut body = produce(partitions);
        criterion.bench_function(&format!("produce of {partitions} partitions"), |bench| {
            bench.iter(|| {
                let request =
                    wire::request::ProduceRequest::decode(black_box(&body), PRODUCE_VERSION)
                        .unwrap();
                request
                    .partitions(&mut body)
                    .map(|partition| partition.unwrap().partition_index)
                    .sum::<i32>()
            });
        });
        let body = fetch(partitions);
        criterion.bench_function(&format!("fetch of {partitions} partitions"), |bench| {
            bench.iter(|| {
                wire::request::FetchRequest::decode(black_box(&body), FETCH_VERSION).unwrap()
            });
        });
    }
}

criterion_group!(all, requests);
criterion_main!(all);
