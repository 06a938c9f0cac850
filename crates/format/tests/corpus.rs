//! The fuzzer's corpus of record batches, replayed: what once taught it something stays taught.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "these files are shared with the fuzzer")]

#[path = "../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../fuzz/targets/batch.rs"]
mod target;

#[test]
fn the_corpus_is_replayed() {
    replay::corpus("batch", target::run);
}
