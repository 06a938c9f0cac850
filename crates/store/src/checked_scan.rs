//! Walking a segment's log with every checksum verified, up to the first batch that fails.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use format::crc::Crc32c;
use format::{BatchHeader, check_crc};

use crate::limits::RECOVERY_CHUNK_BYTES;
use crate::scan::BatchAt;

/// Where the checksummed part of a batch begins.
const CHECKSUMMED_AT: usize = 21;

/// Holds one chunk, however large a batch claims to be.
pub(crate) struct CheckedScan {
    file: Arc<File>,
    position: u32,
    limit: u32,
    chunk: Vec<u8>,
    chunk_position: u32,
}

impl CheckedScan {
    pub(crate) fn new(file: Arc<File>, position: u32, limit: u32) -> Self {
        Self {
            file,
            position,
            limit,
            chunk: Vec::new(),
            chunk_position: position,
        }
    }

    /// The next batch; `None` where the log ends or stops being whole, sound batches.
    pub(crate) fn next_batch(&mut self) -> io::Result<Option<BatchAt>> {
        let at = (self.position - self.chunk_position) as usize;
        let is_whole = |bytes: &[u8]| {
            BatchHeader::parse(bytes).is_ok_and(|header| header.size_bytes() <= bytes.len())
        };
        if !self.chunk.get(at..).is_some_and(is_whole) {
            self.fill()?;
        }
        let at = (self.position - self.chunk_position) as usize;
        let bytes = self.chunk.get(at..).unwrap_or_default();
        let Ok(header) = BatchHeader::parse(bytes) else {
            return Ok(None);
        };
        if header.size_bytes() > (self.limit - self.position) as usize {
            return Ok(None);
        }
        let sound = if header.size_bytes() <= bytes.len() {
            check_crc(bytes).is_ok()
        } else {
            self.large_crc(&header)? == header.crc
        };
        if !sound {
            return Ok(None);
        }
        let batch = BatchAt {
            position: self.position,
            header,
        };
        self.position = batch.end_position();
        Ok(Some(batch))
    }

    fn fill(&mut self) -> io::Result<()> {
        let size_bytes = RECOVERY_CHUNK_BYTES.min((self.limit - self.position) as usize);
        self.chunk.resize(size_bytes, 0);
        self.chunk_position = self.position;
        self.file
            .read_exact_at(&mut self.chunk, u64::from(self.position))
    }

    /// The checksum of a batch that is larger than the chunk, which begins with it.
    fn large_crc(&self, header: &BatchHeader) -> io::Result<u32> {
        let mut crc = Crc32c::new();
        crc.update(self.chunk.get(CHECKSUMMED_AT..).unwrap_or_default());
        let mut done = self.chunk.len();
        let mut part = vec![0; RECOVERY_CHUNK_BYTES];
        while done < header.size_bytes() {
            part.truncate(header.size_bytes() - done);
            let at = u64::from(self.position) + done as u64;
            self.file.read_exact_at(&mut part, at)?;
            crc.update(&part);
            done += part.len();
        }
        Ok(crc.finish())
    }
}
