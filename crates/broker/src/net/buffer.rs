//! The memory that a request is read into.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};
use memmap2::MmapMut;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use crate::limits::{GROWN_BYTES, SPARE_BUFFERS, SPARED_BYTES};

/// A request, or as much of it as has arrived. What has grown large lies in pages of its own, which the kernel has back as
/// soon as it is dropped: an allocator keeps them for a while, beside those of the next large request.
pub(crate) enum Buffer {
    Heap(BytesMut),
    Spare { bytes: BytesMut, owner: Arc<Spares> },
    Pages { map: MmapMut, filled: usize },
}

/// Buffers of large requests that are done, for those that come: one size for all, so that large requests of any sizes
/// run in the same few pages, which the caches know.
#[derive(Debug, Default)]
pub(crate) struct Spares(Mutex<Vec<BytesMut>>);

impl Spares {
    /// A buffer with room for `bytes`.
    pub(super) fn buffer(self: &Arc<Self>, bytes: usize) -> Buffer {
        if !SPARED_BYTES.contains(&bytes) {
            return Buffer::Heap(BytesMut::with_capacity(bytes));
        }
        let spare = self.0.lock().pop();
        Buffer::Spare {
            bytes: spare.unwrap_or_else(|| BytesMut::with_capacity(*SPARED_BYTES.end())),
            owner: self.clone(),
        }
    }

    fn put_back(&self, mut bytes: BytesMut) {
        bytes.clear();
        let mut spares = self.0.lock();
        if spares.len() < SPARE_BUFFERS && bytes.capacity() == *SPARED_BYTES.end() {
            spares.push(bytes);
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Self::Spare { bytes, owner } = self {
            owner.put_back(std::mem::take(bytes));
        }
    }
}

impl Buffer {
    /// Makes room for `capacity` bytes in all.
    pub(super) fn grow(&mut self, capacity: usize) -> io::Result<()> {
        if capacity > GROWN_BYTES {
            let mut map = MmapMut::map_anon(capacity)?;
            let filled = (&mut map[..]).write(self)?;
            *self = Self::Pages { map, filled };
        } else if let Self::Heap(bytes) | Self::Spare { bytes, .. } = self {
            bytes.reserve(capacity.saturating_sub(bytes.len()));
        }
        Ok(())
    }

    /// Takes no more than `room` bytes from `ahead`; there is room for them.
    pub(super) fn take(&mut self, ahead: &mut BytesMut, room: usize) {
        let taken = room.min(ahead.len());
        match self {
            Self::Heap(bytes) | Self::Spare { bytes, .. } => bytes.put(ahead.take(taken)),
            Self::Pages { map, filled } => {
                ahead.copy_to_slice(part(map, *filled, taken));
                *filled += taken;
            }
        }
    }

    /// Reads no more than `room` bytes, for which there is room; `Ok(0)` at the end of the stream.
    pub(super) fn read(&mut self, stream: &TcpStream, room: usize) -> io::Result<usize> {
        match self {
            Self::Heap(bytes) | Self::Spare { bytes, .. } => {
                stream.try_read_buf(&mut bytes.limit(room))
            }
            Self::Pages { map, filled } => {
                let read = stream.try_read(part(map, *filled, room))?;
                *filled += read;
                Ok(read)
            }
        }
    }
}

/// `bytes` of the pages, from where so many are `filled`.
fn part(map: &mut MmapMut, filled: usize, bytes: usize) -> &mut [u8] {
    map.get_mut(filled..filled + bytes).unwrap_or_default()
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) | Self::Spare { bytes, .. } => bytes,
            Self::Pages { map, filled } => map.get(..*filled).unwrap_or_default(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) | Self::Spare { bytes, .. } => bytes,
            Self::Pages { map, filled } => part(map, 0, *filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_are_used_again_and_few_are_kept() {
        let spares = Arc::<Spares>::default();
        let address = |buffer: &Buffer| match buffer {
            Buffer::Spare { bytes, .. } => Some(bytes.as_ptr()),
            _ => None,
        };
        assert!(address(&spares.buffer(100)).is_none());
        let mut first = spares.buffer(100_000);
        first.take(&mut BytesMut::from(&[1; 10][..]), 10);
        let was_at = address(&first);
        drop(first);
        let second = spares.buffer(1_000_000);
        assert_eq!(address(&second), was_at);
        assert!(was_at.is_some() && second.is_empty());

        let many: Vec<_> = (0..SPARE_BUFFERS * 2)
            .map(|_| spares.buffer(100_000))
            .collect();
        drop(many);
        assert_eq!(spares.0.lock().len(), SPARE_BUFFERS);
    }

    #[test]
    fn what_has_outgrown_the_common_size_is_not_kept() {
        let spares = Arc::<Spares>::default();
        let mut grown = spares.buffer(100_000);
        grown.grow(GROWN_BYTES).unwrap();
        drop(grown);
        let mut mapped = spares.buffer(100_000);
        mapped.grow(GROWN_BYTES + 1).unwrap();
        assert_eq!(spares.0.lock().len(), 1, "its spare is back already");
        drop(mapped);
        assert_eq!(spares.0.lock().len(), 1);
    }
}
