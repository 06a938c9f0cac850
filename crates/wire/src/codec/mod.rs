//! The codec: how Kafka's primitive types, arrays, strings and declared messages lie on the wire.
//!
//! *Invariant: decoding allocates at most a small multiple of the bytes that it was given* ([`crate::limits`] says which).
//! A count is checked against the bytes that remain divided by the least size of one element, and against what is left of
//! that multiple, before anything is reserved; and nesting is bounded because no declared type contains itself.

mod message;
mod primitives;
mod reader;

use bytes::BytesMut;

pub(crate) use message::message;
pub(crate) use primitives::{put_length, put_tagged, put_unsigned_varint};
pub use reader::{Prefix, Reader};

/// The longest string that Kafka's own codec accepts, compact or not, in bytes.
pub const MAX_STRING_BYTES: usize = i16::MAX as usize;

/// Why bytes are not the message that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{message} has no version {version}")]
    UnsupportedVersion { message: &'static str, version: i16 },
    #[error("{needed} bytes needed where {remaining} remain")]
    Truncated { needed: usize, remaining: usize },
    #[error("a count of {count} elements where {remaining} bytes remain")]
    CountTooLarge { count: usize, remaining: usize },
    #[error("an array of {0} bytes in memory, which is too many for the message's size")]
    TooMuchMemory(usize),
    #[error("a length of {0}")]
    InvalidLength(i64),
    #[error("a varint that does not end")]
    InvalidVarint,
    #[error("a null where this version allows none")]
    UnexpectedNull,
    #[error("a string that is not UTF-8")]
    NotUtf8,
    #[error("{0} bytes too many")]
    TrailingBytes(usize),
    #[error("an unknown {what} {value}")]
    Unknown { what: &'static str, value: i64 },
}

/// Why a message cannot be written in the version asked for. It is always the caller's mistake, never a client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("{message} has no version {version}")]
    UnsupportedVersion { message: &'static str, version: i16 },
    #[error("{message}.{field} is set but version {version} lacks it")]
    FieldNotInVersion {
        message: &'static str,
        field: &'static str,
        version: i16,
    },
    #[error("a null where this version allows none")]
    UnexpectedNull,
    #[error("a length of {0} does not fit")]
    TooLong(usize),
    #[error("{0}")]
    Refused(String),
}

/// What the layout of a field depends on.
#[derive(Debug, Clone, Copy)]
pub struct At {
    pub version: i16,
    /// Compact lengths, and tagged fields after each struct (KIP-482).
    pub flexible: bool,
    /// Whether this field may be null in this version. It never applies to an array's elements.
    pub nullable: bool,
}

impl At {
    pub(crate) fn nullable(self, nullable: bool) -> At {
        At { nullable, ..self }
    }
}

/// A type that has a place on the wire.
pub trait Wire: Sized {
    /// The fewest bytes that a value takes.
    fn least_size(at: At) -> usize;
    fn read(reader: &mut Reader<'_>, at: At) -> Result<Self, DecodeError>;
    fn write(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError>;
}

/// A type that can be null where the schema says so; `Option<T>` is then its field's type.
pub trait Nullable: Wire {
    fn least_nullable_size(at: At) -> usize;
    fn read_nullable(reader: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError>;
    fn write_null(buf: &mut BytesMut, at: At);
    /// Writes a value in a place that could have been null.
    fn write_some(&self, buf: &mut BytesMut, at: At) -> Result<(), EncodeError>;
}

/// A declared message: a request, a response, or a stored record's body, without any header.
pub trait Message: Wire {
    const NAME: &'static str;
    const MIN_VERSION: i16;
    const MAX_VERSION: i16;
    /// The first flexible version; `i16::MAX` if none is.
    const FLEXIBLE_FROM: i16;

    /// Decodes one message from the start of `bytes`; like Kafka, it does not mind bytes that follow.
    fn decode(bytes: &[u8], version: i16) -> Result<Self, DecodeError> {
        Self::decode_from(&mut Reader::new(bytes), version)
    }

    /// Decodes one message and leaves the reader behind it.
    fn decode_from(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        match Self::at(version) {
            Some(at) => Self::read(reader, at),
            None => Err(DecodeError::UnsupportedVersion {
                message: Self::NAME,
                version,
            }),
        }
    }

    /// Appends the message to `buf`. After an error `buf` ends in an unfinished message.
    fn encode(&self, buf: &mut BytesMut, version: i16) -> Result<(), EncodeError> {
        match Self::at(version) {
            Some(at) => self.write(buf, at),
            None => Err(EncodeError::UnsupportedVersion {
                message: Self::NAME,
                version,
            }),
        }
    }

    /// The layout of `version`, if the message has it.
    fn at(version: i16) -> Option<At> {
        (Self::MIN_VERSION..=Self::MAX_VERSION)
            .contains(&version)
            .then_some(At {
                version,
                flexible: version >= Self::FLEXIBLE_FROM,
                nullable: false,
            })
    }
}

/// Where a field of a declared message stands in each version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldSpec {
    from: i16,
    to: i16,
    null_from: i16,
    null_to: i16,
    tag: Option<u32>,
    ignorable: bool,
}

impl FieldSpec {
    pub(crate) const ALWAYS: FieldSpec = FieldSpec {
        from: 0,
        to: i16::MAX,
        null_from: i16::MAX,
        null_to: 0,
        tag: None,
        ignorable: false,
    };

    pub(crate) const fn versions(self, from: i16, to: i16) -> FieldSpec {
        FieldSpec { from, to, ..self }
    }

    pub(crate) const fn null(self, null_from: i16, null_to: i16) -> FieldSpec {
        FieldSpec {
            null_from,
            null_to,
            ..self
        }
    }

    pub(crate) const fn tag(self, tag: u32) -> FieldSpec {
        FieldSpec {
            tag: Some(tag),
            ..self
        }
    }

    pub(crate) const fn ignorable(self) -> FieldSpec {
        FieldSpec {
            ignorable: true,
            ..self
        }
    }

    pub(crate) const fn is_inline(&self, at: At) -> bool {
        self.tag.is_none() && self.from <= at.version && at.version <= self.to
    }

    /// The field's tag in this version, if it is a tagged field there.
    pub(crate) const fn tag_in(&self, at: At) -> Option<u32> {
        if at.flexible && self.from <= at.version && at.version <= self.to {
            self.tag
        } else {
            None
        }
    }

    pub(crate) const fn is_nullable(&self, at: At) -> bool {
        self.null_from <= at.version && at.version <= self.null_to
    }

    /// A field that this version lacks is silently left out if it is ignorable, and refused if it says something otherwise.
    pub(crate) const fn must_be_default(&self, at: At) -> bool {
        !self.ignorable && !self.is_inline(at) && self.tag_in(at).is_none()
    }
}
