//! A producer id and the sequence of each partition, by which a broker knows a batch that it has
//! already written.

use std::collections::BTreeMap;

use client::{ClientError, Cluster, check};
use format::BatchBuilder;
use kafka_protocol::messages::{InitProducerIdRequest, ProducerId};

pub(super) struct IdempotentProducer {
    id: i64,
    epoch: i16,
    /// The sequence of the next record, by partition.
    sequences: BTreeMap<i32, i32>,
}

impl IdempotentProducer {
    /// `None` if the broker is older than idempotent producers.
    pub(super) async fn begin(cluster: &Cluster) -> Result<Option<Self>, ClientError> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX);
        let ask = || async {
            let answer = cluster.any().await?.call(&request).await?;
            check(answer.error_code, None)?;
            Ok(answer)
        };
        let answer = match cluster.patiently(ask).await {
            Ok(answer) => answer,
            Err(ClientError::NotServed { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let ProducerId(id) = answer.producer_id;
        Ok(Some(Self {
            id,
            epoch: answer.producer_epoch,
            sequences: BTreeMap::new(),
        }))
    }

    /// Gives a batch its place in its partition's sequence.
    pub(super) fn number(&mut self, partition: i32, batch: BatchBuilder) -> BatchBuilder {
        let next = self.sequences.entry(partition).or_insert(0);
        let base_sequence = *next;
        // From `i32::MAX` on to 0.
        *next = next.wrapping_add(batch.record_count()) & i32::MAX;
        batch.producer(self.id, self.epoch, base_sequence)
    }
}

#[cfg(test)]
mod tests {
    use format::BatchHeader;

    use super::*;

    #[test]
    fn sequences_count_records_by_partition_and_wrap() {
        let mut producer = IdempotentProducer {
            id: 7,
            epoch: 1,
            sequences: BTreeMap::from([(1, i32::MAX)]),
        };
        let mut numbered = |partition| {
            let mut batch = BatchBuilder::new(0);
            batch.append(0, None, None, &[]);
            batch.append(0, None, None, &[]);
            let batch = producer.number(partition, batch).build().unwrap();
            let header = BatchHeader::parse(&batch).unwrap();
            assert_eq!((header.producer_id, header.producer_epoch), (7, 1));
            header.base_sequence
        };
        assert_eq!((numbered(0), numbered(0), numbered(0)), (0, 2, 4));
        assert_eq!((numbered(1), numbered(1)), (i32::MAX, 1));
    }
}
