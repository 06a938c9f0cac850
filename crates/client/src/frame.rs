//! Requests to bytes and answers back: header, body, and nothing about sockets.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

/// Why a frame cannot be written or understood; the connection adds the address and the API.
pub(crate) type FrameError = String;

/// A whole frame, length prefix included.
pub(crate) fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: &str,
) -> Result<Bytes, FrameError> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_string(client_id.to_owned())));
    let mut body = BytesMut::new();
    header
        .encode(&mut body, R::header_version(version))
        .and_then(|()| request.encode(&mut body, version))
        .map_err(|error| error.to_string())?;
    let length = i32::try_from(body.len()).map_err(|_| "larger than 2 GiB".to_owned())?;
    let mut frame = BytesMut::with_capacity(4 + body.len());
    frame.put_i32(length);
    frame.put(body);
    Ok(frame.freeze())
}

/// Takes the body out of a frame (without its length prefix).
pub(crate) fn decode_response<R: Request>(
    mut frame: Bytes,
    version: i16,
) -> Result<R::Response, FrameError> {
    let header_version = R::Response::header_version(version);
    ResponseHeader::decode(&mut frame, header_version)
        .and_then(|_| R::Response::decode(&mut frame, version))
        .map_err(|error| error.to_string())
}

/// The API that `R` belongs to. Every request type's key is one of `kafka-protocol`'s own.
pub(crate) fn api_of<R: Request>() -> ApiKey {
    ApiKey::try_from(R::KEY).unwrap_or(ApiKey::ApiVersions)
}
