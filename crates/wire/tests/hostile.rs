//! Whatever arrives, decoding neither panics nor holds more than a small multiple of what arrived.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![allow(unreachable_pub, reason = "the support module")]

mod support;

use std::hint::black_box;

use peak_alloc::PeakAlloc;
use support::{DECLARED, Golden, golden, max_version, round_trip};
use wire::codec::Message;
use wire::records::control::ControlRecord;
use wire::records::coordinator::{GroupRecord, ShareRecord, TransactionRecord};
use wire::records::metadata::MetadataRecord;
use wire::request::{JoinGroupRequest, ProduceRequest, TopicRef};
use wire::{DecodeError, RequestHeader, limits};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const CASES_PER_MESSAGE: u64 = 400;

/// One test, because the allocator's counters are the process's.
#[test]
fn nothing_hostile_panics_or_takes_much_memory() {
    let mut dice = Dice(7);
    let mut failures = 0;
    for golden in golden() {
        for _ in 0..CASES_PER_MESSAGE {
            let parts: Vec<Vec<u8>> = golden
                .parts
                .iter()
                .map(|part| spoil(part, &mut dice))
                .collect();
            let received = parts.iter().map(Vec::len).max().unwrap();
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            let decoded = decode(&golden, &parts);
            let held = ALLOCATED.peak_usage() - before;
            // What was decoded, and what it was encoded to again.
            let allowed = limits::max_array_bytes(received) + 4 * received + 4096;
            assert!(
                held <= allowed,
                "{held} bytes held for {received}: {golden:?}"
            );
            failures += u64::from(!decoded);
        }
    }
    assert!(failures > 10_000, "only {failures} were refused: too tame");
    a_count_is_refused_before_it_is_reserved();
    random_bytes_under_every_name(&mut dice);
}

/// Decodes as the message's kind demands, and tells whether that succeeded.
fn decode(golden: &Golden, parts: &[Vec<u8>]) -> bool {
    let first = &parts[0][..];
    let second = parts.get(1).map(|value| &value[..]);
    let version = golden.version;
    match golden.kind {
        "metadata" => black_box(MetadataRecord::decode(first)).is_ok(),
        "group" => black_box(GroupRecord::decode(first, second)).is_ok(),
        "transaction" => black_box(TransactionRecord::decode(first, second)).is_ok(),
        "share" => black_box(ShareRecord::decode(first, second)).is_ok(),
        "control" => {
            (0..8).all(|kind| black_box(ControlRecord::decode(&[0, 0, 0, kind], first)).is_ok())
        }
        _ if golden.name == "ProduceRequest" => walk(first, version).is_ok(),
        _ if max_version(golden.name).is_none_or(|max| version > max) => {
            RequestHeader::decode(first).is_ok()
        }
        _ => black_box(round_trip(golden.name, first, version))
            .unwrap()
            .is_ok(),
    }
}

fn walk(body: &[u8], version: i16) -> Result<usize, DecodeError> {
    let mut body = body.to_vec();
    let request = ProduceRequest::decode(&body, version)?;
    let mut sum = 0;
    for partition in request.partitions(&mut body) {
        let partition = partition.unwrap();
        sum += partition.records.map_or(0, |records| records.len());
        sum += match partition.topic {
            TopicRef::Name(name) => name.len(),
            TopicRef::Id(_) => 16,
        };
    }
    Ok(sum)
}

/// Cuts, flips, inserts, and writes lengths that promise far too much.
fn spoil(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    const PROMISES: [&[u8]; 6] = [
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x80, 0, 0, 0],
        &[0x7f, 0xff],
        &[0xff, 0x7f],
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(5) {
            0 => bytes.truncate(at),
            1 => bytes[at..]
                .iter_mut()
                .take(1)
                .for_each(|byte| *byte ^= 1 << dice.below(8)),
            2 => bytes.insert(at, dice.below(256) as u8),
            3 => {
                let promise = PROMISES[dice.below(PROMISES.len())];
                let end = (at + promise.len()).min(bytes.len());
                bytes.splice(at..end, promise.iter().copied());
            }
            _ => bytes.extend((0..dice.below(64)).map(|_| dice.below(3) as u8)),
        }
    }
    bytes
}

fn a_count_is_refused_before_it_is_reserved() {
    // Many empty protocols in version 6: group id, two timeouts, member, no instance, type, and a count.
    let mut body = vec![1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1];
    body.extend([0xff, 0xff, 0xff, 0xff, 0x07]);
    assert!(matches!(
        JoinGroupRequest::decode(&body, 6),
        Err(DecodeError::CountTooLarge { .. })
    ));

    // A million of them that are there indeed: 3 bytes each here, 56 in memory.
    body.truncate(12);
    let count = 1_000_001u32;
    body.extend([
        count as u8 | 0x80,
        (count >> 7) as u8 | 0x80,
        (count >> 14) as u8,
    ]);
    body.resize(body.len() + 3_000_001, 1);
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    assert!(matches!(
        JoinGroupRequest::decode(&body, 6),
        Err(DecodeError::TooMuchMemory(_))
    ));
    assert!(ALLOCATED.peak_usage() - before < 1024);
}

fn random_bytes_under_every_name(dice: &mut Dice) {
    for name in DECLARED {
        for _ in 0..CASES_PER_MESSAGE {
            let bytes: Vec<u8> = (0..dice.below(300))
                .map(|_| dice.below(256) as u8)
                .collect();
            for version in 0..=max_version(name).unwrap() {
                let _ = black_box(round_trip(name, &bytes, version));
            }
        }
    }
}

struct Dice(u64);

impl Dice {
    /// The next number of a xorshift generator, below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % bound
    }
}
