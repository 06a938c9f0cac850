//! Variable-length integers: 7 bits a byte, least significant first. Signed ones are zigzag coded.
//!
//! Decoding takes the value off the front of a slice and answers `None` when the slice ends too
//! early or the encoding is longer than the type allows; the slice is then left as it was.

/// The longest encoding of a 32-bit value.
pub const MAX_VARINT_SIZE_BYTES: u32 = 5;
/// The longest encoding of a 64-bit value.
pub const MAX_VARLONG_SIZE_BYTES: u32 = 10;

pub fn read_unsigned_varint(input: &mut &[u8]) -> Option<u32> {
    let mut rest = *input;
    // Kafka drops bits of the fifth byte that do not fit, so we do.
    let value = groups_from(MAX_VARINT_SIZE_BYTES, || pop(&mut rest))? as u32;
    *input = rest;
    Some(value)
}

pub fn read_unsigned_varlong(input: &mut &[u8]) -> Option<u64> {
    let mut rest = *input;
    let value = groups_from(MAX_VARLONG_SIZE_BYTES, || pop(&mut rest))?;
    *input = rest;
    Some(value)
}

pub fn read_varint(input: &mut &[u8]) -> Option<i32> {
    read_unsigned_varint(input).map(unzigzag_32)
}

pub fn read_varlong(input: &mut &[u8]) -> Option<i64> {
    read_unsigned_varlong(input).map(unzigzag_64)
}

/// Decodes from a source that hands out one byte at a time.
#[inline]
pub(crate) fn varint_from(next: impl FnMut() -> Option<u8>) -> Option<i32> {
    groups_from(MAX_VARINT_SIZE_BYTES, next).map(|value| unzigzag_32(value as u32))
}

#[inline]
pub(crate) fn varlong_from(next: impl FnMut() -> Option<u8>) -> Option<i64> {
    groups_from(MAX_VARLONG_SIZE_BYTES, next).map(unzigzag_64)
}

/// Most values in a batch take one byte, and a batch has seven and more a record.
#[inline(always)]
fn groups_from(max_size_bytes: u32, mut next: impl FnMut() -> Option<u8>) -> Option<u64> {
    let first = next()?;
    if first & 0x80 == 0 {
        return Some(u64::from(first));
    }
    let mut value = u64::from(first & 0x7f);
    for group in 1..max_size_bytes {
        let byte = next()?;
        value |= u64::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Decodes the value at the front of a word whose first byte is the lowest, and tells the size of its
/// encoding. One of more than 8 bytes is refused.
#[inline(always)]
pub(crate) fn varlong_in(word: u64) -> Option<(i64, usize)> {
    // Branches that are guessed right cost less than the steps that serve any size.
    let (value, size_bytes) = if word & 0x80 == 0 {
        (word & 0x7f, 1)
    } else if word & 0x8000 == 0 {
        (word & 0x7f | word >> 1 & 0x3f80, 2)
    } else {
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return None;
        }
        let up_to_first_end = ends ^ (ends - 1);
        // Groups of 7 bits are joined to some of 14, then 28, then all 56.
        let sevens = word & up_to_first_end & 0x7f7f_7f7f_7f7f_7f7f;
        let fourteens = sevens & 0x007f_007f_007f_007f | (sevens & 0x7f00_7f00_7f00_7f00) >> 1;
        let halves = fourteens & 0x0000_3fff_0000_3fff | (fourteens & 0x3fff_0000_3fff_0000) >> 2;
        let value = halves & 0x0fff_ffff | (halves & 0x0fff_ffff_0000_0000) >> 4;
        (value, ends.trailing_zeros() as usize / 8 + 1)
    };
    Some((unzigzag_64(value), size_bytes))
}

#[inline]
fn pop(input: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = input.split_first()?;
    *input = rest;
    Some(byte)
}

pub fn write_unsigned_varint(out: &mut Vec<u8>, value: u32) {
    write_unsigned_varlong(out, u64::from(value));
}

pub fn write_unsigned_varlong(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn write_varint(out: &mut Vec<u8>, value: i32) {
    write_unsigned_varint(out, zigzag_32(value));
}

pub fn write_varlong(out: &mut Vec<u8>, value: i64) {
    write_unsigned_varlong(out, zigzag_64(value));
}

pub fn unsigned_varint_size_bytes(value: u32) -> usize {
    groups(u64::from(value))
}

pub fn varint_size_bytes(value: i32) -> usize {
    groups(u64::from(zigzag_32(value)))
}

pub fn varlong_size_bytes(value: i64) -> usize {
    groups(zigzag_64(value))
}

pub(crate) fn zigzag_32(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

fn zigzag_64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag_32(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

fn unzigzag_64(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn groups(value: u64) -> usize {
    let bits = (u64::BITS - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_encodings() {
        let encode = |value| {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            out
        };
        assert_eq!(encode(0), [0x00]);
        assert_eq!(encode(-1), [0x01]);
        assert_eq!(encode(63), [0x7e]);
        assert_eq!(encode(-64), [0x7f]);
        assert_eq!(encode(64), [0x80, 0x01]);
        assert_eq!(encode(i32::MIN), [0xff, 0xff, 0xff, 0xff, 0x0f]);
    }

    #[test]
    fn an_endless_encoding_is_refused_and_nothing_is_consumed() {
        let bytes = [0xff; 20];
        let mut input = bytes.as_slice();
        assert_eq!(read_varint(&mut input), None);
        assert_eq!(read_varlong(&mut input), None);
        assert_eq!(input.len(), 20);
        let mut empty: &[u8] = &[];
        assert_eq!(read_unsigned_varint(&mut empty), None);
    }

    proptest! {
        #[test]
        fn varint_round_trips(value: i32) {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_size_bytes(value));
            let mut input = out.as_slice();
            prop_assert_eq!(read_varint(&mut input), Some(value));
            prop_assert!(input.is_empty());
            prop_assert_eq!(read_varint(&mut &out[..out.len() - 1]), None);
        }

        #[test]
        fn varlong_round_trips(value: i64) {
            let mut out = Vec::new();
            write_varlong(&mut out, value);
            prop_assert_eq!(out.len(), varlong_size_bytes(value));
            let mut input = out.as_slice();
            prop_assert_eq!(read_varlong(&mut input), Some(value));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn a_word_is_decoded_as_its_bytes_are(bytes: [u8; 8], continued in 0_usize..=8) {
            let mut bytes = bytes;
            bytes[..continued].iter_mut().for_each(|byte| *byte |= 0x80);
            let mut input = bytes.as_slice();
            let expected = read_varlong(&mut input).map(|value| (value, 8 - input.len()));
            prop_assert_eq!(varlong_in(u64::from_le_bytes(bytes)), expected);
        }

        #[test]
        fn unsigned_varint_round_trips(value: u32) {
            let mut out = Vec::new();
            write_unsigned_varint(&mut out, value);
            prop_assert_eq!(out.len(), unsigned_varint_size_bytes(value));
            prop_assert_eq!(read_unsigned_varint(&mut out.as_slice()), Some(value));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let mut input = bytes.as_slice();
            while read_varlong(&mut input).is_some() {}
            let mut input = bytes.as_slice();
            while read_unsigned_varint(&mut input).is_some() {}
        }
    }
}
