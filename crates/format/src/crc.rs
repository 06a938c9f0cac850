//! CRC-32C (Castagnoli), the checksum of a record batch. Not the IEEE polynomial of `crc32fast`.

use crc_fast::{CrcAlgorithm, Digest, checksum};

/// The checksum of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    // The algorithm's other name is that of iSCSI; its 32 bits come in a u64.
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The checksum of bytes that come in parts.
#[derive(Debug)]
pub struct Crc32c(Digest);

impl Crc32c {
    #[expect(
        clippy::new_without_default,
        reason = "no default stands for a checksum"
    )]
    pub fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc32Iscsi))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(&self) -> u32 {
        self.0.finalize() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_the_castagnoli_polynomial() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(&[0xff; 32]), 0x62A8_AB43);
    }

    #[test]
    fn parts_add_up() {
        let mut crc = Crc32c::new();
        crc.update(b"1234");
        crc.update(b"");
        crc.update(b"56789");
        assert_eq!(crc.finish(), crc32c(b"123456789"));
    }
}
