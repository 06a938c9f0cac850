//! Reading a log: file ranges of whole batches, found without a lock.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use crate::cached;
use crate::limits::MIN_MAPPED_BYTES;
use crate::log::Log;
use crate::mapped;
use crate::segment::Segment;
use crate::types::{Found, Payload, Reach, ReadArgs, ReadError};

impl Log {
    /// The batches from the one that holds `from` on, of those that end below `up_to`, out of one
    /// segment: at most `max_bytes`, but one whole batch however large it is if `at_least_one`.
    pub fn read(
        &self,
        from: i64,
        max_bytes: u32,
        up_to: i64,
        at_least_one: bool,
    ) -> Result<Payload, ReadError> {
        let found = self.find(&ReadArgs {
            from,
            max_bytes,
            up_to,
            at_least_one,
            reach: Reach::Disk,
        });
        found.map(|found| found.payload)
    }

    /// As [`read`](Self::read), with a word on what follows.
    pub fn find(&self, args: &ReadArgs) -> Result<Found, ReadError> {
        loop {
            let end = self.ends.end();
            let log_start = self.log_start();
            if args.from < log_start || args.from > end.offset {
                return Err(ReadError::OutOfRange {
                    offset: args.from,
                    log_start,
                    log_end: end.offset,
                });
            }
            let args = ReadArgs {
                up_to: args.up_to.min(end.offset),
                ..*args
            };
            let more = args.from < args.up_to;
            if !more || (args.max_bytes == 0 && !args.at_least_one) {
                let payload = Payload::empty();
                return Ok(Found { payload, more });
            }
            let attempt = match args.reach {
                Reach::Memory => cached::only(|| self.find_in_segments(&args)),
                Reach::Disk => self.find_in_segments(&args),
            };
            match attempt {
                Attempt::Read(found) => return Ok(found),
                // The list without the segment is published, or about to be.
                Attempt::Retired => self.check_usable()?,
                Attempt::Failed(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(ReadError::Cold);
                }
                Attempt::Failed(error) => return Err(error.into()),
            }
        }
    }

    fn find_in_segments(&self, args: &ReadArgs) -> Attempt {
        let segments = self.segments.load_full();
        let after = segments.partition_point(|segment| segment.base_offset() <= args.from);
        let candidates = segments.get(after.saturating_sub(1)..).unwrap_or_default();
        let mut candidates = candidates
            .iter()
            .take_while(|segment| segment.base_offset() < args.up_to)
            .peekable();
        while let Some(segment) = candidates.next() {
            let range = self.range(segment, args);
            let file = segment.file();
            // A retired segment's file may have been cut, or be gone, when it was opened.
            if segment.is_retired() {
                return Attempt::Retired;
            }
            match (range, file) {
                (Ok(None), _) => {}
                (Ok(Some(range)), Ok(file)) => {
                    return Attempt::Read(Found {
                        payload: Payload::File {
                            file,
                            position: u64::from(range.start),
                            len: range.end - range.start,
                        },
                        more: range.end < range.limit || candidates.peek().is_some(),
                    });
                }
                (Err(error), _) | (_, Err(error)) => return Attempt::Failed(error),
            }
        }
        Attempt::Read(Found {
            payload: Payload::empty(),
            more: false,
        })
    }

    /// What one segment answers; `None` if it has no such batch.
    fn range(&self, segment: &Segment, args: &ReadArgs) -> io::Result<Option<Range>> {
        let limit = self.limit(segment, args.up_to)?;
        let Some(first) = segment.find(args.from, limit)? else {
            return Ok(None);
        };
        let end = segment.cut(&first, limit, args.up_to, args.max_bytes, args.at_least_one)?;
        segment.trail.note(end);
        Ok(Some(Range {
            start: first.position,
            end: end.position,
            limit,
        }))
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

/// Positions in a segment.
struct Range {
    start: u32,
    end: u32,
    /// Where the batches that may be answered end.
    limit: u32,
}

/// How one try at a read ended.
enum Attempt {
    Read(Found),
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

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
