//! The head of a request frame: which API, which version, whose.
//!
//! A frame is what follows the four bytes of its size. Kafka closes the connection for everything that is refused here.

use std::borrow::Cow;

use crate::api::{Api, ApiKey};
use crate::codec::{At, DecodeError, Nullable, Reader};
use crate::limits::{self, API_PREFIX_BYTES, LOGGED_CLIENT_ID_BYTES};

/// Behind API key, version and correlation id.
const CLIENT_ID_AT: usize = API_PREFIX_BYTES + size_of::<i32>();

/// A request's header (versions 1 and 2; version 2 adds tagged fields, which are skipped).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    pub api_key: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
    /// Where the body begins in the frame.
    pub body_offset: usize,
    /// An ApiVersions request of a version that we do not know. Its body is not read; the answer is a version 0 body with
    /// `UNSUPPORTED_VERSION` and what is supported (KIP-511).
    pub is_unknown_api_versions: bool,
}

/// Why a frame is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("API key {key}, version {version}, is unknown")]
    UnknownApi { key: i16, version: i16 },
    #[error("{api} version {version} is not served")]
    NotServed { api: ApiKey, version: i16 },
    #[error("{api} has no version {version}")]
    UnsupportedVersion { api: ApiKey, version: i16 },
    #[error("{api} requests may have {limit} bytes, not {size}")]
    TooLarge {
        api: ApiKey,
        size: usize,
        limit: usize,
    },
    #[error(transparent)]
    Malformed(#[from] DecodeError),
}

/// Tells from a frame's first bytes, its API key and version, and from its size whether to read on.
pub fn admit(
    prefix: [u8; API_PREFIX_BYTES],
    frame_bytes: usize,
) -> Result<&'static Api, FrameError> {
    let [key_high, key_low, version_high, version_low] = prefix;
    let code = i16::from_be_bytes([key_high, key_low]);
    let version = i16::from_be_bytes([version_high, version_low]);
    let api_key = ApiKey::from_code(code).ok_or(FrameError::UnknownApi { key: code, version })?;
    let api = api_key.served().ok_or(FrameError::NotServed {
        api: api_key,
        version,
    })?;
    if !api.can_parse(version) && api_key != ApiKey::ApiVersions {
        return Err(FrameError::UnsupportedVersion {
            api: api_key,
            version,
        });
    }
    match limits::max_request_bytes(api_key) {
        Some(limit) if frame_bytes > limit => Err(FrameError::TooLarge {
            api: api_key,
            size: frame_bytes,
            limit,
        }),
        _ => Ok(api),
    }
}

impl RequestHeader {
    /// As much of the client id as a log line has room for.
    pub fn logged_client_id(&self) -> Option<&str> {
        let id = self.client_id.as_deref()?;
        id.get(..id.floor_char_boundary(LOGGED_CLIENT_ID_BYTES))
    }

    /// Decodes the header of a frame that [`admit`] lets through.
    pub fn decode(frame: &[u8]) -> Result<RequestHeader, FrameError> {
        let mut reader = Reader::new(frame);
        let prefix = reader.array::<API_PREFIX_BYTES>()?;
        let api = admit(prefix, frame.len())?;
        let api_version = i16::from_be_bytes([prefix[2], prefix[3]]);
        let correlation_id = reader.i32()?;
        let client_id = client_id(&mut reader)?;
        if api.request_header_version(api_version) >= 2 {
            reader.skip_tagged_fields()?;
        }
        Ok(RequestHeader {
            api_key: api.key,
            api_version,
            correlation_id,
            client_id,
            body_offset: frame.len() - reader.remaining(),
            is_unknown_api_versions: !api.can_parse(api_version),
        })
    }
}

/// The client id in what has come of a frame that is refused, as far as it came and a log line has room for. It has the
/// same place in every header that clients send, whatever API and version.
pub fn peek_client_id(frame: &[u8]) -> Option<Cow<'_, str>> {
    let (length, text) = frame.get(CLIENT_ID_AT..)?.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
    let end = length.min(text.len()).min(LOGGED_CLIENT_ID_BYTES);
    text.get(..end).map(String::from_utf8_lossy)
}

/// The client id keeps its two-byte length in the flexible header too, so that any header can be read up to it.
fn client_id(reader: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    let at = At {
        version: 1,
        flexible: false,
        nullable: true,
    };
    String::read_nullable(reader, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(api: i16, version: i16, rest: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.extend(api.to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(7i32.to_be_bytes());
        frame.extend(rest);
        frame
    }

    #[test]
    fn header_versions_differ_by_their_tagged_fields() {
        let v1 = RequestHeader::decode(&frame(3, 8, b"\x00\x02me")).unwrap();
        assert_eq!(
            (v1.correlation_id, v1.client_id.as_deref()),
            (7, Some("me"))
        );
        assert_eq!(v1.body_offset, 12);
        let v2 = RequestHeader::decode(&frame(3, 9, b"\xff\xff\x01\x05\x02xy")).unwrap();
        assert_eq!((v2.client_id, v2.body_offset), (None, 15));
    }

    #[test]
    fn only_api_versions_survives_an_unknown_version() {
        let header = RequestHeader::decode(&frame(18, 99, b"\xff\xff\x00")).unwrap();
        assert!(header.is_unknown_api_versions);
        assert!(matches!(
            RequestHeader::decode(&frame(3, 99, b"\xff\xff\x00")),
            Err(FrameError::UnsupportedVersion {
                api: ApiKey::Metadata,
                version: 99
            })
        ));
        assert!(matches!(
            RequestHeader::decode(&frame(0, 2, b"\xff\xff")),
            Err(FrameError::UnsupportedVersion {
                api: ApiKey::Produce,
                version: 2
            })
        ));
    }

    #[test]
    fn refuses_what_is_not_served_or_cut_short() {
        assert_eq!(
            RequestHeader::decode(&frame(52, 0, b"")),
            Err(FrameError::NotServed {
                api: ApiKey::Vote,
                version: 0
            })
        );
        assert_eq!(
            RequestHeader::decode(&frame(999, 0, b"")),
            Err(FrameError::UnknownApi {
                key: 999,
                version: 0
            })
        );
        let whole = frame(3, 9, b"\x00\x02me\x00");
        for len in 0..whole.len() {
            assert!(RequestHeader::decode(&whole[..len]).is_err());
        }
    }

    #[test]
    fn a_client_id_is_peeked_at_as_far_as_it_is_here() {
        let whole = frame(999, 0, b"\x00\x04na\xffe\x00");
        let peeked = |length| peek_client_id(&whole[..length]);
        assert_eq!(peeked(whole.len()).as_deref(), Some("na\u{fffd}e"));
        assert_eq!(peeked(12).as_deref(), Some("na"));
        assert_eq!((peeked(9), peeked(0)), (None, None));
        assert_eq!(peek_client_id(&frame(3, 9, b"\xff\xff")), None);
        let long = frame(3, 9, &[&b"\x7f\xff"[..], &[b'x'; 40_000]].concat());
        assert_eq!(peek_client_id(&long).unwrap().len(), LOGGED_CLIENT_ID_BYTES);
    }

    #[test]
    fn caps_the_size_by_api() {
        let heartbeat = frame(12, 0, &vec![0; 1 << 20]);
        assert!(matches!(
            RequestHeader::decode(&heartbeat),
            Err(FrameError::TooLarge { .. })
        ));
    }
}
