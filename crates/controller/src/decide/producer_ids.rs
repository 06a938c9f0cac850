//! AllocateProducerIds: a broker takes a block of producer ids to hand out on its own (KIP-730).

use kafka_protocol::messages::{AllocateProducerIdsResponse, ProducerId};
use wire::ErrorCode;
use wire::records::metadata::{MetadataRecord, ProducerIdsRecord};
use wire::request::AllocateProducerIdsRequest;

use super::brokers::{self, current_broker};
use super::{Decision, Refusal};
use crate::image::Image;

/// How many ids a block holds. (Kafka's.)
pub const PRODUCER_ID_BLOCK_SIZE: i32 = 1000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Broker(#[from] brokers::Error),
    /// Out of reach: a thousand blocks a second would last for 292,000 years.
    #[error("all producer ids have been given out")]
    Exhausted,
}

impl Refusal for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Error::Broker(error) => error.code(),
            Error::Exhausted => ErrorCode::PolicyViolation,
        }
    }
}

pub fn allocate_producer_ids(
    image: &Image,
    request: &AllocateProducerIdsRequest,
) -> Decision<AllocateProducerIdsResponse> {
    match allocate(image, request) {
        Ok((first, record)) => Decision {
            records: vec![MetadataRecord::ProducerIds(record)],
            response: AllocateProducerIdsResponse::default()
                .with_producer_id_start(ProducerId(first))
                .with_producer_id_len(PRODUCER_ID_BLOCK_SIZE),
        },
        Err(error) => {
            let code = error.code().code();
            Decision::answer(AllocateProducerIdsResponse::default().with_error_code(code))
        }
    }
}

fn allocate(
    image: &Image,
    request: &AllocateProducerIdsRequest,
) -> Result<(i64, ProducerIdsRecord), Error> {
    current_broker(image, request.broker_id, request.broker_epoch)?;
    let first = image.next_producer_id();
    let next = first
        .checked_add(i64::from(PRODUCER_ID_BLOCK_SIZE))
        .ok_or(Error::Exhausted)?;
    let record = ProducerIdsRecord {
        broker_id: request.broker_id,
        broker_epoch: request.broker_epoch,
        next_producer_id: next,
    };
    Ok((first, record))
}
