//! The fuzzer's corpus of record batches, replayed: what once taught it something stays taught.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "the target is shared with the fuzzer")]

#[path = "../../../fuzz/targets/batch.rs"]
mod target;

use std::path::Path;

#[test]
fn the_corpus_is_replayed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/batch");
    let mut count = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        // The name of the last one shows which input it was.
        println!("{}", path.display());
        target::run(&input);
        count += 1;
    }
    assert!(count > 10, "only {count} inputs");
}
