//! Looking for damage in what was written long ago: every batch's checksum, and what no checksum covers held against
//! its neighbours: offsets, leader epochs, and where index entries point.
//!
//! Nothing is repaired here: a damaged index is rebuilt by the next unclean start, a damaged batch is a replica's matter.

use std::fs;
use std::io;
use std::path::PathBuf;

use format::NO_TIMESTAMP;

use crate::checked_scan::CheckedScan;
use crate::limits::RECOVERY_CHUNK_BYTES;
use crate::log::Log;
use crate::names::FileKind;
use crate::scan::BatchAt;
use crate::segment::Segment;

/// Something in a file that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub path: PathBuf,
    /// In bytes: where the batch, or the index entry, begins.
    pub position: u64,
    pub problem: String,
}

impl Log {
    /// Reads all that is published. `pace` is told from time to time how many bytes more were read; it may wait, and
    /// says whether to go on.
    pub fn scrub(&self, pace: &mut dyn FnMut(u64) -> bool) -> io::Result<Vec<Damage>> {
        let mut scrub = Scrub {
            log: self,
            found: Vec::new(),
            next_offset: None,
            epoch: -1,
        };
        for segment in self.segments.load_full().iter() {
            let walked = scrub.walk(segment, pace);
            // Deleted or truncated meanwhile: there is nothing to be said of it any more.
            if segment.is_retired() {
                scrub.found.retain(|damage| damage.path != segment.path());
                continue;
            }
            if !walked? {
                break;
            }
        }
        Ok(scrub.found)
    }
}

struct Scrub<'a> {
    log: &'a Log,
    found: Vec<Damage>,
    /// `None` at the first batch, and behind damage.
    next_offset: Option<i64>,
    /// The latest leader epoch so far.
    epoch: i32,
}

impl Scrub<'_> {
    /// False: it was called off.
    fn walk(&mut self, segment: &Segment, pace: &mut dyn FnMut(u64) -> bool) -> io::Result<bool> {
        // Before the size: an entry is there before its batch is published.
        let mut offsets = self.entries(segment, FileKind::Index)?;
        let mut times = self.entries(segment, FileKind::TimeIndex)?;
        let size_bytes = segment.size_bytes();
        let mut scan = CheckedScan::new(segment.file()?, 0, size_bytes);
        let (mut position, mut paced, mut latest) = (0, 0, NO_TIMESTAMP);
        while position < size_bytes {
            let Some(batch) = scan.next_batch()? else {
                self.note(
                    segment,
                    FileKind::Log,
                    position,
                    "no whole batch with a right checksum",
                );
                self.next_offset = None;
                return Ok(true);
            };
            self.check_header(segment, &batch);
            self.check_offset_entries(segment, &mut offsets, &batch);
            self.check_time_entries(segment, &mut times, &batch, latest);
            latest = latest.max(batch.header.max_timestamp);
            position = batch.end_position();
            if (position - paced) as usize >= RECOVERY_CHUNK_BYTES || position == size_bytes {
                if !pace(u64::from(position - paced)) {
                    return Ok(false);
                }
                paced = position;
            }
        }
        // What was published meanwhile may have entries already.
        if segment.size_bytes() == size_bytes {
            while let Some((position, _)) = offsets.next() {
                self.note(
                    segment,
                    FileKind::Index,
                    position,
                    "points behind the last batch",
                );
            }
            while let Some((position, _)) = times.next() {
                self.note(
                    segment,
                    FileKind::TimeIndex,
                    position,
                    "points behind the last batch",
                );
            }
        }
        Ok(true)
    }

    fn entries<const N: usize>(&self, segment: &Segment, kind: FileKind) -> io::Result<Entries<N>> {
        let bytes = match fs::read(self.log.home.dir.file(segment.base_offset(), kind)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            found => found.unwrap_or_default(),
        };
        Ok(Entries { bytes, position: 0 })
    }

    fn note(&mut self, segment: &Segment, kind: FileKind, position: u32, problem: &str) {
        self.found.push(Damage {
            path: self.log.home.dir.file(segment.base_offset(), kind),
            position: u64::from(position),
            problem: problem.to_owned(),
        });
    }

    /// Base offset and leader epoch, which the checksum leaves out.
    fn check_header(&mut self, segment: &Segment, batch: &BatchAt) {
        let header = &batch.header;
        let expected = self.next_offset.unwrap_or(segment.base_offset());
        let follows_damage = self.next_offset.is_none() && batch.position > 0;
        let has_gaps = self.log.config().cleanup_compact || follows_damage;
        if header.base_offset < expected || (header.base_offset > expected && !has_gaps) {
            let problem = format!("offset {} where {expected} comes next", header.base_offset);
            self.note(segment, FileKind::Log, batch.position, &problem);
        }
        self.next_offset = Some(header.next_offset());
        let epoch = header.partition_leader_epoch;
        let checkpointed = self.log.leader_epoch_at(header.base_offset);
        let is_known =
            epoch < 0 || header.base_offset < self.log.log_start() || checkpointed == Some(epoch);
        if epoch < self.epoch || !is_known {
            let problem = format!(
                "leader epoch {epoch} after {}, and {checkpointed:?} in the checkpoint",
                self.epoch
            );
            self.note(segment, FileKind::Log, batch.position, &problem);
        }
        self.epoch = self.epoch.max(epoch);
    }

    /// An entry is a batch's last offset and position.
    fn check_offset_entries(
        &mut self,
        segment: &Segment,
        entries: &mut Entries<8>,
        batch: &BatchAt,
    ) {
        while let Some((at, [a, b, c, d, e, f, g, h])) = entries.peek() {
            let offset = segment.base_offset() + i64::from(u32::from_be_bytes([a, b, c, d]));
            let position = u32::from_be_bytes([e, f, g, h]);
            if position > batch.position {
                break;
            }
            entries.next();
            if position < batch.position || offset != batch.header.last_offset() {
                self.note(
                    segment,
                    FileKind::Index,
                    at,
                    "does not lead to a batch that ends there",
                );
            }
        }
    }

    /// An entry is the largest timestamp of a batch and an offset in it, where those before, up to `latest`, were less.
    fn check_time_entries(
        &mut self,
        segment: &Segment,
        entries: &mut Entries<12>,
        batch: &BatchAt,
        latest: i64,
    ) {
        while let Some((at, [a, b, c, d, e, f, g, h, i, j, k, l])) = entries.peek() {
            let timestamp = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
            let offset = segment.base_offset() + i64::from(u32::from_be_bytes([i, j, k, l]));
            if offset > batch.header.last_offset() {
                break;
            }
            entries.next();
            let is_later = timestamp == batch.header.max_timestamp && timestamp > latest;
            if offset < batch.header.base_offset || !is_later {
                self.note(
                    segment,
                    FileKind::TimeIndex,
                    at,
                    "is not the time of a batch there",
                );
            }
        }
    }
}

/// An index's entries as they are in its file, each with its position there.
struct Entries<const N: usize> {
    bytes: Vec<u8>,
    position: usize,
}

impl<const N: usize> Entries<N> {
    fn peek(&self) -> Option<(u32, [u8; N])> {
        let entry = self.bytes.get(self.position..)?.first_chunk()?;
        Some((self.position as u32, *entry))
    }

    fn next(&mut self) -> Option<(u32, [u8; N])> {
        let entry = self.peek()?;
        self.position += N;
        Some(entry)
    }
}

#[cfg(test)]
#[path = "scrub_tests.rs"]
mod tests;
