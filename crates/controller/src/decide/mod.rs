//! What the controller answers, and the records that make it so.
//!
//! Invariant: a decision is a pure function of the image, the request and the entropy that came
//! with it. Its records take effect together or not at all; the response holds once they have.

mod assignment;
mod bootstrap;
mod brokers;
mod configs;
#[cfg(test)]
mod configs_tests;
mod elections;
mod isr;
#[cfg(test)]
mod model_tests;
mod partition_change;
mod placement;
mod producer_ids;
mod reassignments;
#[cfg(test)]
mod tests;
mod topic_config;
mod topic_name;
mod topics;
mod updates;

use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::records::metadata::MetadataRecord;

pub use self::bootstrap::bootstrap;
pub use self::brokers::{assign_directories, heartbeat, register, unregister};
pub use self::configs::{alter_configs, incremental_alter_configs};
pub use self::elections::elect_leaders;
pub use self::isr::alter_partition;
pub use self::producer_ids::{PRODUCER_ID_BLOCK_SIZE, allocate_producer_ids};
pub use self::reassignments::{alter_reassignments, list_reassignments};
pub use self::topic_name::{InvalidTopicName, validate_topic_name};
pub use self::topics::{create_partitions, create_topics, delete_topics};
pub use self::updates::update_features;

/// The most records that one request of a user may cause. (Kafka's bound.)
pub const MAX_RECORDS_PER_REQUEST: usize = 10_000;

/// The most bytes that they may have: they take effect together, so as one batch. (Kafka's bound on a batch.)
const MAX_RECORD_BYTES_PER_REQUEST: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub struct Decision<R> {
    pub records: Vec<MetadataRecord>,
    pub response: R,
}

impl<R> Decision<R> {
    fn answer(response: R) -> Decision<R> {
        Decision {
            records: Vec::new(),
            response,
        }
    }
}

/// Why something was refused: its text is what Kafka says, and each has one code.
trait Refusal: std::fmt::Display {
    fn code(&self) -> ErrorCode;

    /// Some of Kafka's refusals leave the explanation to the code.
    fn message(&self) -> Option<StrBytes> {
        Some(StrBytes::from_string(self.to_string()))
    }
}

/// The code and message of a response: 0 and none when nothing was refused.
fn outcome<T, E: Refusal>(result: &Result<T, E>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(_) => (0, None),
        Err(refusal) => (refusal.code().code(), refusal.message()),
    }
}

/// What Kafka says of a request that causes too many records.
const TOO_MANY_RECORDS_TEXT: &str = "Unable to perform excessively large batch operation.";

/// Texts that Kafka gives to a code when there is nothing more to say.
const UNKNOWN_PARTITION_TEXT: &str = "This server does not host this topic-partition.";
const UNKNOWN_TOPIC_ID_TEXT: &str = "This server does not host this topic ID.";
