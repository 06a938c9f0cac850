//! Record values: slices of a pool of text that compresses about as well as what people log.

use std::fmt::Write;

const POOL_BYTES: usize = 8 << 20;
const ITEMS: [&str; 8] = [
    "apples", "pears", "bread", "butter", "coffee", "paper", "candles", "soap",
];

/// A small generator of numbers that need not be good, only cheap and the same in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(bound).unwrap_or(0)
    }
}

/// The text that records are cut from. Making it takes a while, so clients share one.
pub(crate) struct Pool {
    text: String,
    size_bytes: usize,
}

impl Pool {
    /// A pool of values of `size_bytes` each.
    pub(crate) fn new(size_bytes: usize) -> Self {
        let mut numbers = Numbers::seeded(1);
        let mut text = String::with_capacity(POOL_BYTES + size_bytes + 256);
        while text.len() < POOL_BYTES + size_bytes {
            let item = numbers.below(ITEMS.len() as u64) as usize;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                r#"{{"order":{},"customer":"c-{}","item":"{}","amount":{}.{:02},"session":"{:016x}"}}"#,
                numbers.below(1_000_000_000),
                numbers.below(100_000),
                ITEMS.get(item).unwrap_or(&"nothing"),
                numbers.below(1_000),
                numbers.below(100),
                numbers.below(u64::MAX),
            );
        }
        Self { text, size_bytes }
    }

    /// Values from anywhere in the pool.
    pub(crate) fn payloads(&self, seed: u64) -> Payloads<'_> {
        Payloads {
            pool: self,
            numbers: Numbers::seeded(seed),
        }
    }
}

pub(crate) struct Payloads<'a> {
    pool: &'a Pool,
    numbers: Numbers,
}

impl<'a> Payloads<'a> {
    pub(crate) fn next(&mut self) -> &'a [u8] {
        let start = self.numbers.below(POOL_BYTES as u64) as usize;
        let end = start + self.pool.size_bytes;
        let text = self.pool.text.as_bytes();
        text.get(start..end).unwrap_or_default()
    }
}
