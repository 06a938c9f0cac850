//! The memory that a request is read into.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

use bytes::{Buf, BufMut, BytesMut};
use memmap2::MmapMut;
use tokio::net::TcpStream;

use crate::limits::GROWN_BYTES;

/// A request, or as much of it as has arrived. What has grown large lies in pages of its own, which the kernel has back as
/// soon as it is dropped: an allocator keeps them for a while, beside those of the next large request.
pub(crate) enum Buffer {
    Heap(BytesMut),
    Pages { map: MmapMut, filled: usize },
}

impl Buffer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self::Heap(BytesMut::with_capacity(bytes))
    }

    /// Makes room for `capacity` bytes in all.
    pub(super) fn grow(&mut self, capacity: usize) -> io::Result<()> {
        if capacity > GROWN_BYTES {
            let mut map = MmapMut::map_anon(capacity)?;
            let filled = (&mut map[..]).write(self)?;
            *self = Self::Pages { map, filled };
        } else if let Self::Heap(bytes) = self {
            bytes.reserve(capacity.saturating_sub(bytes.len()));
        }
        Ok(())
    }

    /// Takes no more than `room` bytes from `ahead`; there is room for them.
    pub(super) fn take(&mut self, ahead: &mut BytesMut, room: usize) {
        let taken = room.min(ahead.len());
        match self {
            Self::Heap(bytes) => bytes.put(ahead.take(taken)),
            Self::Pages { map, filled } => {
                ahead.copy_to_slice(part(map, *filled, taken));
                *filled += taken;
            }
        }
    }

    /// Reads no more than `room` bytes, for which there is room; `Ok(0)` at the end of the stream.
    pub(super) fn read(&mut self, stream: &TcpStream, room: usize) -> io::Result<usize> {
        match self {
            Self::Heap(bytes) => stream.try_read_buf(&mut bytes.limit(room)),
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
            Self::Heap(bytes) => bytes,
            Self::Pages { map, filled } => map.get(..*filled).unwrap_or_default(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages { map, filled } => part(map, 0, *filled),
        }
    }
}
