//! The head of a request frame: which API, which version, whose.
//!
//! A frame is what follows the four bytes of its size. Kafka closes the connection for everything that is refused here.

use crate::api::{Api, ApiKey};
use crate::codec::{At, DecodeError, Nullable, Reader};
use crate::limits::{self, API_PREFIX_BYTES};

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
    #[error("API key {0} is unknown")]
    UnknownApi(i16),
    #[error("{0} is not served")]
    NotServed(ApiKey),
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
    let api_key = ApiKey::from_code(code).ok_or(FrameError::UnknownApi(code))?;
    let api = api_key.served().ok_or(FrameError::NotServed(api_key))?;
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
            Err(FrameError::NotServed(ApiKey::Vote))
        );
        assert_eq!(
            RequestHeader::decode(&frame(999, 0, b"")),
            Err(FrameError::UnknownApi(999))
        );
        let whole = frame(3, 9, b"\x00\x02me\x00");
        for len in 0..whole.len() {
            assert!(RequestHeader::decode(&whole[..len]).is_err());
        }
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
