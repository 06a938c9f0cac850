//! The fuzzer's corpus of request frames, replayed: what once taught it something stays taught.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "these files are shared with the fuzzer")]

#[path = "../../../fuzz/replay.rs"]
mod replay;
mod support;
#[path = "../../../fuzz/targets/request.rs"]
mod target;

use std::path::Path;

use wire::Api;
use wire::api::SERVED;

#[test]
fn the_corpus_is_replayed() {
    replay::corpus("request", target::run);
}

/// Set `UPDATE_CORPUS=1` to write those that are missing.
#[test]
fn every_served_version_has_a_seed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/request");
    for api in SERVED {
        for version in api.versions() {
            let (seed, path) = (
                seed(api, version),
                corpus.join(format!("{}-{version}", api.key)),
            );
            if std::env::var_os("UPDATE_CORPUS").is_some() {
                std::fs::write(&path, &seed).unwrap();
            }
            let found = std::fs::read(&path).unwrap_or_default();
            assert!(
                found == seed,
                "{}: run UPDATE_CORPUS=1 cargo test -p wire",
                path.display()
            );
        }
    }
}

/// The first request of this version that Kafka wrote, with a header.
fn seed(api: &Api, version: i16) -> Vec<u8> {
    let name = format!("{}Request", api.key);
    let body = support::golden_of("request")
        .find(|golden| golden.name == name && golden.version == version)
        .unwrap_or_else(|| panic!("no {name} of version {version}"));
    let mut frame = Vec::new();
    frame.extend(api.key.code().to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7i32.to_be_bytes());
    frame.extend(b"\x00\x06client");
    if api.request_header_version(version) >= 2 {
        frame.push(0);
    }
    frame.extend(body.parts.first().expect("a golden has a body"));
    frame
}
