//! FindCoordinator, versions 0 to 6: which broker coordinates a group. Several keys at once (KIP-699).

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;
use thiserror::Error;
use wire::ErrorCode;
use wire::request::FindCoordinatorRequest;

use super::Call;
use crate::internal_topics::CONSUMER_OFFSETS;
use crate::ops::auto_create;

/// What a key names.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// From this version on the request holds several keys.
const KEYS_FROM: i16 = 4;

/// No broker: where there is an error.
const NOBODY: i32 = -1;

#[derive(Clone, Copy, Debug, Error)]
enum FindError {
    #[error("no broker coordinates the group at present")]
    NotAvailable,
    #[error("transactions are not served")]
    Transactions,
    #[error("there is no such type of key")]
    UnknownKeyType,
}

impl FindError {
    fn code(self) -> ErrorCode {
        match self {
            Self::NotAvailable => ErrorCode::CoordinatorNotAvailable,
            Self::Transactions => ErrorCode::UnsupportedVersion,
            Self::UnknownKeyType => ErrorCode::InvalidRequest,
        }
    }
}

pub(crate) fn handle(call: &Call, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let is_about_many = call.version() >= KEYS_FROM;
    let keys = if is_about_many {
        request.coordinator_keys
    } else {
        vec![request.key]
    };
    let coordinators = keys.into_iter().map(|key| {
        let found = find(call, request.key_type, &key);
        let message = message(&found, is_about_many);
        answer(key, found).with_error_message(Some(StrBytes::from_string(message)))
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

struct Node {
    id: i32,
    host: String,
    port: u16,
}

fn find(call: &Call, key_type: i8, key: &str) -> Result<Node, FindError> {
    match key_type {
        GROUP => {}
        TRANSACTION => return Err(FindError::Transactions),
        _ => return Err(FindError::UnknownKeyType),
    }
    let image = call.broker.image();
    let Some(topic) = image.topic(CONSUMER_OFFSETS) else {
        auto_create::request(&call.broker, CONSUMER_OFFSETS);
        return Err(FindError::NotAvailable);
    };
    let partition = call.broker.groups.partition_of(key);
    let partition = partition.and_then(|index| topic.partition(index));
    let leader = partition.and_then(|partition| image.broker(partition.leader));
    let endpoint = leader
        .filter(|broker| broker.is_active())
        .and_then(|broker| {
            let endpoint = broker
                .listeners
                .iter()
                .find(|endpoint| *endpoint.name == *call.peer.listener)?;
            Some(Node {
                id: broker.id,
                host: endpoint.host.clone(),
                port: endpoint.port,
            })
        });
    endpoint.ok_or(FindError::NotAvailable)
}

/// With one key Kafka says "NONE" where nothing is wrong; with many it says nothing, unless the request itself is wrong.
fn message(found: &Result<Node, FindError>, is_about_many: bool) -> String {
    match found {
        Ok(_) if !is_about_many => "NONE".to_owned(),
        Err(error @ FindError::UnknownKeyType) => error.to_string(),
        Err(error) if !is_about_many => error.to_string(),
        Ok(_) | Err(_) => String::new(),
    }
}

fn answer(key: String, found: Result<Node, FindError>) -> Coordinator {
    let answer = Coordinator::default().with_key(StrBytes::from_string(key));
    match found {
        Ok(node) => answer
            .with_node_id(BrokerId(node.id))
            .with_host(StrBytes::from_string(node.host))
            .with_port(node.port.into()),
        Err(error) => answer
            .with_node_id(BrokerId(NOBODY))
            .with_port(NOBODY)
            .with_error_code(error.code().code()),
    }
}
