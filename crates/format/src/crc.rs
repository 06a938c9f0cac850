//! CRC-32C (Castagnoli), the checksum of a record batch. Not the IEEE polynomial of `crc32fast`.

use crc_fast::{CrcAlgorithm, checksum};

/// The checksum of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    // The algorithm's other name is that of iSCSI; its 32 bits come in a u64.
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
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
}
