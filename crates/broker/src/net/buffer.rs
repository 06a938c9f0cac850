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
    Spare(Spare),
    Pages { map: MmapMut, filled: usize },
}

thread_local! {
    static SPARES: Arc<Mutex<Spares>> = Arc::default();
}

/// The buffers of a thread, [`SPARE_BUFFERS`] at most, in use or waiting: of one size for large requests of many sizes,
/// which thus run in the same few pages.
#[derive(Debug, Default)]
struct Spares {
    made: usize,
    waiting: Vec<BytesMut>,
}

/// A buffer that goes back to the thread that it comes from.
pub(crate) struct Spare {
    bytes: BytesMut,
    home: Arc<Mutex<Spares>>,
}

impl Spare {
    /// One of this thread's, if it has one left.
    fn take() -> Option<Self> {
        let home = SPARES.with(Arc::clone);
        let mut spares = home.lock();
        let bytes = match spares.waiting.pop() {
            Some(bytes) => bytes,
            None if spares.made < SPARE_BUFFERS => {
                spares.made += 1;
                BytesMut::with_capacity(*SPARED_BYTES.end())
            }
            None => return None,
        };
        drop(spares);
        Some(Self { bytes, home })
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.home.lock().waiting.push(bytes);
    }
}

impl Buffer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let spare = SPARED_BYTES.contains(&bytes).then(Spare::take).flatten();
        spare.map_or_else(|| Self::Heap(BytesMut::with_capacity(bytes)), Self::Spare)
    }

    /// Makes room for `capacity` bytes in all.
    pub(super) fn grow(&mut self, capacity: usize) -> io::Result<()> {
        if capacity > GROWN_BYTES {
            let mut map = MmapMut::map_anon(capacity)?;
            let filled = (&mut map[..]).write(self)?;
            *self = Self::Pages { map, filled };
        } else if let Self::Heap(bytes) | Self::Spare(Spare { bytes, .. }) = self {
            bytes.reserve(capacity.saturating_sub(bytes.len()));
        }
        Ok(())
    }

    /// Takes no more than `room` bytes from `ahead`; there is room for them.
    pub(super) fn take(&mut self, ahead: &mut BytesMut, room: usize) {
        let taken = room.min(ahead.len());
        match self {
            Self::Heap(bytes) | Self::Spare(Spare { bytes, .. }) => bytes.put(ahead.take(taken)),
            Self::Pages { map, filled } => {
                ahead.copy_to_slice(part(map, *filled, taken));
                *filled += taken;
            }
        }
    }

    /// Reads no more than `room` bytes, for which there is room; `Ok(0)` at the end of the stream.
    pub(super) fn read(&mut self, stream: &TcpStream, room: usize) -> io::Result<usize> {
        match self {
            Self::Heap(bytes) | Self::Spare(Spare { bytes, .. }) => {
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
            Self::Heap(bytes) | Self::Spare(Spare { bytes, .. }) => bytes,
            Self::Pages { map, filled } => map.get(..*filled).unwrap_or_default(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) | Self::Spare(Spare { bytes, .. }) => bytes,
            Self::Pages { map, filled } => part(map, 0, *filled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(buffer: &Buffer) -> Option<usize> {
        match buffer {
            Buffer::Spare(Spare { bytes, .. }) => Some(bytes.as_ptr().addr()),
            _ => None,
        }
    }

    #[test]
    fn large_buffers_are_used_again() {
        assert!(address(&Buffer::with_capacity(100)).is_none());
        let mut first = Buffer::with_capacity(100_000);
        first.take(&mut BytesMut::from(&[1; 10][..]), 10);
        let was_at = address(&first);
        std::thread::spawn(|| drop(first)).join().unwrap();
        let second = Buffer::with_capacity(1_000_000);
        assert_eq!(address(&second), was_at, "it came back from elsewhere");
        assert!(was_at.is_some() && second.is_empty());
    }

    #[test]
    fn a_thread_has_few() {
        let buffers = || std::iter::repeat_with(|| Buffer::with_capacity(100_000));
        let spares = |buffers: &[Buffer]| buffers.iter().filter_map(address).count();
        let many: Vec<_> = buffers().take(SPARE_BUFFERS * 2).collect();
        assert_eq!(spares(&many), SPARE_BUFFERS);
        drop(many);
        let again: Vec<_> = buffers().take(SPARE_BUFFERS * 2).collect();
        assert_eq!(spares(&again), SPARE_BUFFERS);
    }
}
