//! When a committed offset is forgotten (KIP-211).
//!
//! Offsets of a group without members expire when it has been empty for the retention; those of a consumer that never
//! was a member when they are that old; those of a group at work when they are that old and nobody subscribes to the
//! topic. A retention that the client asked for overrules.

use uuid::Uuid;
use wire::records::coordinator::GroupRecord;

use crate::effects::Effects;
use crate::group::Group;
use crate::now::Now;
use crate::offsets::CommittedOffset;
use crate::records;
use crate::shard::Shard;
use crate::state::GroupState;

impl Shard {
    /// A topic has been deleted, and with it what was committed for it.
    pub fn forget_topic(&mut self, topic: &str, topic_id: Uuid, now: Now, effects: &mut Effects) {
        let mut removed = Vec::new();
        for (group_id, topics) in self.offsets.groups() {
            for (partition, committed) in topics.get(topic).into_iter().flatten() {
                if committed.topic_id.is_nil() || committed.topic_id == topic_id {
                    removed.push(records::forget_offset(group_id, topic, *partition));
                }
            }
        }
        self.decide_all(removed, now, effects);
    }

    /// Forgets offsets that have expired, and groups of which nothing is left.
    pub(crate) fn expire_offsets(&mut self, now: Now, effects: &mut Effects) {
        let mut removed = Vec::new();
        for group in self.groups.values() {
            let expired = self.expired_offsets(group, now.wall_ms);
            let committed = self.offsets.of_group(&group.id).into_iter().flatten();
            let nothing_left = expired.len()
                == committed
                    .map(|(_, partitions)| partitions.len())
                    .sum::<usize>();
            removed.extend(expired);
            if nothing_left && group.state() == GroupState::Empty {
                removed.push(records::forget_group(group));
            }
        }
        self.decide_all(removed, now, effects);
    }

    fn expired_offsets(&self, group: &Group, now_ms: i64) -> Vec<GroupRecord> {
        let Some(from) = expire_from(group) else {
            return Vec::new();
        };
        let retention_ms = self.config.offsets_retention_ms;
        let mut expired = Vec::new();
        for (topic, partitions) in self.offsets.of_group(&group.id).into_iter().flatten() {
            if group.is_subscribed_to(topic) {
                continue;
            }
            for (partition, committed) in partitions {
                if from.is_expired(committed, retention_ms, now_ms) {
                    expired.push(records::forget_offset(&group.id, topic, *partition));
                }
            }
        }
        expired
    }
}

/// From when on the age of a group's offsets counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpireFrom {
    Commit,
    /// The time in milliseconds at which the group became empty.
    Empty(i64),
}

/// `None` while the group's offsets may not expire at all.
fn expire_from(group: &Group) -> Option<ExpireFrom> {
    if group.protocol_type.is_none() {
        return Some(ExpireFrom::Commit);
    }
    match group.state() {
        GroupState::Empty => Some(
            group
                .state_timestamp_ms
                .map_or(ExpireFrom::Commit, ExpireFrom::Empty),
        ),
        GroupState::Stable
            if group.uses_consumer_protocol() && group.subscribed_topics.is_some() =>
        {
            Some(ExpireFrom::Commit)
        }
        _ => None,
    }
}

impl ExpireFrom {
    fn is_expired(self, committed: &CommittedOffset, retention_ms: i64, now_ms: i64) -> bool {
        if let Some(expire_ms) = committed.expire_timestamp_ms {
            return now_ms >= expire_ms;
        }
        let since_ms = match self {
            Self::Commit => committed.commit_timestamp_ms,
            Self::Empty(since_ms) => since_ms,
        };
        now_ms.saturating_sub(since_ms) >= retention_ms
    }
}
