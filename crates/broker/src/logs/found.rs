//! Which directories were found to hold a partition, and for which topic each was made.

use std::collections::HashMap;

use store::PartitionName;
use uuid::Uuid;

/// A partition's directory: in which entry of `log.dirs` it is, and the id of its topic if it says one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) dir: usize,
    pub(super) topic_id: Option<Uuid>,
}

/// Several may have one name: of topics that came and went while a disk was away.
#[derive(Debug, Default)]
pub(super) struct Found(HashMap<PartitionName, Vec<Place>>);

impl Found {
    /// False if nobody can tell this one from another.
    pub(super) fn add(&mut self, name: PartitionName, place: Place) -> bool {
        let places = self.0.entry(name).or_default();
        let is_alone = places.iter().all(|other| other.topic_id != place.topic_id);
        places.push(place);
        is_alone
    }

    /// Where the topic's partition is. One that does not say whose it is, is it only if no other one says so.
    pub(super) fn place_of(&self, name: &PartitionName, topic_id: Uuid) -> Option<Place> {
        let places = self.0.get(name)?;
        let of = |id: Option<Uuid>| places.iter().find(|place| place.topic_id == id).copied();
        of(Some(topic_id)).or_else(|| of(None))
    }

    pub(super) fn forget(&mut self, name: &PartitionName) {
        self.0.remove(name);
    }

    pub(super) fn forget_in(&mut self, name: &PartitionName, dir: usize) {
        if let Some(places) = self.0.get_mut(name) {
            places.retain(|place| place.dir != dir);
        }
    }

    pub(super) fn forget_topic(&mut self, topic: &str) {
        self.0.retain(|name, _| name.topic != topic);
    }
}
