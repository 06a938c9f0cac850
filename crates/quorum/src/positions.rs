//! Raft counts batches, Kafka counts records: which batch is entry `i`, and where it starts.
//!
//! Invariant: entries are dense in both counts. Entry `i + 1` starts where entry `i` ends.

use std::collections::VecDeque;
use std::ops::Range;

use openraft::CommittedLeaderId;

use crate::types::{LogId, VoterId};

#[derive(Debug, Clone, Copy)]
struct Position {
    base_offset: i64,
    term: u64,
}

#[derive(Debug)]
pub(crate) struct Positions {
    /// The last entry that is no longer in the log.
    purged: Option<LogId>,
    first_index: u64,
    entries: VecDeque<Position>,
    end_offset: i64,
}

impl Positions {
    pub(crate) fn new(purged: Option<LogId>, first_index: u64, first_offset: i64) -> Self {
        Self {
            purged,
            first_index,
            entries: VecDeque::new(),
            end_offset: first_offset,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn first_index(&self) -> u64 {
        self.first_index
    }

    pub(crate) fn next_index(&self) -> u64 {
        self.first_index + self.entries.len() as u64
    }

    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    pub(crate) fn purged(&self) -> Option<LogId> {
        self.purged
    }

    pub(crate) fn last(&self) -> Option<LogId> {
        let index = self.next_index().checked_sub(1);
        index.and_then(|index| self.log_id(index)).or(self.purged)
    }

    pub(crate) fn log_id(&self, index: u64) -> Option<LogId> {
        let position = self.get(index)?;
        Some(log_id(position.term, index))
    }

    /// Where entry `index` starts; for the next entry, where the log ends.
    pub(crate) fn base_offset(&self, index: u64) -> Option<i64> {
        if index == self.next_index() {
            return Some(self.end_offset);
        }
        Some(self.get(index)?.base_offset)
    }

    /// The entry that ends just before `end_offset`.
    pub(crate) fn ending_at(&self, end_offset: i64) -> Option<LogId> {
        let below = self
            .entries
            .partition_point(|entry| entry.base_offset < end_offset);
        let index = self.first_index + below.checked_sub(1)? as u64;
        (self.base_offset(index + 1)? == end_offset).then(|| self.log_id(index))?
    }

    /// The entries of `range` that are in the log.
    pub(crate) fn clamp(&self, range: Range<u64>) -> Range<u64> {
        let end = range.end.min(self.next_index());
        range
            .start
            .clamp(self.first_index, end.max(self.first_index))..end
    }

    pub(crate) fn push(&mut self, term: u64, end_offset: i64) {
        let base_offset = self.end_offset;
        self.entries.push_back(Position { base_offset, term });
        self.end_offset = end_offset;
    }

    /// Forgets entries from `index` on.
    pub(crate) fn truncate(&mut self, index: u64) {
        if let Some(end_offset) = self.base_offset(index) {
            self.end_offset = end_offset;
            self.entries.truncate((index - self.first_index) as usize);
        }
    }

    /// Forgets entries up to and with `log_id`, which ends at `end_offset`.
    pub(crate) fn purge(&mut self, log_id: LogId, end_offset: i64) {
        let count = (log_id.index + 1).saturating_sub(self.first_index) as usize;
        self.entries.drain(..count.min(self.entries.len()));
        self.first_index = log_id.index + 1;
        self.purged = Some(log_id);
        if self.entries.is_empty() {
            self.end_offset = end_offset;
        }
    }

    fn get(&self, index: u64) -> Option<Position> {
        let at = usize::try_from(index.checked_sub(self.first_index)?).ok()?;
        self.entries.get(at).copied()
    }
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term, VoterId::default()), index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Positions {
        let mut positions = Positions::new(None, 0, 0);
        positions.push(1, 1);
        positions.push(1, 4);
        positions.push(2, 6);
        positions
    }

    #[test]
    fn indexes_and_offsets_are_mapped_both_ways() {
        let positions = three();
        assert_eq!(positions.last(), Some(log_id(2, 2)));
        assert_eq!(
            [0, 1, 2, 3, 4].map(|i| positions.base_offset(i)),
            [Some(0), Some(1), Some(4), Some(6), None]
        );
        assert_eq!(positions.ending_at(4), Some(log_id(1, 1)));
        assert_eq!(positions.ending_at(6), Some(log_id(2, 2)));
        assert_eq!(
            [0, 2, 5, 7].map(|offset| positions.ending_at(offset)),
            [None; 4]
        );
    }

    #[test]
    fn truncation_and_purging_leave_the_rest_in_place() {
        let mut positions = three();
        positions.truncate(2);
        assert_eq!(
            (positions.end_offset(), positions.last()),
            (4, Some(log_id(1, 1)))
        );
        positions.purge(log_id(1, 0), 1);
        assert_eq!(
            (positions.first_index(), positions.base_offset(1)),
            (1, Some(1))
        );
        assert_eq!(positions.clamp(0..9), 1..2);
        positions.purge(log_id(3, 7), 20);
        assert!(positions.is_empty());
        assert_eq!(
            (positions.last(), positions.next_index()),
            (Some(log_id(3, 7)), 8)
        );
        assert_eq!(positions.end_offset(), 20);
        assert!(positions.clamp(0..3).is_empty());
    }
}
