//! A cursor over received bytes. Every read is checked; none allocates.

use super::DecodeError;

/// Reads forward through a slice. `bytes` is always the part that has not been read.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
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
            let bytes = self.take(usize::try_from(size).unwrap_or(usize::MAX))?;
            field(tag, &mut Reader::new(bytes))?;
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
