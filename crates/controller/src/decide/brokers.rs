//! Brokers register, report, change their log directories and leave (KIP-631, KIP-858).

use std::collections::BTreeSet;

use config::BrokerConfig;
use kafka_protocol::messages::{
    AssignReplicasToDirsResponse, BrokerHeartbeatResponse, BrokerRegistrationResponse,
    UnregisterBrokerResponse, assign_replicas_to_dirs_response as assigned,
};
use uuid::Uuid;
use wire::ErrorCode;
use wire::records::metadata::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, MetadataRecord,
    RegisterBrokerRecord, UnregisterBrokerRecord,
};
use wire::request::{
    AssignReplicasToDirsRequest, BrokerHeartbeatRequest, BrokerRegistrationRequest,
    UnregisterBrokerRequest,
};

use super::partition_change::{Election, PartitionChange};
use super::topic_config::unclean_leader_election;
use super::{Decision, Refusal, outcome};
use crate::features::METADATA_VERSION;
use crate::image::{Broker, FENCE, IN_CONTROLLED_SHUTDOWN, Image, Topic, UNFENCE, directory};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("Expected cluster ID {expected}, but got cluster ID {named}")]
    OtherCluster { expected: String, named: String },
    #[error("No directories specified in request")]
    NoDirectory,
    #[error("Reserved directory ID in request")]
    ReservedDirectory,
    #[error("Duplicate directory ID in request")]
    DuplicateDirectory,
    #[error("Broker {broker_id} is already registered with directory {directory}")]
    DirectoryOfOther { broker_id: i32, directory: Uuid },
    #[error("Request features do not contain '{METADATA_VERSION}'")]
    NoMetadataVersion,
    #[error(
        "Unable to register because the broker does not support finalized version {level} of {name}. The broker \
         wants a version between {min} and {max}, inclusive."
    )]
    UnsupportedFeature {
        name: String,
        level: i16,
        min: i16,
        max: i16,
    },
    #[error("Controller does not support registering ZK brokers.")]
    ZooKeeperBroker,
    #[error("Broker ID {0} is not currently registered")]
    NotRegistered(i32),
    #[error("No broker registration found for broker id {0}")]
    NoRegistration(i32),
    #[error("Expected broker epoch {current}, but got broker epoch {named}")]
    StaleEpoch { current: i64, named: i64 },
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::OtherCluster { .. } => ErrorCode::InconsistentClusterId,
            Error::NoDirectory
            | Error::ReservedDirectory
            | Error::DuplicateDirectory
            | Error::DirectoryOfOther { .. }
            | Error::NoMetadataVersion => ErrorCode::InvalidRegistration,
            Error::UnsupportedFeature { .. } => ErrorCode::UnsupportedVersion,
            Error::ZooKeeperBroker | Error::NotRegistered(_) => ErrorCode::BrokerIdNotRegistered,
            Error::NoRegistration(_) | Error::StaleEpoch { .. } => ErrorCode::StaleBrokerEpoch,
        }
    }
}

/// The registration of `broker_id`, provided that the request comes from its latest incarnation.
pub(super) fn current_broker(image: &Image, broker_id: i32, epoch: i64) -> Result<&Broker, Error> {
    let broker = image
        .broker(broker_id)
        .ok_or(Error::NoRegistration(broker_id))?;
    if broker.epoch != epoch {
        return Err(Error::StaleEpoch {
            current: broker.epoch,
            named: epoch,
        });
    }
    Ok(broker)
}

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

fn leave(change: &mut PartitionChange<'_>, broker_id: i32) {
    change.leaving = Some(broker_id);
    change.isr.retain(|id| *id != broker_id);
}

/// The changes, if any, of all partitions with a replica on `broker_id`.
fn partition_changes(
    image: &Image,
    config: &BrokerConfig,
    broker_id: i32,
    shape: impl Fn(&mut PartitionChange<'_>),
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for topic in image.topics() {
        let mut of_broker = topic
            .partitions
            .iter()
            .filter(|(_, p)| p.replicas.contains(&broker_id))
            .peekable();
        let is_unclean =
            of_broker.peek().is_some() && unclean_leader_election(image, config, &topic.name);
        for (partition_id, partition) in of_broker {
            let mut change = PartitionChange::new(image, partition);
            if is_unclean {
                change.election = Election::Unclean;
            }
            shape(&mut change);
            let record = change.record(topic.id, *partition_id);
            records.extend(record.map(MetadataRecord::PartitionChange));
        }
    }
    records
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutDownNow,
}

/// A broker reports. It asks to be unfenced once it has caught up with its own registration, to be
/// fenced, or to be relieved of its leaderships before it shuts down.
pub fn heartbeat(
    image: &Image,
    config: &BrokerConfig,
    request: &BrokerHeartbeatRequest,
) -> Decision<BrokerHeartbeatResponse> {
    let broker = match current_broker(image, request.broker_id, request.broker_epoch) {
        Ok(broker) => broker,
        Err(error) => {
            let code = error.code().code();
            return Decision::answer(BrokerHeartbeatResponse::default().with_error_code(code));
        }
    };
    // A broker's epoch is the offset of its registration.
    let is_caught_up = request.current_metadata_offset >= broker.epoch;
    let state = match (broker.fenced, broker.in_controlled_shutdown) {
        (true, _) => State::Fenced,
        (false, true) => State::ControlledShutdown,
        (false, false) => State::Unfenced,
    };
    let leads = || image.topics().any(|topic| leads_any(topic, broker.id));
    let next = match state {
        State::Fenced if request.want_shut_down => State::ShutDownNow,
        State::Fenced if !request.want_fence && is_caught_up => State::Unfenced,
        State::Unfenced if request.want_fence && request.want_shut_down => State::ShutDownNow,
        State::Unfenced if request.want_fence => State::Fenced,
        State::Unfenced if request.want_shut_down && leads() => State::ControlledShutdown,
        State::Unfenced if request.want_shut_down => State::ShutDownNow,
        State::ControlledShutdown if !leads() => State::ShutDownNow,
        unchanged => unchanged,
    };
    let mut records = match next {
        next if next == state => Vec::new(),
        State::Fenced | State::ShutDownNow => fence(image, config, broker),
        State::Unfenced => unfence(image, config, broker),
        State::ControlledShutdown => begin_shutdown(image, config, broker),
    };
    records.extend(lose_directories(
        image,
        config,
        broker,
        &request.offline_log_dirs,
    ));
    if let Some(cordoned) = &request.cordoned_log_dirs
        && *cordoned != broker.cordoned_log_dirs
    {
        let mut record = registration_change(broker);
        record.cordoned_log_dirs = Some(cordoned.clone());
        records.push(MetadataRecord::BrokerRegistrationChange(record));
    }
    let response = BrokerHeartbeatResponse::default()
        .with_is_caught_up(is_caught_up)
        .with_is_fenced(matches!(next, State::Fenced | State::ShutDownNow))
        .with_should_shut_down(next == State::ShutDownNow);
    Decision { records, response }
}

fn leads_any(topic: &Topic, broker_id: i32) -> bool {
    topic
        .partitions
        .values()
        .any(|partition| partition.leader == broker_id)
}

fn registration_change(broker: &Broker) -> BrokerRegistrationChangeRecord {
    BrokerRegistrationChangeRecord {
        broker_id: broker.id,
        broker_epoch: broker.epoch,
        ..BrokerRegistrationChangeRecord::default()
    }
}

fn fence(image: &Image, config: &BrokerConfig, broker: &Broker) -> Vec<MetadataRecord> {
    let mut records =
        partition_changes(image, config, broker.id, |change| leave(change, broker.id));
    let record = BrokerRegistrationChangeRecord {
        fenced: FENCE,
        ..registration_change(broker)
    };
    records.push(MetadataRecord::BrokerRegistrationChange(record));
    records
}

/// It may lead again what nobody leads.
fn unfence(image: &Image, config: &BrokerConfig, broker: &Broker) -> Vec<MetadataRecord> {
    let record = BrokerRegistrationChangeRecord {
        fenced: UNFENCE,
        ..registration_change(broker)
    };
    let mut records = vec![MetadataRecord::BrokerRegistrationChange(record)];
    records.extend(partition_changes(image, config, broker.id, |change| {
        change.joining = (!change.partition().has_leader()).then_some(broker.id);
    }));
    records
}

fn begin_shutdown(image: &Image, config: &BrokerConfig, broker: &Broker) -> Vec<MetadataRecord> {
    let in_controlled_shutdown = IN_CONTROLLED_SHUTDOWN;
    let record = BrokerRegistrationChangeRecord {
        in_controlled_shutdown,
        ..registration_change(broker)
    };
    let mut records = vec![MetadataRecord::BrokerRegistrationChange(record)];
    records.extend(partition_changes(image, config, broker.id, |change| {
        leave(change, broker.id)
    }));
    records
}

/// The broker says that log directories have failed: it leads nothing that lives there.
fn lose_directories(
    image: &Image,
    config: &BrokerConfig,
    broker: &Broker,
    offline: &[Uuid],
) -> Vec<MetadataRecord> {
    let (lost, left): (Vec<Uuid>, Vec<Uuid>) =
        broker.log_dirs.iter().partition(|id| offline.contains(id));
    if lost.is_empty() {
        return Vec::new();
    }
    let mut records = partition_changes(image, config, broker.id, |change| {
        if change
            .partition()
            .directory_of(broker.id)
            .is_some_and(|id| lost.contains(&id))
        {
            leave(change, broker.id);
        }
    });
    let record = BrokerRegistrationChangeRecord {
        log_dirs: left,
        ..registration_change(broker)
    };
    records.push(MetadataRecord::BrokerRegistrationChange(record));
    records
}

/// A broker with several log directories says which of them its replicas live in.
pub fn assign_directories(
    image: &Image,
    request: &AssignReplicasToDirsRequest,
) -> Decision<AssignReplicasToDirsResponse> {
    let broker = match current_broker(image, request.broker_id, request.broker_epoch) {
        Ok(broker) => broker,
        Err(error) => {
            let code = error.code().code();
            return Decision::answer(AssignReplicasToDirsResponse::default().with_error_code(code));
        }
    };
    let mut records = Vec::new();
    let mut directories = Vec::new();
    for directory in &request.directories {
        let mut topics = Vec::new();
        for topic in &directory.topics {
            let known = image.topic_by_id(topic.topic_id);
            let mut partitions = Vec::new();
            for partition in &topic.partitions {
                let partition_id = partition.partition_index;
                let moved = match known {
                    Some(topic) => move_replica(image, topic, partition_id, broker, directory.id),
                    None => Err(ErrorCode::UnknownTopicId),
                };
                let code = moved.as_ref().err().map_or(0, ErrorCode::code);
                records.extend(moved.ok().flatten());
                partitions.push(
                    assigned::PartitionData::default()
                        .with_partition_index(partition_id)
                        .with_error_code(code),
                );
            }
            topics.push(
                assigned::TopicData::default()
                    .with_topic_id(topic.topic_id)
                    .with_partitions(partitions),
            );
        }
        directories.push(
            assigned::DirectoryData::default()
                .with_id(directory.id)
                .with_topics(topics),
        );
    }
    let response = AssignReplicasToDirsResponse::default().with_directories(directories);
    Decision { records, response }
}

fn move_replica(
    image: &Image,
    topic: &Topic,
    partition_id: i32,
    broker: &Broker,
    directory: Uuid,
) -> Result<Option<MetadataRecord>, ErrorCode> {
    let partition = topic
        .partition(partition_id)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !partition.replicas.contains(&broker.id) {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let mut change = PartitionChange::new(image, partition);
    change.moved = Some((broker.id, directory));
    if !broker.has_online_directory(directory) {
        leave(&mut change, broker.id);
    }
    Ok(change
        .record(topic.id, partition_id)
        .map(MetadataRecord::PartitionChange))
}

pub fn unregister(
    image: &Image,
    config: &BrokerConfig,
    request: &UnregisterBrokerRequest,
) -> Decision<UnregisterBrokerResponse> {
    let broker = image
        .broker(request.broker_id)
        .ok_or(Error::NotRegistered(request.broker_id));
    let (code, message) = outcome(&broker);
    let records = broker.map_or_else(
        |_| Vec::new(),
        |broker| {
            let mut records =
                partition_changes(image, config, broker.id, |change| leave(change, broker.id));
            let (broker_id, broker_epoch) = (broker.id, broker.epoch);
            let record = UnregisterBrokerRecord {
                broker_id,
                broker_epoch,
            };
            records.push(MetadataRecord::UnregisterBroker(record));
            records
        },
    );
    let response = UnregisterBrokerResponse::default()
        .with_error_code(code)
        .with_error_message(message);
    Decision { records, response }
}
