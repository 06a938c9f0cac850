//! A cursor over received bytes. Every read is checked; none allocates.

use super::DecodeError;
use crate::limits;

/// Reads forward through a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    /// The part that has not been read.
    bytes: &'a [u8],
    /// How much more the arrays of the message may take in memory.
    array_bytes_left: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            array_bytes_left: limits::max_array_bytes(bytes.len()),
        }
    }

    /// Refuses an array that the rest of the bytes, or the memory that is left to the message, cannot hold.
    /// To be called before anything is reserved for it.
    pub fn admit_array(
        &mut self,
        count: usize,
        least_size: usize,
        size_in_memory: usize,
    ) -> Result<(), DecodeError> {
        let remaining = self.bytes.len();
        if count > remaining / least_size.max(1) {
            return Err(DecodeError::CountTooLarge { count, remaining });
        }
        let size = count.saturating_mul(size_in_memory);
        match self.array_bytes_left.checked_sub(size) {
            Some(left) => self.array_bytes_left = left,
            None => return Err(DecodeError::TooMuchMemory(size)),
        }
        Ok(())
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The part that has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, tail)) = self.bytes.split_at_checked(len) else {
            return Err(DecodeError::Truncated {
                needed: len,
                remaining: self.bytes.len(),
            });
        };
        self.bytes = tail;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((head, tail)) = self.bytes.split_first_chunk::<N>() else {
            return Err(DecodeError::Truncated {
                needed: N,
                remaining: self.bytes.len(),
            });
        };
        self.bytes = tail;
        Ok(*head)
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// An unsigned varint of at most 32 bits. Bits beyond the 32nd are dropped, as Kafka does.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::InvalidVarint)
    }

    /// A length of `width` bytes, or a compact one; `None` is null.
    pub fn length(&mut self, prefix: Prefix) -> Result<Option<usize>, DecodeError> {
        let length = match prefix {
            Prefix::Compact => i64::from(self.unsigned_varint()?) - 1,
            Prefix::Int16 => i64::from(self.i16()?),
            Prefix::Int32 => i64::from(self.i32()?),
        };
        match length {
            -1 => Ok(None),
            _ => usize::try_from(length)
                .map(Some)
                .map_err(|_| DecodeError::InvalidLength(length)),
        }
    }

    /// Reads the tagged fields that close a struct and hands each to `field` with a reader over just its bytes.
    /// What `field` does not know it leaves unread, and so it is skipped.
    pub fn tagged_fields(
        &mut self,
        mut field: impl FnMut(u32, &mut Reader<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()?;
            let mut value = Reader {
                bytes: self.take(usize::try_from(size).unwrap_or(usize::MAX))?,
                array_bytes_left: self.array_bytes_left,
            };
            field(tag, &mut value)?;
            self.array_bytes_left = value.array_bytes_left;
        }
        Ok(())
    }

    /// Skips the tagged fields that close a struct.
    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        self.tagged_fields(|_, _| Ok(()))
    }
}

/// How a length or count is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Unsigned varint of the length plus one.
    Compact,
    Int16,
    Int32,
}

impl Prefix {
    /// The fewest bytes that the prefix takes.
    pub(crate) const fn least_size(self) -> usize {
        match self {
            Prefix::Compact => 1,
            Prefix::Int16 => 2,
            Prefix::Int32 => 4,
        }
    }
}
