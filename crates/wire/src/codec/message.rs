//! The `message!` macro: a message is declared once, as its fields, and is read and written from that declaration.
//!
//! ```text
//! message! {
//!     pub struct Example: 0..=4, flexible 3 {     // a message: its versions, and the first flexible one
//!         name: String,                           // in every version
//!         parts: Option<Vec<Part>> [1.., null 2..],   // since version 1, may be null since 2
//!         deadline_ms: i64 [..=2] = -1,           // until version 2; its default is -1
//!         hint: i32 [3.., ignorable],             // older versions leave it out without complaint
//!         cluster: Option<String> [4.., null 4.., tag 0],  // a tagged field
//!     }
//!     pub struct Part { index: i32 }              // a struct within one
//! }
//! ```
//!
//! Fields are declared in the order of the wire, tagged ones last and by tag. Writing a value other than the default in a
//! version without the field is an error unless the field is `ignorable`; a tagged field that holds its default is left
//! out, because clients exist that misread it otherwise.

macro_rules! message {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident $(: $min:literal ..= $max:literal $(, flexible $flexible:literal)?)? {
            $(
                $(#[$field_meta:meta])*
                $field:ident : $type:ty $([$($spec:tt)*])? $(= $default:expr)?
            ),* $(,)?
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $field: $crate::codec::message!(@default $type $(, $default)?), )* }
            }
        }

        $( impl $crate::codec::Message for $name {
            const NAME: &'static str = stringify!($name);
            const MIN_VERSION: i16 = $min;
            const MAX_VERSION: i16 = $max;
            const FLEXIBLE_FROM: i16 = $crate::codec::message!(@flexible $($flexible)?);
        } )?

        #[allow(unused_mut, unused_variables, reason = "a struct may have no field, or no tagged one")]
        impl $crate::codec::Wire for $name {
            fn least_size(at: $crate::codec::At) -> usize {
                let mut size = usize::from(at.flexible);
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::message!(@spec $($($spec)*)?);
                    if SPEC.is_inline(at) {
                        size += <$type as $crate::codec::Wire>::least_size(at.nullable(SPEC.is_nullable(at)));
                    }
                })*
                size
            }

            fn read(
                reader: &mut $crate::codec::Reader<'_>,
                at: $crate::codec::At,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let mut message = Self::default();
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::message!(@spec $($($spec)*)?);
                    if SPEC.is_inline(at) {
                        message.$field = $crate::codec::Wire::read(reader, at.nullable(SPEC.is_nullable(at)))?;
                    }
                })*
                if at.flexible {
                    reader.tagged_fields(|tag, reader| {
                        $({
                            const SPEC: $crate::codec::FieldSpec = $crate::codec::message!(@spec $($($spec)*)?);
                            if SPEC.tag_in(at) == Some(tag) {
                                message.$field =
                                    $crate::codec::Wire::read(reader, at.nullable(SPEC.is_nullable(at)))?;
                            }
                        })*
                        Ok(())
                    })?;
                }
                Ok(message)
            }

            fn write(
                &self,
                buf: &mut bytes::BytesMut,
                at: $crate::codec::At,
            ) -> Result<(), $crate::codec::EncodeError> {
                let mut tagged = 0u32;
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::message!(@spec $($($spec)*)?);
                    if SPEC.is_inline(at) {
                        $crate::codec::Wire::write(&self.$field, buf, at.nullable(SPEC.is_nullable(at)))?;
                    } else if self.$field != $crate::codec::message!(@default $type $(, $default)?) {
                        if SPEC.must_be_default(at) {
                            return Err($crate::codec::EncodeError::FieldNotInVersion {
                                message: stringify!($name),
                                field: stringify!($field),
                                version: at.version,
                            });
                        }
                        tagged += u32::from(SPEC.tag_in(at).is_some());
                    }
                })*
                if !at.flexible {
                    return Ok(());
                }
                $crate::codec::put_unsigned_varint(buf, tagged);
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::message!(@spec $($($spec)*)?);
                    if let Some(tag) = SPEC.tag_in(at)
                        && self.$field != $crate::codec::message!(@default $type $(, $default)?)
                    {
                        $crate::codec::put_tagged(buf, tag, |buf| {
                            $crate::codec::Wire::write(&self.$field, buf, at.nullable(SPEC.is_nullable(at)))
                        })?;
                    }
                })*
                Ok(())
            }
        }

        /// A struct that may be null is preceded by one byte: -1 for null, 1 for a value.
        impl $crate::codec::Nullable for $name {
            fn least_nullable_size(_: $crate::codec::At) -> usize {
                1
            }
            fn read_nullable(
                reader: &mut $crate::codec::Reader<'_>,
                at: $crate::codec::At,
            ) -> Result<Option<Self>, $crate::codec::DecodeError> {
                if reader.i8()? < 0 {
                    return Ok(None);
                }
                $crate::codec::Wire::read(reader, at.nullable(false)).map(Some)
            }
            fn write_null(buf: &mut bytes::BytesMut, _: $crate::codec::At) {
                bytes::BufMut::put_i8(buf, -1);
            }
            fn write_some(
                &self,
                buf: &mut bytes::BytesMut,
                at: $crate::codec::At,
            ) -> Result<(), $crate::codec::EncodeError> {
                bytes::BufMut::put_i8(buf, 1);
                $crate::codec::Wire::write(self, buf, at.nullable(false))
            }
        }

        #[cfg(test)]
        impl $crate::random::Random for $name {
            #[allow(unused_mut, unused_variables, reason = "a struct may have no field")]
            fn random(dice: &mut $crate::random::Dice, at: $crate::codec::At) -> Self {
                let mut message = Self::default();
                $({
                    const SPEC: $crate::codec::FieldSpec = $crate::codec::message!(@spec $($($spec)*)?);
                    if SPEC.is_inline(at) || SPEC.tag_in(at).is_some() {
                        message.$field = $crate::random::Random::random(dice, at.nullable(SPEC.is_nullable(at)));
                    }
                })*
                message
            }
        }
    )* };

    (@default $type:ty) => { <$type as Default>::default() };
    (@default $type:ty, $default:expr) => { $default };

    (@flexible) => { i16::MAX };
    (@flexible $flexible:literal) => { $flexible };

    (@spec $($rest:tt)*) => { $crate::codec::message!(@fold ($crate::codec::FieldSpec::ALWAYS) $($rest)*) };

    (@fold ($spec:expr)) => { $spec };
    (@fold ($spec:expr) $from:literal ..= $to:literal $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.versions($from, $to)) $($($rest)*)?)
    };
    (@fold ($spec:expr) ..= $to:literal $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.versions(0, $to)) $($($rest)*)?)
    };
    (@fold ($spec:expr) $from:literal .. $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.versions($from, i16::MAX)) $($($rest)*)?)
    };
    (@fold ($spec:expr) null $from:literal ..= $to:literal $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.null($from, $to)) $($($rest)*)?)
    };
    (@fold ($spec:expr) null $from:literal .. $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.null($from, i16::MAX)) $($($rest)*)?)
    };
    (@fold ($spec:expr) null $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.null(0, i16::MAX)) $($($rest)*)?)
    };
    (@fold ($spec:expr) tag $tag:literal $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.tag($tag)) $($($rest)*)?)
    };
    (@fold ($spec:expr) ignorable $(, $($rest:tt)*)?) => {
        $crate::codec::message!(@fold ($spec.ignorable()) $($($rest)*)?)
    };
}

pub(crate) use message;
