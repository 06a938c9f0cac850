//! Bytes and Kafka's messages: requests, responses and stored records. Sans-I/O.
//!
//! Whatever comes from the network is decoded here, by messages declared with one macro, never by `kafka-protocol`, whose
//! decoders reserve what a hostile length asks for. That crate supplies the response types and the error codes.
//!
//! *Invariant: no input makes this crate panic or hold more than a small multiple of the input's size.*

pub mod api;
pub mod codec;
pub mod consumer_protocol;
pub mod frame;
pub mod limits;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod random;
pub mod records;
pub mod request;
pub mod response;

pub use api::{Api, ApiKey};
pub use codec::{DecodeError, EncodeError, Message};
pub use frame::{FrameError, RequestHeader};
pub use kafka_protocol::ResponseError as ErrorCode;
pub use response::{Response, encode_response};
