//! Reading a log: file ranges of whole batches, found without a lock.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use crate::limits::MIN_MAPPED_BYTES;
use crate::log::Log;
use crate::mapped;
use crate::segment::Segment;
use crate::types::{Payload, ReadError};

impl Log {
    /// The batches from the one that holds `from` on, of those that end below `up_to`, out of one
    /// segment: at most `max_bytes`, but one whole batch however large it is if `at_least_one`.
    ///
    /// `up_to` is cheapest when it is the log end or the durable end. Nothing at or beyond the log
    /// end is answered, whatever it says.
    pub fn read(
        &self,
        from: i64,
        max_bytes: u32,
        up_to: i64,
        at_least_one: bool,
    ) -> Result<Payload, ReadError> {
        loop {
            let end = self.ends.end();
            let log_start = self.log_start();
            if from < log_start || from > end.offset {
                return Err(ReadError::OutOfRange {
                    offset: from,
                    log_start,
                    log_end: end.offset,
                });
            }
            let up_to = up_to.min(end.offset);
            if from >= up_to {
                return Ok(Payload::empty());
            }
            match self.read_segments(from, max_bytes, up_to, at_least_one) {
                Attempt::Read(payload) => return Ok(payload),
                // The list without the segment is published, or about to be.
                Attempt::Retired => self.check_usable()?,
                Attempt::Failed(error) => return Err(error.into()),
            }
        }
    }

    fn read_segments(&self, from: i64, max_bytes: u32, up_to: i64, at_least_one: bool) -> Attempt {
        let segments = self.segments.load_full();
        let after = segments.partition_point(|segment| segment.base_offset() <= from);
        let candidates = segments.get(after.saturating_sub(1)..).unwrap_or_default();
        for segment in candidates {
            if segment.base_offset() >= up_to {
                break;
            }
            let range = self.range(segment, from, max_bytes, up_to, at_least_one);
            let file = segment.file();
            // A retired segment's file may have been cut, or be gone, when it was opened.
            if segment.is_retired() {
                return Attempt::Retired;
            }
            match (range, file) {
                (Ok(None), _) => {}
                (Ok(Some((position, len))), Ok(file)) => {
                    let position = u64::from(position);
                    return Attempt::Read(Payload::File {
                        file,
                        position,
                        len,
                    });
                }
                (Err(error), _) | (_, Err(error)) => return Attempt::Failed(error),
            }
        }
        Attempt::Read(Payload::empty())
    }

    /// Position and length of what one segment answers; `None` if it has no such batch.
    fn range(
        &self,
        segment: &Segment,
        from: i64,
        max_bytes: u32,
        up_to: i64,
        at_least_one: bool,
    ) -> io::Result<Option<(u32, u32)>> {
        let limit = self.limit(segment, up_to)?;
        let Some(start) = segment.find(from, limit)? else {
            return Ok(None);
        };
        let end = segment.cut(&start, limit, max_bytes, at_least_one)?;
        Ok(Some((start.position, end - start.position)))
    }

    /// Where the batches of `segment` that end below `up_to` end.
    fn limit(&self, segment: &Segment, up_to: i64) -> io::Result<u32> {
        for mark in [self.ends.end(), self.ends.synced()] {
            if mark.offset != up_to {
                continue;
            }
            if mark.segment == segment.base_offset() {
                return Ok(mark.position);
            }
            if mark.segment > segment.base_offset() {
                return Ok(segment.size_bytes());
            }
        }
        let size_bytes = segment.size_bytes();
        let holder = segment.find(up_to, size_bytes)?;
        Ok(holder.map_or(size_bytes, |batch| batch.position))
    }
}

/// How one try at a read ended.
enum Attempt {
    Read(Payload),
    /// The log was truncated or cut at its start meanwhile.
    Retired,
    Failed(io::Error),
}

impl Payload {
    /// The bytes in memory: copied if they are few, through a read-only map if they are many.
    /// Blocks on the disk if they are not in the page cache.
    pub fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File {
                file,
                position,
                len,
            } if len >= MIN_MAPPED_BYTES => mapped::map_range(file, position, len as usize),
            Self::File {
                file,
                position,
                len,
            } => copy_range(&file, position, len as usize),
        }
    }
}

fn copy_range(file: &Arc<File>, position: u64, size_bytes: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; size_bytes];
    file.read_exact_at(&mut buffer, position)?;
    Ok(Bytes::from(buffer))
}
