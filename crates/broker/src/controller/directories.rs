//! Tells the controller in which log directory each replica of this broker lives, and which directories have failed
//! (KIP-858). With several directories the broker chooses, so the metadata follows it.
//!
//! Invariant: what is reported is the difference between disk and metadata, looked for again until there is none; a report
//! that is lost is only late.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::controller::Image;
use ::controller::decide;
use uuid::Uuid;
use wire::request::{
    AssignReplicasDirectory, AssignReplicasPartition, AssignReplicasToDirsRequest,
    AssignReplicasTopic, BrokerHeartbeatRequest,
};

use crate::broker::Broker;
use crate::limits::{DIRECTORY_REPORT_INTERVAL, DIRECTORY_REPORT_PARTITIONS};

/// Runs as long as the node. A node with one directory has nothing to report: it ends with it.
pub(super) async fn report(broker: Arc<Broker>) {
    if broker.logs.dirs().len() < 2 {
        return;
    }
    // The offset at which metadata and disk agreed.
    let mut compared = -1;
    loop {
        report_failures(&broker).await;
        let image = broker.image();
        if image.offset() != compared {
            match misplaced(&broker, &image) {
                none if none.is_empty() => compared = image.offset(),
                directories => report_placement(&broker, directories).await,
            }
        }
        tokio::time::sleep(DIRECTORY_REPORT_INTERVAL).await;
    }
}

async fn report_failures(broker: &Broker) {
    let image = broker.image();
    let Some(registered) = image.broker(broker.node_id) else {
        return;
    };
    let failed = broker
        .logs
        .dirs()
        .iter()
        .filter(|dir| dir.is_offline())
        .map(|dir| dir.id());
    let failed: Vec<Uuid> = failed
        .filter(|id| registered.log_dirs.contains(id))
        .collect();
    if failed.is_empty() {
        return;
    }
    let request = BrokerHeartbeatRequest {
        broker_id: broker.node_id,
        broker_epoch: registered.epoch,
        current_metadata_offset: image.offset(),
        offline_log_dirs: failed,
        ..BrokerHeartbeatRequest::default()
    };
    let reported = broker.controller.heartbeat(broker.config(), request);
    if let Err(error) = reported.await {
        tracing::warn!(%error, "failed log directories not reported yet");
    }
}

async fn report_placement(broker: &Broker, directories: Vec<AssignReplicasDirectory>) {
    let request = AssignReplicasToDirsRequest {
        broker_id: broker.node_id,
        broker_epoch: broker.epoch(),
        directories,
    };
    let reported = broker
        .controller
        .decide(move |image, _| decide::assign_directories(image, &request));
    if let Err(error) = reported.await {
        tracing::warn!(%error, "directories of replicas not reported yet");
    }
}

/// Replicas that the metadata puts elsewhere, as many as one request may name.
fn misplaced(broker: &Broker, image: &Image) -> Vec<AssignReplicasDirectory> {
    let mut found: BTreeMap<Uuid, BTreeMap<Uuid, Vec<AssignReplicasPartition>>> = BTreeMap::new();
    let mut room = DIRECTORY_REPORT_PARTITIONS;
    for topic in broker.topics.all() {
        for partition in topic.partitions() {
            let Some(dir) = broker.logs.dirs().get(broker.logs.dir_of(&partition)) else {
                continue;
            };
            let known = image.partition(&topic.name, partition.index);
            let assigned = known.and_then(|known| known.directory_of(broker.node_id));
            if assigned.is_none_or(|id| id == dir.id()) {
                continue;
            }
            if room == 0 {
                break;
            }
            room -= 1;
            let of_topic = found
                .entry(dir.id())
                .or_default()
                .entry(topic.id)
                .or_default();
            of_topic.push(AssignReplicasPartition {
                partition_index: partition.index,
            });
        }
    }
    let topics = |topics: BTreeMap<Uuid, Vec<AssignReplicasPartition>>| {
        let topics = topics.into_iter();
        topics
            .map(|(topic_id, partitions)| AssignReplicasTopic {
                topic_id,
                partitions,
            })
            .collect()
    };
    found
        .into_iter()
        .map(|(id, of_dir)| AssignReplicasDirectory {
            id,
            topics: topics(of_dir),
        })
        .collect()
}
