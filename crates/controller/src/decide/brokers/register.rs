//! BrokerRegistration: a broker has started, or amends what it said when it did.

use std::collections::BTreeSet;

use config::BrokerConfig;
use kafka_protocol::messages::BrokerRegistrationResponse;
use uuid::Uuid;
use wire::records::metadata::{
    BrokerEndpoint, BrokerFeature, MetadataRecord, RegisterBrokerRecord,
};
use wire::request::BrokerRegistrationRequest;

use super::{Error, leave, partition_changes};
use crate::decide::partition_change::PartitionChange;
use crate::decide::{Decision, outcome};
use crate::features::METADATA_VERSION;
use crate::image::{Image, directory};

/// A broker has started. One that lives in the controller's own process has nothing to catch up
/// with (`is_caught_up`): it is registered unfenced, and each partition that only it can lead gets
/// a new leader epoch in the same batch. Any other begins fenced, leads nothing and is in no ISR
/// but those that would be empty without it.
pub fn register(
    image: &Image,
    config: &BrokerConfig,
    request: &BrokerRegistrationRequest,
    is_caught_up: bool,
) -> Decision<BrokerRegistrationResponse> {
    let checked = check_registration(image, request);
    let (code, _) = outcome(&checked);
    if checked.is_err() {
        return Decision::answer(BrokerRegistrationResponse::default().with_error_code(code));
    }
    let before = image.broker(request.broker_id);
    let same = before.filter(|broker| broker.incarnation_id == request.incarnation_id);
    let epoch = same.map_or(image.offset().saturating_add(1), |broker| broker.epoch);
    let record = RegisterBrokerRecord {
        broker_id: request.broker_id,
        is_migrating_zk_broker: false,
        incarnation_id: request.incarnation_id,
        broker_epoch: epoch,
        end_points: request.listeners.iter().map(endpoint).collect(),
        features: request.features.iter().map(feature).collect(),
        rack: request.rack.clone(),
        fenced: same.map_or(!is_caught_up, |broker| broker.fenced),
        in_controlled_shutdown: same.is_some_and(|broker| broker.in_controlled_shutdown),
        log_dirs: request.log_dirs.clone(),
        cordoned_log_dirs: None,
    };
    let mut records = Vec::new();
    if same.is_none() {
        let mut registered = image.clone();
        registered.register_broker(&record);
        records = partition_changes(&registered, config, request.broker_id, |change| {
            start(change, request.broker_id, is_caught_up);
        });
    }
    records.insert(0, MetadataRecord::RegisterBroker(record));
    let response = BrokerRegistrationResponse::default().with_broker_epoch(epoch);
    Decision { records, response }
}

/// What a new incarnation means for a partition: it may lack records of the old one, so it leaves
/// the ISR unless nobody else is in it.
fn start(change: &mut PartitionChange<'_>, broker_id: i32, is_caught_up: bool) {
    let has_others = change.isr.iter().any(|id| *id != broker_id);
    if change.isr.contains(&broker_id) && (has_others || !is_caught_up) {
        leave(change, broker_id);
    } else {
        change.raise_leader_epoch = change.partition().leader == broker_id;
    }
}

fn check_registration(image: &Image, request: &BrokerRegistrationRequest) -> Result<(), Error> {
    if request.cluster_id != image.cluster_id() {
        let (expected, named) = (image.cluster_id().to_owned(), request.cluster_id.clone());
        return Err(Error::OtherCluster { expected, named });
    }
    if request.is_migrating_zk_broker {
        return Err(Error::ZooKeeperBroker);
    }
    check_directories(image, request)?;
    let supported = |name: &str| request.features.iter().find(|feature| feature.name == name);
    if supported(METADATA_VERSION).is_none() {
        return Err(Error::NoMetadataVersion);
    }
    for (name, level) in image.features() {
        let range = supported(name).map_or((0, 0), |f| {
            (f.min_supported_version, f.max_supported_version)
        });
        let (min, max) = range;
        if !(min..=max).contains(level) {
            let (name, level) = (name.to_string(), *level);
            return Err(Error::UnsupportedFeature {
                name,
                level,
                min,
                max,
            });
        }
    }
    Ok(())
}

fn check_directories(image: &Image, request: &BrokerRegistrationRequest) -> Result<(), Error> {
    if request.log_dirs.is_empty() {
        return Err(Error::NoDirectory);
    }
    if request
        .log_dirs
        .iter()
        .any(|id| directory::is_reserved(*id))
    {
        return Err(Error::ReservedDirectory);
    }
    let distinct: BTreeSet<&Uuid> = request.log_dirs.iter().collect();
    if distinct.len() != request.log_dirs.len() {
        return Err(Error::DuplicateDirectory);
    }
    for broker in image
        .brokers()
        .filter(|broker| broker.id != request.broker_id)
    {
        if let Some(directory) = broker.log_dirs.iter().find(|id| distinct.contains(id)) {
            let (broker_id, directory) = (broker.id, *directory);
            return Err(Error::DirectoryOfOther {
                broker_id,
                directory,
            });
        }
    }
    Ok(())
}

fn endpoint(listener: &wire::request::BrokerListener) -> BrokerEndpoint {
    BrokerEndpoint {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    }
}

fn feature(feature: &wire::request::BrokerFeature) -> BrokerFeature {
    BrokerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min_supported_version,
        max_supported_version: feature.max_supported_version,
    }
}
