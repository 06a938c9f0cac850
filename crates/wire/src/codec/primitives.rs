//! Kafka's primitive types, strings, bytes, arrays and nullable fields.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::reader::Prefix;
use super::{At, DecodeError, EncodeError, MAX_STRING_BYTES, Nullable, Reader, Wire};

macro_rules! fixed_size {
    ($($type:ty, $put:ident;)*) => { $(
        impl Wire for $type {
            fn least_size(_: At) -> usize {
                size_of::<$type>()
            }
            fn read(reader: &mut Reader<'_>, _: At) -> Result<Self, DecodeError> {
                Ok(<$type>::from_be_bytes(reader.array()?))
            }
            fn write(&self, buf: &mut BytesMut, _: At) -> Result<(), EncodeError> {
                buf.$put(*self);
                Ok(())
            }
        }
    )* };
}

fixed_size! {
    i8, put_i8;
    i16, put_i16;
    u16, put_u16;
    i32, put_i32;
    u32, put_u32;
    i64, put_i64;
    f64, put_f64;
}

impl Wire for bool {
    fn least_size(_: At) -> usize {
        1
    }
    fn read(reader: &mut Reader<'_>, _: At) -> Result<Self, DecodeError> {
        Ok(reader.i8()? != 0)
    }
    fn write(&self, buf: &mut BytesMut, _: At) -> Result<(), EncodeError> {
        buf.put_u8(u8::from(*self));
        Ok(())
    }
}

impl Wire for Uuid {
    fn least_size(_: At) -> usize {
        16
    }
    fn read(reader: &mut Reader<'_>, _: At) -> Result<Self, DecodeError> {
        Ok(Uuid::from_bytes(reader.array()?))
    }
    fn write(&self, buf: &mut BytesMut, _: At) -> Result<(), EncodeError> {
        buf.put_slice(self.as_bytes());
        Ok(())
    }
}

fn string_prefix(at: At) -> Prefix {
    if at.flexible {
        Prefix::Compact
    } else {
        Prefix::Int16
    }
}

fn array_prefix(at: At) -> Prefix {
    if at.flexible {
        Prefix::Compact
    } else {
        Prefix::Int32
    }
}

impl Wire for String {
    fn least_size(at: At) -> usize {
        string_prefix(at).least_size()
    }
    fn read(reader: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        Self::read_nullable(reader, at)?.ok_or(DecodeError::UnexpectedNull)
    }
    fn write(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        self.write_some(buf, at)
    }
}

impl Nullable for String {
    fn least_nullable_size(at: At) -> usize {
        Self::least_size(at)
    }
    fn read_nullable(reader: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        let Some(length) = reader.length(string_prefix(at))? else {
            return Ok(None);
        };
        if length > MAX_STRING_BYTES {
            return Err(DecodeError::InvalidLength(length as i64));
        }
        match str::from_utf8(reader.take(length)?) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(DecodeError::NotUtf8),
        }
    }
    fn write_null(buf: &mut BytesMut, at: At) {
        put_null(buf, string_prefix(at));
    }
    fn write_some(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        // What a reader would refuse is not written, however long a length its prefix could tell.
        if self.len() > MAX_STRING_BYTES {
            return Err(EncodeError::TooLong(self.len()));
        }
        put_length(buf, string_prefix(at), self.len())?;
        buf.put_slice(self.as_bytes());
        Ok(())
    }
}

/// Copied out of the frame: a value that outlives its request must not keep the request's whole buffer.
impl Wire for Bytes {
    fn least_size(at: At) -> usize {
        array_prefix(at).least_size()
    }
    fn read(reader: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        Self::read_nullable(reader, at)?.ok_or(DecodeError::UnexpectedNull)
    }
    fn write(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        self.write_some(buf, at)
    }
}

impl Nullable for Bytes {
    fn least_nullable_size(at: At) -> usize {
        Self::least_size(at)
    }
    fn read_nullable(reader: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        match reader.length(array_prefix(at))? {
            Some(length) => Ok(Some(Bytes::copy_from_slice(reader.take(length)?))),
            None => Ok(None),
        }
    }
    fn write_null(buf: &mut BytesMut, at: At) {
        put_null(buf, array_prefix(at));
    }
    fn write_some(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        put_length(buf, array_prefix(at), self.len())?;
        buf.put_slice(self);
        Ok(())
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn least_size(at: At) -> usize {
        array_prefix(at).least_size()
    }
    fn read(reader: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        Self::read_nullable(reader, at)?.ok_or(DecodeError::UnexpectedNull)
    }
    fn write(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        self.write_some(buf, at)
    }
}

impl<T: Wire> Nullable for Vec<T> {
    fn least_nullable_size(at: At) -> usize {
        Self::least_size(at)
    }
    fn read_nullable(reader: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        let Some(count) = reader.length(array_prefix(at))? else {
            return Ok(None);
        };
        let element = at.nullable(false);
        reader.admit_array(count, T::least_size(element), size_of::<T>())?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::read(reader, element)?);
        }
        Ok(Some(elements))
    }
    fn write_null(buf: &mut BytesMut, at: At) {
        put_null(buf, array_prefix(at));
    }
    fn write_some(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        put_length(buf, array_prefix(at), self.len())?;
        let element = at.nullable(false);
        self.iter().try_for_each(|value| value.write(buf, element))
    }
}

impl<T: Nullable> Wire for Option<T> {
    fn least_size(at: At) -> usize {
        if at.nullable {
            T::least_nullable_size(at)
        } else {
            T::least_size(at)
        }
    }
    fn read(reader: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        if at.nullable {
            T::read_nullable(reader, at)
        } else {
            T::read(reader, at).map(Some)
        }
    }
    fn write(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError> {
        match self {
            Some(value) if at.nullable => value.write_some(buf, at),
            Some(value) => value.write(buf, at),
            None if at.nullable => {
                T::write_null(buf, at);
                Ok(())
            }
            None => Err(EncodeError::UnexpectedNull),
        }
    }
}

pub(crate) fn put_unsigned_varint(buf: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        buf.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    buf.put_u8(value as u8);
}

/// Writes a tagged field: its tag, its size and what `write` writes.
pub(crate) fn put_tagged(
    buf: &mut BytesMut,
    tag: u32,
    write: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let mut value = BytesMut::new();
    write(&mut value)?;
    put_unsigned_varint(buf, tag);
    let size = u32::try_from(value.len()).map_err(|_| EncodeError::TooLong(value.len()))?;
    put_unsigned_varint(buf, size);
    buf.put_slice(&value);
    Ok(())
}

fn put_null(buf: &mut BytesMut, prefix: Prefix) {
    match prefix {
        Prefix::Compact => buf.put_u8(0),
        Prefix::Int16 => buf.put_i16(-1),
        Prefix::Int32 => buf.put_i32(-1),
    }
}

pub(crate) fn put_length(
    buf: &mut BytesMut,
    prefix: Prefix,
    length: usize,
) -> Result<(), EncodeError> {
    let too_long = |_| EncodeError::TooLong(length);
    match prefix {
        Prefix::Compact => {
            let length = i32::try_from(length).map_err(too_long)?;
            put_unsigned_varint(buf, length.unsigned_abs() + 1);
        }
        Prefix::Int16 => buf.put_i16(i16::try_from(length).map_err(too_long)?),
        Prefix::Int32 => buf.put_i32(i32::try_from(length).map_err(too_long)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_what_cannot_be_read_is_not_written() {
        for flexible in [false, true] {
            for nullable in [false, true] {
                let at = At {
                    version: 0,
                    flexible,
                    nullable,
                };
                // As many bytes as are allowed, in a third of as many characters, and one more.
                let longest = Some("\u{4e2d}".repeat(10_922) + "x");
                let mut buf = BytesMut::new();
                longest.write(&mut buf, at).unwrap();
                assert_eq!(Wire::read(&mut Reader::new(&buf), at), Ok(longest));
                let too_long = Some("x".repeat(MAX_STRING_BYTES + 1));
                assert_eq!(
                    too_long.write(&mut buf, at),
                    Err(EncodeError::TooLong(MAX_STRING_BYTES + 1))
                );
            }
        }
    }
}
