//! The memory that a request is read into.

use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

use bytes::{Buf, BufMut, BytesMut};
use memmap2::MmapMut;
use tokio::net::TcpStream;

use crate::limits::{GROWN_BYTES, SPARE_BUFFERS, SPARED_BYTES};

/// A request, or as much of it as has arrived. What has grown large lies in pages of its own, which the kernel has back as
/// soon as it is dropped: an allocator keeps them for a while, beside those of the next large request.
pub(crate) enum Buffer {
    Heap(BytesMut),
    Spare(Spare),
    Pages { map: MmapMut, filled: usize },
}

thread_local! {
    static SPARES: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of one size for large requests of many sizes, kept for the next when it is dropped: they run in the same few
/// pages, which the thread's core has at hand.
pub(crate) struct Spare(BytesMut);

impl Spare {
    fn take() -> Self {
        let spare = SPARES.with_borrow_mut(Vec::pop);
        Self(spare.unwrap_or_else(|| BytesMut::with_capacity(*SPARED_BYTES.end())))
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        bytes.clear();
        // At the end of a thread there is no more keeping.
        let _ = SPARES.try_with(|spares| {
            let mut spares = spares.borrow_mut();
            if spares.len() < SPARE_BUFFERS && bytes.capacity() == *SPARED_BYTES.end() {
                spares.push(bytes);
            }
        });
    }
}

impl Buffer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        match SPARED_BYTES.contains(&bytes) {
            true => Self::Spare(Spare::take()),
            false => Self::Heap(BytesMut::with_capacity(bytes)),
        }
    }

    /// Makes room for `capacity` bytes in all.
    pub(super) fn grow(&mut self, capacity: usize) -> io::Result<()> {
        if capacity > GROWN_BYTES {
            let mut map = MmapMut::map_anon(capacity)?;
            let filled = (&mut map[..]).write(self)?;
            *self = Self::Pages { map, filled };
        } else if let Self::Heap(bytes) | Self::Spare(Spare(bytes)) = self {
            bytes.reserve(capacity.saturating_sub(bytes.len()));
        }
        Ok(())
    }

    /// Takes no more than `room` bytes from `ahead`; there is room for them.
    pub(super) fn take(&mut self, ahead: &mut BytesMut, room: usize) {
        let taken = room.min(ahead.len());
        match self {
            Self::Heap(bytes) | Self::Spare(Spare(bytes)) => bytes.put(ahead.take(taken)),
            Self::Pages { map, filled } => {
                ahead.copy_to_slice(part(map, *filled, taken));
                *filled += taken;
            }
        }
    }

    /// Reads no more than `room` bytes, for which there is room; `Ok(0)` at the end of the stream.
    pub(super) fn read(&mut self, stream: &TcpStream, room: usize) -> io::Result<usize> {
        match self {
            Self::Heap(bytes) | Self::Spare(Spare(bytes)) => {
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
            Self::Heap(bytes) | Self::Spare(Spare(bytes)) => bytes,
            Self::Pages { map, filled } => map.get(..*filled).unwrap_or_default(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) | Self::Spare(Spare(bytes)) => bytes,
            Self::Pages { map, filled } => part(map, 0, *filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        SPARES.with_borrow(Vec::len)
    }

    #[test]
    fn large_buffers_are_used_again_and_few_are_kept() {
        let address = |buffer: &Buffer| match buffer {
            Buffer::Spare(Spare(bytes)) => Some(bytes.as_ptr()),
            _ => None,
        };
        assert!(address(&Buffer::with_capacity(100)).is_none());
        let mut first = Buffer::with_capacity(100_000);
        first.take(&mut BytesMut::from(&[1; 10][..]), 10);
        let was_at = address(&first);
        drop(first);
        let second = Buffer::with_capacity(1_000_000);
        assert_eq!(address(&second), was_at);
        assert!(was_at.is_some() && second.is_empty());

        let more = std::iter::repeat_with(|| Buffer::with_capacity(100_000));
        drop(more.take(SPARE_BUFFERS * 2).collect::<Vec<_>>());
        assert_eq!(kept(), SPARE_BUFFERS);
    }

    #[test]
    fn what_has_outgrown_the_common_size_is_not_kept() {
        let mut grown = Buffer::with_capacity(100_000);
        grown.grow(GROWN_BYTES).unwrap();
        drop(grown);
        assert_eq!(kept(), 0);
        let mut mapped = Buffer::with_capacity(100_000);
        mapped.grow(GROWN_BYTES + 1).unwrap();
        assert_eq!(kept(), 1, "its spare is back already");
        drop(mapped);
        assert_eq!(kept(), 1);
    }
}
