//! The fuzzer's corpus of connections, replayed: what once taught it something stays taught.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "these files are shared with the fuzzer")]

#[path = "../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../fuzz/targets/frame.rs"]
mod target;

#[test]
fn the_corpus_is_replayed() {
    replay::corpus("frame", target::run);
}
