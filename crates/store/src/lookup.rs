//! Where the batches of a segment lie: from an offset, and up to a size.

use std::io;
use std::path::Path;

use crate::limits::CUT_STEPS;
use crate::offset_index::OffsetPosition;
use crate::scan::{BatchAt, HeaderScan};
use crate::segment::Segment;
use crate::trail::Place;

impl Segment {
    /// The first batch that ends at or after `offset`, of those that end at or below `limit`.
    pub(crate) fn find(&self, offset: i64, limit: u32) -> io::Result<Option<BatchAt>> {
        if let Some(position) = self.trail.position_of(offset) {
            return first_ending_at(offset, self.scan_from(position, limit)?);
        }
        let entry = self.index.lookup(offset)?;
        if entry.position > 0 && entry.position < limit {
            match self.find_from_entry(entry, offset, limit) {
                // The index is wrong, not the log.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                found => return found,
            }
        }
        first_ending_at(offset, self.scan_from(0, limit)?)
    }

    /// As `find`, but `InvalidData` if the index entry does not name the batch that it points to.
    fn find_from_entry(
        &self,
        entry: OffsetPosition,
        offset: i64,
        limit: u32,
    ) -> io::Result<Option<BatchAt>> {
        let mut scan = self.scan_from(entry.position, limit)?.peekable();
        let named = match scan.peek() {
            Some(Ok(batch)) => batch.header.last_offset() == entry.offset,
            // The look below answers the error.
            Some(Err(_)) => true,
            None => false,
        };
        if !named {
            return Err(io::ErrorKind::InvalidData.into());
        }
        first_ending_at(offset, scan)
    }

    /// Where to cut the batches of `start..limit` to have at most `max_bytes` of them, but the first one whole if
    /// `at_least_one`. The batches below `limit` are those below offset `up_to`.
    pub(crate) fn cut(
        &self,
        start: &BatchAt,
        limit: u32,
        up_to: i64,
        max_bytes: u32,
        at_least_one: bool,
    ) -> io::Result<Place> {
        let wanted = start.position.saturating_add(max_bytes);
        if wanted >= limit {
            return Ok(Place {
                offset: up_to,
                position: limit,
            });
        }
        if start.end_position() > wanted && !at_least_one {
            return Ok(start.into());
        }
        let mut from = start.end_position();
        if from >= wanted {
            return Ok(Place {
                offset: start.header.next_offset(),
                position: from,
            });
        }
        for batch in self.scan_from(from, limit)?.behind(start).take(CUT_STEPS) {
            let batch = batch?;
            if batch.end_position() > wanted {
                return Ok((&batch).into());
            }
            from = batch.end_position();
        }
        let indexed = self.index.lookup_position(wanted)?.position;
        for batch in self.scan_from(from.max(indexed), limit)?.behind(start) {
            let batch = batch?;
            if batch.end_position() > wanted {
                return Ok((&batch).into());
            }
        }
        Ok(Place {
            offset: up_to,
            position: limit,
        })
    }

    /// The offset after the last batch of the log file at `path`.
    pub(crate) fn next_offset_of(path: &Path, base_offset: i64) -> io::Result<i64> {
        let mut offset = base_offset;
        for batch in HeaderScan::open(path)? {
            offset = batch?.header.next_offset();
        }
        Ok(offset)
    }

    pub(crate) fn scan_from(&self, position: u32, limit: u32) -> io::Result<HeaderScan> {
        Ok(HeaderScan::new(self.file()?, position, limit))
    }
}

fn first_ending_at(
    offset: i64,
    mut batches: impl Iterator<Item = io::Result<BatchAt>>,
) -> io::Result<Option<BatchAt>> {
    batches
        .find(|batch| {
            let ends_before = |batch: &BatchAt| batch.header.last_offset() < offset;
            !batch.as_ref().is_ok_and(ends_before)
        })
        .transpose()
}
