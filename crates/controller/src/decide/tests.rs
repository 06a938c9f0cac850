//! A small cluster to decide about, for the tests of every family.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use config::{BrokerConfig, Properties};
use uuid::Uuid;
use wire::records::metadata::MetadataRecord;
use wire::request::{
    BrokerFeature, BrokerListener, BrokerRegistrationRequest, CreatableReplicaAssignment,
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};

use super::*;
use crate::{Entropy, Image};

pub(super) fn config() -> BrokerConfig {
    static CONFIG: LazyLock<BrokerConfig> =
        LazyLock::new(|| BrokerConfig::new(Properties::new()).unwrap());
    CONFIG.clone()
}

pub(super) fn config_with(key: &str, value: &str) -> BrokerConfig {
    BrokerConfig::new(BTreeMap::from([(key.to_owned(), value.to_owned())])).unwrap()
}

/// Folds records in, as the decision loop does with a batch.
pub(super) fn commit(image: &mut Image, records: &[MetadataRecord]) {
    for record in records {
        image.apply(record).unwrap();
        image.advance(image.offset() + 1, 1);
    }
}

pub(super) fn registration(broker_id: i32, incarnation: u128) -> BrokerRegistrationRequest {
    BrokerRegistrationRequest {
        broker_id,
        cluster_id: "cluster".into(),
        incarnation_id: Uuid::from_u128(incarnation),
        listeners: vec![BrokerListener {
            name: "PLAINTEXT".into(),
            host: "localhost".into(),
            port: 9092,
            security_protocol: 0,
        }],
        features: vec![BrokerFeature {
            name: "metadata.version".into(),
            min_supported_version: 30,
            max_supported_version: 30,
        }],
        log_dirs: vec![directory_of(broker_id)],
        ..BrokerRegistrationRequest::default()
    }
}

pub(super) fn directory_of(broker_id: i32) -> Uuid {
    Uuid::from_u128(1000 + broker_id.unsigned_abs() as u128)
}

/// A bootstrapped cluster whose brokers, 1 and up, are all active.
pub(super) fn cluster(broker_count: i32) -> Image {
    let mut image = Image::empty("cluster");
    let records = bootstrap(&image);
    commit(&mut image, &records);
    for broker_id in 1..=broker_count {
        let incarnation = broker_id.unsigned_abs().into();
        let decision = register(
            &image,
            &config(),
            &registration(broker_id, incarnation),
            true,
        );
        assert_eq!(decision.response.error_code, 0);
        commit(&mut image, &decision.records);
    }
    image
}

pub(super) fn creatable(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: replicas,
        ..CreatableTopic::default()
    }
}

/// A topic with one partition for each list of replicas.
pub(super) fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(partition_index, broker_ids): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: broker_ids.to_vec(),
    };
    let assignments = assignments.iter().map(assignment).collect();
    CreatableTopic {
        assignments,
        ..creatable(name, -1, -1)
    }
}

pub(super) fn configured(topic: CreatableTopic, key: &str, value: Option<&str>) -> CreatableTopic {
    let config = CreatableTopicConfig {
        name: key.into(),
        value: value.map(str::to_owned),
    };
    CreatableTopic {
        configs: vec![config],
        ..topic
    }
}

pub(super) fn creation(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest {
        topics,
        ..CreateTopicsRequest::default()
    }
}

/// Creates a topic and takes it into the image.
pub(super) fn create(image: &mut Image, topic: CreatableTopic) {
    let mut entropy = Entropy::from_seed(image.offset().unsigned_abs().into());
    let decision = create_topics(image, &config(), &creation(vec![topic]), &mut entropy);
    assert_eq!(
        decision.response.topics[0].error_code, 0,
        "{:?}",
        decision.response
    );
    commit(image, &decision.records);
}
