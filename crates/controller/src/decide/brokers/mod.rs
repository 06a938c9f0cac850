//! Brokers register, report, change their log directories and leave (KIP-631, KIP-858).

mod directories;
mod heartbeat;
mod register;
mod unregister;

use config::BrokerConfig;
use uuid::Uuid;
use wire::ErrorCode;
use wire::records::metadata::{BrokerRegistrationChangeRecord, MetadataRecord};

pub use self::directories::assign_directories;
pub use self::heartbeat::heartbeat;
pub use self::register::register;
pub use self::unregister::unregister;
use super::Refusal;
use super::partition_change::{Election, PartitionChange};
use super::topic_config::unclean_leader_election;
use crate::features::METADATA_VERSION;
use crate::image::{Broker, Image};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::decide) enum Error {
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
pub(in crate::decide) fn current_broker(
    image: &Image,
    broker_id: i32,
    epoch: i64,
) -> Result<&Broker, Error> {
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

/// The broker no longer counts: it is not in sync, and does not lead.
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

fn registration_change(broker: &Broker) -> BrokerRegistrationChangeRecord {
    BrokerRegistrationChangeRecord {
        broker_id: broker.id,
        broker_epoch: broker.epoch,
        ..BrokerRegistrationChangeRecord::default()
    }
}

#[cfg(test)]
mod tests;
