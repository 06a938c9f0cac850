//! BrokerHeartbeat: a broker says that it is there, and what it wants.

use config::BrokerConfig;
use kafka_protocol::messages::BrokerHeartbeatResponse;
use wire::records::metadata::{BrokerRegistrationChangeRecord, MetadataRecord};
use wire::request::BrokerHeartbeatRequest;

use super::directories::lose_directories;
use super::{current_broker, leave, partition_changes, registration_change};
use crate::decide::{Decision, Refusal};
use crate::image::{Broker, FENCE, IN_CONTROLLED_SHUTDOWN, Image, Topic, UNFENCE};

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
