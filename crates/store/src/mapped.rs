//! Read-only maps of published log bytes: all `unsafe` of this crate.
//!
//! Invariants: a map covers published bytes only, which no write and no truncation touches (a
//! truncation that meets an open range copies what it keeps to a new file). Its pages are
//! populated before they are loaded, so that a disk error is an error here instead of a signal
//! there. No file is written through a map.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, Mmap, MmapOptions};

/// Keeps the map and the file alive: an open file is what truncation looks for.
struct MappedRange {
    map: Mmap,
    _file: Arc<File>,
}

impl AsRef<[u8]> for MappedRange {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

/// The bytes of a published range, which the caller got with the file from a log.
pub(crate) fn map_range(file: Arc<File>, position: u64, size_bytes: usize) -> io::Result<Bytes> {
    let mut options = MmapOptions::new();
    options.offset(position).len(size_bytes);
    // SAFETY: the bytes of a published range are never written or cut off while an `Arc` of the
    // file lives, and the map keeps one. Other processes are kept away by the directory's lock.
    #[expect(unsafe_code, reason = "the one place that maps files")]
    let map = unsafe { options.map(&*file)? };
    match map.advise(Advice::PopulateRead) {
        Ok(()) => {}
        // Kernels before 5.14: the pages are loaded when they are touched.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
        Err(error) => return Err(error),
    }
    Ok(Bytes::from_owner(MappedRange { map, _file: file }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_a_range_that_is_not_aligned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let contents: Vec<u8> = (0..20_000u32).flat_map(u32::to_be_bytes).collect();
        std::fs::write(&path, &contents).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let bytes = map_range(Arc::clone(&file), 4099, 60_000).unwrap();
        assert_eq!(bytes, contents[4099..64_099]);
        assert_eq!(Arc::strong_count(&file), 2);
        drop(bytes);
        assert_eq!(Arc::strong_count(&file), 1);
    }

    /// As where the disk fails: a load of these pages would end the process.
    #[test]
    fn a_page_that_cannot_be_had_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10_000).unwrap();
        let mapped = map_range(Arc::new(file), 0, 100_000);
        assert!(mapped.is_err(), "not a signal, once the bytes are loaded");
    }
}
