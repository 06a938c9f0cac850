//! What a partition knows of its idempotent and transactional producers.
//!
//! The rules are those of Kafka's producer state: five batches are remembered for each producer, a
//! batch that repeats one of them is a duplicate, epochs only rise, a sequence follows its
//! predecessor or wraps to zero, and an unknown producer may begin at any sequence.
//!
//! Invariant: the state is exactly what replaying the log up to `end_offset` gives, short of
//! producers that expired, and of batches that a snapshot left out until they are asked for.

use std::collections::{BTreeMap, HashMap, VecDeque};

use format::{BatchHeader, NO_PRODUCER_EPOCH, NO_SEQUENCE, NO_TIMESTAMP};

use crate::limits::{MAX_BATCHES_PER_PRODUCER, MAX_PRODUCERS};
use crate::types::{ActiveProducer, AppendError, Origin};

/// A batch as remembered for finding duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchMetadata {
    pub(crate) last_sequence: i32,
    pub(crate) last_offset: i64,
    /// Last offset minus first; also last sequence minus first, with wrapping.
    pub(crate) offset_delta: i32,
    pub(crate) timestamp: i64,
}

impl BatchMetadata {
    pub(crate) fn of(header: &BatchHeader) -> Self {
        Self {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    pub(crate) fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }

    fn first_sequence(&self) -> i32 {
        self.last_sequence.wrapping_sub(self.offset_delta) & i32::MAX
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProducerEntry {
    pub(crate) producer_epoch: i16,
    pub(crate) coordinator_epoch: i32,
    pub(crate) last_timestamp: i64,
    pub(crate) current_txn_first_offset: Option<i64>,
    /// Oldest first.
    pub(crate) batches: VecDeque<BatchMetadata>,
    /// Read from a snapshot, which keeps only the last batch.
    pub(crate) has_forgotten: bool,
}

impl ProducerEntry {
    fn new() -> Self {
        Self {
            producer_epoch: NO_PRODUCER_EPOCH,
            coordinator_epoch: -1,
            last_timestamp: NO_TIMESTAMP,
            current_txn_first_offset: None,
            batches: VecDeque::new(),
            has_forgotten: false,
        }
    }

    pub(crate) fn last_sequence(&self) -> i32 {
        self.batches
            .back()
            .map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    fn forgotten(&self) -> Option<Forgotten> {
        let has_forgotten = self.has_forgotten && self.batches.len() < MAX_BATCHES_PER_PRODUCER;
        let oldest = self.batches.front().filter(|_| has_forgotten)?;
        Some(Forgotten {
            before: oldest.first_offset(),
            producer_epoch: self.producer_epoch,
        })
    }

    fn duplicate_of(&self, header: &BatchHeader) -> Option<BatchMetadata> {
        if header.producer_epoch != self.producer_epoch {
            return None;
        }
        let wanted = (header.base_sequence, header.last_sequence());
        let mut batches = self.batches.iter();
        batches
            .find(|batch| (batch.first_sequence(), batch.last_sequence) == wanted)
            .copied()
    }

    fn check_sequence(&self, header: &BatchHeader) -> Result<(), AppendError> {
        let first = header.base_sequence;
        let last = self.last_sequence();
        let in_order = if header.producer_epoch == self.producer_epoch {
            i64::from(first) == i64::from(last) + 1 || (first == 0 && last == i32::MAX)
        } else {
            first == 0 || self.producer_epoch == NO_PRODUCER_EPOCH
        };
        if in_order {
            return Ok(());
        }
        Err(AppendError::OutOfOrderSequence {
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            expected_after: last,
            found: first,
        })
    }

    fn set_epoch(&mut self, producer_epoch: i16) {
        if self.producer_epoch != producer_epoch {
            self.batches.clear();
            self.has_forgotten = false;
            self.producer_epoch = producer_epoch;
        }
    }

    fn remember(&mut self, batch: BatchMetadata) {
        if self.batches.len() == MAX_BATCHES_PER_PRODUCER {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
        self.last_timestamp = batch.timestamp;
    }
}

/// Where the batches of a producer are that are not remembered: at lower offsets, and of its epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forgotten {
    pub(crate) before: i64,
    pub(crate) producer_epoch: i16,
}

/// The transaction marker that a control batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndTxnMarker {
    pub(crate) coordinator_epoch: i32,
    /// The marker record's timestamp.
    pub(crate) timestamp: i64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ProducerState {
    producers: HashMap<i64, ProducerEntry>,
    /// Producers of open transactions, by the offset that opened each.
    ongoing: BTreeMap<i64, i64>,
    end_offset: i64,
}

impl ProducerState {
    pub(crate) fn new(end_offset: i64) -> Self {
        Self {
            end_offset,
            ..Self::default()
        }
    }

    /// The batches up to here have been taken into account.
    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    pub(crate) fn set_end_offset(&mut self, end_offset: i64) {
        self.end_offset = end_offset;
    }

    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = (i64, &ProducerEntry)> {
        self.producers.iter().map(|(id, entry)| (*id, entry))
    }

    /// Puts back an entry read from a snapshot.
    pub(crate) fn restore(&mut self, producer_id: i64, entry: ProducerEntry) {
        if let Some(first_offset) = entry.current_txn_first_offset {
            self.ongoing.insert(first_offset, producer_id);
        }
        self.producers.insert(producer_id, entry);
    }

    /// Whether a batch may be appended: an error if it may not, the batch it repeats if it is a
    /// duplicate. A marker comes with a control batch.
    pub(crate) fn check(
        &self,
        header: &BatchHeader,
        marker: Option<&EndTxnMarker>,
        origin: Origin,
    ) -> Result<Option<BatchMetadata>, AppendError> {
        if origin == Origin::Replication || !header.has_producer_id() {
            return Ok(None);
        }
        let Some(entry) = self.producers.get(&header.producer_id) else {
            return Ok(None);
        };
        if origin == Origin::Client
            && let Some(duplicate) = entry.duplicate_of(header)
        {
            return Ok(Some(duplicate));
        }
        if header.producer_epoch < entry.producer_epoch {
            return Err(AppendError::InvalidProducerEpoch {
                producer_id: header.producer_id,
                found: header.producer_epoch,
                current: entry.producer_epoch,
            });
        }
        if let Some(marker) = marker {
            if marker.coordinator_epoch < entry.coordinator_epoch {
                return Err(AppendError::TransactionCoordinatorFenced {
                    found: marker.coordinator_epoch,
                    current: entry.coordinator_epoch,
                });
            }
            return Ok(None);
        }
        if origin == Origin::Client {
            entry.check_sequence(header)?;
        }
        if entry.current_txn_first_offset.is_some() && !header.is_transactional() {
            return Err(AppendError::InvalidTransactionState {
                producer_id: header.producer_id,
            });
        }
        Ok(None)
    }

    /// Whether a snapshot may have left batches of the producer out.
    pub(crate) fn is_forgetful(&self, producer_id: i64) -> bool {
        let entry = self.producers.get(&producer_id);
        entry.is_some_and(|entry| entry.forgotten().is_some())
    }

    /// All of which it may have.
    pub(crate) fn forgetful(&self) -> impl Iterator<Item = (i64, Forgotten)> {
        let entries = self.producers.iter();
        entries.filter_map(|(id, entry)| Some((*id, entry.forgotten()?)))
    }

    /// Remembers the batches, newest first, that the log holds before those of a snapshot.
    pub(crate) fn recall(&mut self, producer_id: i64, forgotten: &[BatchMetadata]) {
        if let Some(entry) = self.producers.get_mut(&producer_id) {
            entry.has_forgotten = false;
            let room = MAX_BATCHES_PER_PRODUCER.saturating_sub(entry.batches.len());
            for batch in forgotten.iter().take(room) {
                entry.batches.push_front(*batch);
            }
        }
    }

    /// Takes an appended batch into account.
    pub(crate) fn update(&mut self, header: &BatchHeader, marker: Option<&EndTxnMarker>) {
        self.end_offset = header.next_offset();
        if !header.has_producer_id() {
            return;
        }
        // An empty control batch: compaction removed the transaction as a whole.
        if header.is_control() && marker.is_none() {
            return;
        }
        let entry = self
            .producers
            .entry(header.producer_id)
            .or_insert_with(ProducerEntry::new);
        entry.set_epoch(header.producer_epoch);
        if let Some(marker) = marker {
            entry.coordinator_epoch = marker.coordinator_epoch;
            entry.last_timestamp = marker.timestamp;
            if let Some(first_offset) = entry.current_txn_first_offset.take() {
                self.ongoing.remove(&first_offset);
            }
        } else {
            entry.remember(BatchMetadata::of(header));
            if header.is_transactional() && entry.current_txn_first_offset.is_none() {
                entry.current_txn_first_offset = Some(header.base_offset);
                self.ongoing.insert(header.base_offset, header.producer_id);
            }
        }
        if self.producers.len() > MAX_PRODUCERS {
            self.forget_longest_idle();
        }
    }

    /// The first offset of the oldest transaction that has no marker yet.
    pub(crate) fn first_undecided_offset(&self) -> Option<i64> {
        self.ongoing.first_key_value().map(|(offset, _)| *offset)
    }

    /// Forgets producers that wrote nothing for `expiration_ms` and have no transaction open.
    pub(crate) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| {
            entry.current_txn_first_offset.is_some()
                || now_ms.saturating_sub(entry.last_timestamp) < expiration_ms
        });
    }

    fn forget_longest_idle(&mut self) {
        let mut idle: Vec<(i64, i64)> = self
            .producers
            .iter()
            .filter(|(_, entry)| entry.current_txn_first_offset.is_none())
            .map(|(id, entry)| (entry.last_timestamp, *id))
            .collect();
        let count = idle.len() / 10;
        idle.sort_unstable();
        for (_, producer_id) in idle.into_iter().take(count) {
            self.producers.remove(&producer_id);
        }
    }

    pub(crate) fn active(&self) -> Vec<ActiveProducer> {
        let describe = |(producer_id, entry): (i64, &ProducerEntry)| ActiveProducer {
            producer_id,
            producer_epoch: entry.producer_epoch,
            last_sequence: entry.last_sequence(),
            last_timestamp: entry.last_timestamp,
            coordinator_epoch: entry.coordinator_epoch,
            current_txn_first_offset: entry.current_txn_first_offset.unwrap_or(-1),
        };
        self.entries().map(describe).collect()
    }
}

#[cfg(test)]
#[path = "producer_state_tests.rs"]
mod tests;
