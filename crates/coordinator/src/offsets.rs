//! The offsets that groups have committed.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// How far a group has consumed one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    /// The offset of the next record to consume.
    pub(crate) offset: i64,
    /// The leader epoch of the last record consumed, or -1.
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    pub(crate) commit_timestamp_ms: i64,
    /// Set if the client asked for a retention of its own (OffsetCommit versions 2 to 4).
    pub(crate) expire_timestamp_ms: Option<i64>,
    /// Nil if the commit named its topic only.
    pub(crate) topic_id: Uuid,
}

pub(crate) type TopicOffsets = BTreeMap<String, BTreeMap<i32, CommittedOffset>>;

/// By group, topic and partition. *Invariant: no inner map is empty.*
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    by_group: HashMap<String, TopicOffsets>,
}

impl Offsets {
    pub(crate) fn of_group(&self, group_id: &str) -> Option<&TopicOffsets> {
        self.by_group.get(group_id)
    }

    pub(crate) fn get(
        &self,
        group_id: &str,
        topic: &str,
        partition: i32,
    ) -> Option<&CommittedOffset> {
        self.of_group(group_id)?.get(topic)?.get(&partition)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = (&String, &TopicOffsets)> {
        self.by_group.iter()
    }

    pub(crate) fn put(
        &mut self,
        group_id: &str,
        topic: &str,
        partition: i32,
        committed: CommittedOffset,
    ) {
        if !self.by_group.contains_key(group_id) {
            self.by_group
                .insert(group_id.to_owned(), TopicOffsets::new());
        }
        let Some(topics) = self.by_group.get_mut(group_id) else {
            return;
        };
        match topics.get_mut(topic) {
            Some(partitions) => {
                partitions.insert(partition, committed);
            }
            None => {
                topics.insert(topic.to_owned(), BTreeMap::from([(partition, committed)]));
            }
        }
    }

    pub(crate) fn remove(&mut self, group_id: &str, topic: &str, partition: i32) {
        let Some(topics) = self.by_group.get_mut(group_id) else {
            return;
        };
        let Some(partitions) = topics.get_mut(topic) else {
            return;
        };
        partitions.remove(&partition);
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.by_group.remove(group_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_group_whose_last_offset_goes() {
        let committed = CommittedOffset {
            offset: 5,
            leader_epoch: 1,
            metadata: String::new(),
            commit_timestamp_ms: 0,
            expire_timestamp_ms: None,
            topic_id: Uuid::nil(),
        };
        let mut offsets = Offsets::default();
        offsets.put("g", "t", 0, committed.clone());
        offsets.put("g", "t", 1, committed.clone());
        offsets.remove("g", "t", 0);
        assert_eq!(offsets.get("g", "t", 1), Some(&committed));
        offsets.remove("g", "t", 1);
        assert_eq!(offsets, Offsets::default());
    }
}
