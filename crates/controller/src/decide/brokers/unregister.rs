//! UnregisterBroker: version 0. A broker that will not come back is forgotten.

use config::BrokerConfig;
use kafka_protocol::messages::UnregisterBrokerResponse;
use kafka_protocol::protocol::StrBytes;
use wire::records::metadata::{MetadataRecord, UnregisterBrokerRecord};
use wire::request::UnregisterBrokerRequest;

use super::{Error, leave, partition_changes};
use crate::decide::{Decision, outcome};
use crate::image::Image;

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
        .with_error_message(message.or(Some(StrBytes::default())));
    Decision { records, response }
}
