//! Random numbers, handed in: a decision draws from a seed that came with its request.

use uuid::{Builder, Uuid};

use crate::image::directory;

/// A sequence fixed by its seed (two streams of Vigna's SplitMix64 side by side).
#[derive(Debug, Clone)]
pub struct Entropy {
    high: u64,
    low: u64,
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Entropy {
    pub fn from_seed(seed: u128) -> Entropy {
        let [high, low] = [(seed >> 64) as u64, seed as u64];
        Entropy { high, low }
    }

    fn next(&mut self) -> u128 {
        self.high = self.high.wrapping_add(GOLDEN_GAMMA);
        self.low = self.low.wrapping_add(GOLDEN_GAMMA);
        (u128::from(mixed(self.high)) << 64) | u128::from(mixed(self.low))
    }

    /// A number below `bound`; 0 if there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = (bound as u128).max(1);
        (self.next() % bound) as usize
    }

    /// A random id. Kafka's tools take an id as an argument, so none begins with a dash.
    pub(crate) fn topic_id(&mut self) -> Uuid {
        loop {
            let id = Builder::from_random_bytes(self.next().to_be_bytes()).into_uuid();
            if !prints_with_leading_dash(id) && !directory::is_reserved(id) {
                return id;
            }
        }
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// In base64url the first character stands for the first six bits, and 62 is the dash.
fn prints_with_leading_dash(id: Uuid) -> bool {
    id.as_u128() >> 122 == 62
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_follow_from_the_seed() {
        let draw = |seed| {
            let mut entropy = Entropy::from_seed(seed);
            (0..1000).map(|_| entropy.topic_id()).collect::<Vec<_>>()
        };
        let ids = draw(7);
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 1000);
        assert_eq!(ids, draw(7));
        assert_ne!(ids, draw(8));
        assert!(
            ids.iter()
                .all(|id| !prints_with_leading_dash(*id) && id.get_version_num() == 4)
        );
    }
}
