//! Random instances of declared messages, with values only where a version has fields. For tests.

use bytes::Bytes;
use uuid::Uuid;

use crate::codec::At;

/// A splitmix64 generator: a test's case is one number.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> usize {
        (self.next() % bound) as usize
    }
}

pub(crate) trait Random {
    fn random(dice: &mut Dice, at: At) -> Self;
}

macro_rules! random_integers {
    ($($type:ty)*) => { $(
        impl Random for $type {
            /// Small numbers as often as large ones, so that defaults occur too.
            fn random(dice: &mut Dice, _: At) -> Self {
                let number = dice.next();
                (if number.is_multiple_of(2) { number >> 1 } else { (number >> 1) % 4 }) as $type
            }
        }
    )* };
}

random_integers! { i8 i16 u16 i32 u32 i64 }

impl Random for f64 {
    fn random(dice: &mut Dice, _: At) -> Self {
        dice.below(1_000) as f64 / 8.0
    }
}

impl Random for bool {
    fn random(dice: &mut Dice, _: At) -> Self {
        dice.below(2) == 1
    }
}

impl Random for Uuid {
    fn random(dice: &mut Dice, _: At) -> Self {
        match dice.below(4) {
            0 => Uuid::nil(),
            _ => Uuid::from_u64_pair(dice.next(), dice.next()),
        }
    }
}

impl Random for String {
    fn random(dice: &mut Dice, _: At) -> Self {
        (0..dice.below(5))
            .map(|_| ['a', 'é', '€', '𝄞', '-'][dice.below(5)])
            .collect()
    }
}

impl Random for Bytes {
    fn random(dice: &mut Dice, _: At) -> Self {
        (0..dice.below(200)).map(|_| dice.next() as u8).collect()
    }
}

impl<T: Random> Random for Vec<T> {
    fn random(dice: &mut Dice, at: At) -> Self {
        (0..dice.below(4))
            .map(|_| T::random(dice, at.nullable(false)))
            .collect()
    }
}

impl<T: Random> Random for Option<T> {
    fn random(dice: &mut Dice, at: At) -> Self {
        (!at.nullable || dice.below(3) > 0).then(|| T::random(dice, at))
    }
}
