//! Where the latest answers out of a segment ended. A reader goes on where it stopped, so that its next read needs no look
//! into the index.

use parking_lot::Mutex;

use crate::limits::TRAIL_PLACES;
use crate::scan::BatchAt;

#[derive(Debug, Default)]
pub(crate) struct Trail(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    latest: [Option<Place>; TRAIL_PLACES],
    oldest: usize,
}

/// The first batch that ends at or after `offset`, once there is one, begins at or after `position`: what is published stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: i64,
    pub(crate) position: u32,
}

impl From<&BatchAt> for Place {
    /// Where the batch begins.
    fn from(batch: &BatchAt) -> Self {
        Self {
            offset: batch.header.base_offset,
            position: batch.position,
        }
    }
}

impl Trail {
    pub(crate) fn note(&self, place: Place) {
        let mut places = self.0.lock();
        if places.latest.contains(&Some(place)) {
            return;
        }
        let oldest = places.oldest;
        if let Some(forgotten) = places.latest.get_mut(oldest) {
            *forgotten = Some(place);
        }
        places.oldest = (oldest + 1) % TRAIL_PLACES;
    }

    pub(crate) fn position_of(&self, offset: i64) -> Option<u32> {
        let places = self.0.lock();
        let mut known = places.latest.iter().flatten();
        let found = known.find(|place| place.offset == offset);
        found.map(|place| place.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_places_are_known() {
        let trail = Trail::default();
        let place = |offset| Place {
            offset,
            position: offset as u32 * 10,
        };
        assert_eq!(trail.position_of(0), None);
        for offset in 0..20 {
            trail.note(place(offset));
            for known in 0..20 {
                let is_known = known <= offset && known > offset - TRAIL_PLACES as i64;
                assert_eq!(trail.position_of(known).is_some(), is_known);
            }
            trail.note(place(offset));
        }
        assert_eq!(trail.position_of(19), Some(190));
    }
}
