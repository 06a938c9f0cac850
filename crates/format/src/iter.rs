//! Walking the batches of a buffer, as a segment file or a Fetch answer holds them.

use crate::header::{BatchError, BatchHeader};

/// A whole batch inside a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    pub header: BatchHeader,
    /// Where the batch starts in the buffer.
    pub position: usize,
    /// The batch's bytes, exactly.
    pub bytes: &'a [u8],
}

/// See [`batches`].
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    buffer: &'a [u8],
    position: usize,
    failed: bool,
}

/// The whole batches at the start of `buffer`. A batch that the buffer cuts off ends the walk
/// silently; bytes that are no batch end it with an error.
pub fn batches(buffer: &[u8]) -> Batches<'_> {
    Batches {
        buffer,
        position: 0,
        failed: false,
    }
}

impl<'a> Batches<'a> {
    /// Bytes walked so far: where the next batch starts.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let rest = self.buffer.get(self.position..)?;
        let header = match BatchHeader::parse(rest) {
            Ok(header) => header,
            Err(BatchError::Truncated { .. }) => return None,
            Err(error) => {
                self.failed = true;
                return Some(Err(error));
            }
        };
        let bytes = rest.get(..header.size_bytes())?;
        let position = self.position;
        self.position += bytes.len();
        Some(Ok(Batch {
            header,
            position,
            bytes,
        }))
    }
}
