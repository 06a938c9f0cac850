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

pub(crate) struct Payloads {
    pool: String,
    numbers: Numbers,
    size_bytes: usize,
}

impl Payloads {
    pub(crate) fn new(size_bytes: usize, seed: u64) -> Self {
        let mut numbers = Numbers::seeded(seed);
        let mut pool = String::with_capacity(POOL_BYTES + size_bytes + 256);
        while pool.len() < POOL_BYTES + size_bytes {
            let item = numbers.below(ITEMS.len() as u64) as usize;
            // Writing to a string does not fail.
            let _ = writeln!(
                pool,
                r#"{{"order":{},"customer":"c-{}","item":"{}","amount":{}.{:02},"session":"{:016x}"}}"#,
                numbers.below(1_000_000_000),
                numbers.below(100_000),
                ITEMS.get(item).unwrap_or(&"nothing"),
                numbers.below(1_000),
                numbers.below(100),
                numbers.below(u64::MAX),
            );
        }
        Self {
            pool,
            numbers,
            size_bytes,
        }
    }

    pub(crate) fn next(&mut self) -> &[u8] {
        let start = self.numbers.below(POOL_BYTES as u64) as usize;
        self.pool
            .as_bytes()
            .get(start..start + self.size_bytes)
            .unwrap_or_default()
    }
}
