//! A frame as it comes from a connection: its header, then the request that the header names.

use bytes::BytesMut;
use wire::codec::Message;
use wire::request::*;
use wire::{ApiKey, RequestHeader};

pub fn run(frame: &[u8]) {
    let Ok(header) = RequestHeader::decode(frame) else {
        return;
    };
    if header.is_unknown_api_versions {
        return;
    }
    let body = frame
        .get(header.body_offset..)
        .expect("the body begins inside the frame");
    if header.api_key == ApiKey::Produce {
        walk_produce(body, header.api_version);
    } else {
        decode(header.api_key, body, header.api_version);
    }
}

/// What decodes encodes, to what decodes to the same.
fn round_trip<M: Message + PartialEq + std::fmt::Debug>(body: &[u8], version: i16) {
    let Ok(message) = M::decode(body, version) else {
        return;
    };
    let mut encoded = BytesMut::new();
    message
        .encode(&mut encoded, version)
        .expect("what was read can be written");
    let again = M::decode(&encoded, version).expect("what was written can be read");
    assert_eq!(message, again);
}

fn walk_produce(body: &[u8], version: i16) {
    let mut body = body.to_vec();
    let Ok(request) = ProduceRequest::decode(&body, version) else {
        return;
    };
    for partition in request.partitions(&mut body) {
        let partition = partition.expect("the structure was checked");
        if let Some(records) = partition.records {
            for batch in format::batches(records).flatten() {
                let _ = format::check_crc(batch.bytes);
            }
        }
    }
}

macro_rules! decoders {
    ($($api:ident($request:ident);)*) => {
        fn decode(api_key: ApiKey, body: &[u8], version: i16) {
            match api_key {
                $( ApiKey::$api => round_trip::<$request>(body, version), )*
                other => panic!("{other} is served and has no decoder here"),
            }
        }
    };
}

wire::for_each_request!(decoders);
