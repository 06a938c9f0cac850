//! A Produce's answer: what became of a partition, on the wire.

use format::ValidationError;
use replica::Partition;
use wire::ErrorCode;
use wire::response::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, PartitionProduceResponse,
};

use super::Call;
use crate::ops::append::{Accepted, AppendFault};

pub(super) fn accepted(index: i32, accepted: Accepted) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: accepted.appended.base_offset,
        log_append_time_ms: accepted.log_append_time,
        log_start_offset: accepted.appended.log_start_offset,
        ..PartitionProduceResponse::default()
    }
}

/// Why nothing was appended, as the client is told it.
pub(super) struct Refusal {
    error: ErrorCode,
    /// -1 where Kafka does not say.
    log_start: i64,
    message: Option<String>,
    record_errors: Vec<(i32, String)>,
    current_leader: Option<(i32, i32)>,
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Self {
            error,
            log_start: -1,
            message: None,
            record_errors: Vec::new(),
            current_leader: None,
        }
    }
}

impl Refusal {
    pub(super) fn of(call: &Call, partition: &Partition, fault: &AppendFault) -> Self {
        let mut refusal = Self::from(fault.code());
        match fault {
            AppendFault::Leadership(_) => {
                let image = call.broker.image();
                let known = image.partition(&partition.topic, partition.index);
                refusal.current_leader = known.map(|known| (known.leader, known.leader_epoch));
            }
            AppendFault::Invalid(ValidationError::Records { errors }) => {
                let message = |error: &format::RecordError| (error.index, error.kind.to_string());
                refusal.record_errors = errors.iter().map(message).collect();
                refusal.message = Some(fault.to_string());
            }
            AppendFault::Invalid(ValidationError::Corrupt(_)) | AppendFault::BrokenFrame => {
                refusal.message = Some(fault.to_string());
            }
            _ => {}
        }
        if tells_log_start(fault) {
            refusal.log_start = partition.log().log_start();
        }
        refusal
    }

    pub(super) fn into_wire(self, index: i32) -> PartitionProduceResponse {
        let record_errors = self
            .record_errors
            .into_iter()
            .map(|(batch_index, message)| BatchIndexAndErrorMessage {
                batch_index,
                batch_index_error_message: Some(message),
            });
        let leader = self
            .current_leader
            .map(|(leader_id, leader_epoch)| LeaderIdAndEpoch {
                leader_id,
                leader_epoch,
            });
        PartitionProduceResponse {
            index,
            error_code: self.error.code(),
            base_offset: -1,
            log_start_offset: self.log_start,
            record_errors: record_errors.collect(),
            error_message: self.message,
            current_leader: leader.unwrap_or_default(),
            ..PartitionProduceResponse::default()
        }
    }
}

/// Kafka names the log start beside those errors that its log, not its front, comes up with.
fn tells_log_start(fault: &AppendFault) -> bool {
    match fault {
        AppendFault::Invalid(error) => !matches!(
            error,
            ValidationError::Corrupt(_) | ValidationError::TooLarge { .. }
        ),
        AppendFault::Log(error) => !matches!(
            error,
            store::AppendError::Io(_)
                | store::AppendError::Failed
                | store::AppendError::LargerThanSegment { .. }
        ),
        AppendFault::Recompression(_) | AppendFault::Transactional => true,
        AppendFault::Leadership(_) | AppendFault::NotOneBatch | AppendFault::BrokenFrame => false,
    }
}
