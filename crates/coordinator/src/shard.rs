//! One partition of `__consumer_offsets`: its groups, their offsets, and the timers that move them.
//!
//! Offsets and removals are decided as records and take effect by being applied, live as in recovery. A group's record
//! sums up what its members have already agreed on in memory; recovery rebuilds the group from it.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use uuid::Uuid;
use wire::records::coordinator::GroupRecord;

use crate::config::GroupConfig;
use crate::delete::{self, DeleteGroupError};
use crate::describe::{self, DescribeGroupError, GroupFilter};
use crate::effects::{Effects, Token};
use crate::group::Group;
use crate::heartbeat::{self, HeartbeatError, HeartbeatRequest};
use crate::join::{self, JoinError, JoinRequest};
use crate::leave::{self, LeaveError, LeaveMemberError, LeavingMember};
use crate::now::Now;
use crate::offset_commit::{
    self, OffsetCommitError, OffsetCommitPartitionError, OffsetCommitRequest,
};
use crate::offset_delete::{self, OffsetDeleteError, OffsetDeletePartitionError};
use crate::offset_fetch::{self, FetchedOffset};
use crate::offsets::Offsets;
use crate::rebalance::{self, Turn};
use crate::records::{self, RecordTooLarge};
use crate::state::GroupState;
use crate::sync::{self, SyncError, SyncRequest};
use crate::timers::{Timer, Timers};

#[derive(Debug)]
pub struct Shard {
    pub(crate) config: GroupConfig,
    pub(crate) groups: HashMap<Arc<str>, Group>,
    pub(crate) offsets: Offsets,
    timers: Timers,
}

/// The requests, one method each. `now` is the present moment.
impl Shard {
    /// Answers through `effects`, at once or later, with `token`. `entropy` makes the id of a new member.
    pub fn join(
        &mut self,
        request: JoinRequest,
        token: Token,
        entropy: Uuid,
        now: Now,
        effects: &mut Effects,
    ) {
        if let Err(error) = join::check(&request, &self.config) {
            effects
                .joins
                .push((token, join::refused(&request.member_id, error)));
            return;
        }
        if !self.groups.contains_key(&*request.group_id)
            && let Err(error) = self.found_group(&request, now, effects)
        {
            let refusal = join::refused(&request.member_id, error);
            effects.joins.push((token, refusal));
            return;
        }
        if let Some((group, mut turn)) = self.group(&request.group_id.clone(), now, effects) {
            join::join(group, request, token, entropy, &mut turn);
        }
    }

    /// Answers through `effects`, at once or later, with `token`.
    pub fn sync(&mut self, request: SyncRequest, token: Token, now: Now, effects: &mut Effects) {
        if request.group_id.is_empty() {
            effects
                .syncs
                .push((token, sync::refused(SyncError::InvalidGroupId)));
            return;
        }
        match self.group(&request.group_id.clone(), now, effects) {
            Some((group, mut turn)) => sync::sync(group, request, token, &mut turn),
            None => effects
                .syncs
                .push((token, sync::refused(SyncError::UnknownMemberId))),
        }
    }

    pub fn heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        now: Now,
    ) -> Result<(), HeartbeatError> {
        if request.group_id.is_empty() {
            return Err(HeartbeatError::InvalidGroupId);
        }
        let mut effects = Effects::default();
        let (group, mut turn) = self
            .group(&request.group_id, now, &mut effects)
            .ok_or(HeartbeatError::UnknownMemberId)?;
        heartbeat::heartbeat(group, request, &mut turn)
    }

    /// One result for each of `members`.
    pub fn leave(
        &mut self,
        group_id: &str,
        members: &[LeavingMember],
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), LeaveMemberError>>, LeaveError> {
        if group_id.is_empty() {
            return Err(LeaveError::InvalidGroupId);
        }
        match self.group(group_id, now, effects) {
            Some((group, mut turn)) => Ok(leave::leave(group, members, &mut turn)),
            None => Ok(members
                .iter()
                .map(|_| Err(LeaveMemberError::UnknownMemberId))
                .collect()),
        }
    }

    /// One result for each of the request's offsets.
    pub fn commit_offsets(
        &mut self,
        request: &OffsetCommitRequest,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), OffsetCommitPartitionError>>, OffsetCommitError> {
        let group_id = request.group_id.as_str();
        if !self.groups.contains_key(group_id) {
            if request.generation_id >= 0 {
                return Err(OffsetCommitError::GroupIdNotFound);
            }
            self.ensure_group(group_id, now.wall_ms);
        }
        if let Some((group, mut turn)) = self.group(group_id, now, effects) {
            offset_commit::check(group, request)?;
            if matches!(
                group.state(),
                GroupState::Stable | GroupState::PreparingRebalance
            ) {
                turn.extend_session(group, &request.member_id);
            }
        }
        let metadata_max_size = self.config.offset_metadata_max_size;
        let max_batch_bytes = self.config.max_batch_bytes;
        let commit = |offset: &offset_commit::OffsetCommit| {
            offset.check(metadata_max_size)?;
            let committed = offset.committed(request.retention_time_ms, now.wall_ms);
            let record =
                records::store_offset(group_id, &offset.topic, offset.partition, &committed);
            records::check_size(&record, max_batch_bytes)?;
            self.decide(record, now, effects);
            Ok(())
        };
        Ok(request.offsets.iter().map(commit).collect())
    }

    /// What the group has committed for `partitions` of a topic, in their order. A nil topic id matches any.
    pub fn fetch_offsets(
        &self,
        group_id: &str,
        topic: &str,
        topic_id: Uuid,
        partitions: &[i32],
    ) -> Vec<FetchedOffset> {
        offset_fetch::of_partitions(&self.offsets, group_id, topic, topic_id, partitions)
    }

    /// All that the group has committed, by topic.
    pub fn fetch_all_offsets(&self, group_id: &str) -> Vec<(String, Vec<FetchedOffset>)> {
        offset_fetch::of_all_topics(&self.offsets, group_id)
    }

    /// One result for each of `partitions`, which are pairs of topic and partition.
    pub fn delete_offsets(
        &mut self,
        group_id: &str,
        partitions: &[(String, i32)],
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<Result<(), OffsetDeletePartitionError>>, OffsetDeleteError> {
        if group_id.is_empty() {
            return Err(OffsetDeleteError::InvalidGroupId);
        }
        let group = self
            .groups
            .get(group_id)
            .ok_or(OffsetDeleteError::GroupIdNotFound)?;
        offset_delete::check(group)?;
        let mut results = Vec::with_capacity(partitions.len());
        let mut removed = Vec::new();
        for (topic, partition) in partitions {
            if group.is_subscribed_to(topic) {
                results.push(Err(OffsetDeletePartitionError::GroupSubscribedToTopic));
                continue;
            }
            results.push(Ok(()));
            if self.offsets.get(group_id, topic, *partition).is_some() {
                removed.push(records::forget_offset(group_id, topic, *partition));
            }
        }
        self.decide_all(removed, now, effects);
        Ok(results)
    }

    pub fn describe_group(&self, group_id: &str) -> Result<DescribedGroup, DescribeGroupError> {
        self.groups
            .get(group_id)
            .map(describe::describe)
            .ok_or(DescribeGroupError::GroupIdNotFound)
    }

    pub fn list_groups(&self, filter: &GroupFilter) -> Vec<ListedGroup> {
        describe::list(self.groups.values(), filter)
    }

    pub fn delete_group(
        &mut self,
        group_id: &str,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), DeleteGroupError> {
        let group = self.groups.get(group_id);
        delete::check(group)?;
        let mut removed = Vec::new();
        for (topic, partitions) in self.offsets.of_group(group_id).into_iter().flatten() {
            removed.extend(
                partitions
                    .keys()
                    .map(|partition| records::forget_offset(group_id, topic, *partition)),
            );
        }
        removed.extend(group.map(records::forget_group));
        self.decide_all(removed, now, effects);
        Ok(())
    }
}

/// The life of a shard.
impl Shard {
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: HashMap::new(),
            offsets: Offsets::default(),
            timers: Timers::default(),
        }
    }

    /// Follows `max.message.bytes` of the offsets topic, which may change at any time.
    pub fn set_max_batch_bytes(&mut self, max_batch_bytes: usize) {
        self.config.max_batch_bytes = max_batch_bytes;
    }

    /// Takes in a record of the partition's log at `now_ms`, in milliseconds since 1970. Records of groups that are not classic are passed over.
    pub fn replay(&mut self, record: GroupRecord, now_ms: i64) {
        match record {
            GroupRecord::OffsetCommit(key, Some(value)) => {
                let committed = records::restore_offset(value);
                self.ensure_group(&key.group, now_ms);
                self.offsets
                    .put(&key.group, &key.topic, key.partition, committed);
            }
            GroupRecord::OffsetCommit(key, None) => {
                self.offsets.remove(&key.group, &key.topic, key.partition)
            }
            GroupRecord::LegacyOffsetCommit(key, Some(value)) => {
                let committed = records::restore_legacy_offset(
                    value.offset,
                    value.metadata,
                    value.commit_timestamp,
                );
                self.ensure_group(&key.group, now_ms);
                self.offsets
                    .put(&key.group, &key.topic, key.partition, committed);
            }
            GroupRecord::LegacyOffsetCommit(key, None) => {
                self.offsets.remove(&key.group, &key.topic, key.partition)
            }
            GroupRecord::GroupMetadata(key, Some(value)) => {
                let id: Arc<str> = key.group.into();
                self.groups
                    .insert(Arc::clone(&id), records::restore_group(id, value));
            }
            GroupRecord::GroupMetadata(key, None) => self.forget_group(&key.group),
            other => tracing::debug!(
                record_type = other.record_type(),
                "record of another kind of group"
            ),
        }
    }

    /// All of the log has been replayed: members have a session timeout from now to show up.
    pub fn loaded(&mut self, now: Now, effects: &mut Effects) {
        self.schedule_expiry(now);
        let max_size = self.config.max_size;
        for id in self.group_ids() {
            let Some((group, mut turn)) = self.group(&id, now, effects) else {
                continue;
            };
            for member_id in group.members.ids() {
                turn.extend_session(group, &member_id);
            }
            if group.members.len() > max_size {
                rebalance::prepare(group, "the loaded group is over capacity", &mut turn);
            }
        }
    }

    /// When [`tick`](Self::tick) is due next, by the steady clock.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.timers.next_deadline_ms()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Now, effects: &mut Effects) {
        while let Some(timer) = self.timers.pop_due(now.steady_ms) {
            let group_id = match &timer {
                Timer::Session { group, .. } | Timer::Join { group } | Timer::Sync { group } => {
                    Arc::clone(group)
                }
                Timer::Expiry => {
                    self.expire_offsets(now, effects);
                    self.schedule_expiry(now);
                    continue;
                }
            };
            let Some((group, mut turn)) = self.group(&group_id, now, effects) else {
                continue;
            };
            match timer {
                Timer::Session { member, .. } => {
                    rebalance::session_is_over(group, &member, &mut turn)
                }
                Timer::Join { .. } => rebalance::join_time_is_over(group, &mut turn),
                Timer::Sync { .. } => rebalance::sync_time_is_over(group, &mut turn),
                Timer::Expiry => {}
            }
        }
    }

    fn schedule_expiry(&mut self, now: Now) {
        let interval_ms = self.config.offsets_retention_check_interval_ms;
        self.timers
            .schedule(Timer::Expiry, now.steady_ms.saturating_add(interval_ms));
    }

    /// Makes `record` take effect, here and, once appended, for good.
    fn decide(&mut self, record: GroupRecord, now: Now, effects: &mut Effects) {
        self.replay(record.clone(), now.wall_ms);
        effects.records.push(record);
    }

    pub(crate) fn decide_all(
        &mut self,
        records: Vec<GroupRecord>,
        now: Now,
        effects: &mut Effects,
    ) {
        for record in records {
            self.decide(record, now, effects);
        }
    }

    fn group<'a>(
        &'a mut self,
        id: &str,
        now: Now,
        effects: &'a mut Effects,
    ) -> Option<(&'a mut Group, Turn<'a>)> {
        let group = self.groups.get_mut(id)?;
        Some((
            group,
            Turn {
                config: &self.config,
                timers: &mut self.timers,
                effects,
                now,
            },
        ))
    }

    /// Begins the group that a first member asks for.
    fn found_group(
        &mut self,
        request: &JoinRequest,
        now: Now,
        effects: &mut Effects,
    ) -> Result<(), JoinError> {
        if !request.member_id.is_empty() {
            return Err(JoinError::UnknownMemberId);
        }
        let id: Arc<str> = request.group_id.as_str().into();
        let group = Group::new(Arc::clone(&id), now.wall_ms);
        let record = records::store_new_group(&group, now.wall_ms);
        records::check_size(&record, self.config.max_batch_bytes)
            .map_err(|RecordTooLarge| JoinError::RecordTooLarge)?;
        effects.records.push(record);
        self.groups.insert(id, group);
        Ok(())
    }

    fn ensure_group(&mut self, id: &str, now_ms: i64) {
        if !self.groups.contains_key(id) {
            let id: Arc<str> = id.into();
            self.groups.insert(Arc::clone(&id), Group::new(id, now_ms));
        }
    }

    /// Removes a group and what is timed for it.
    fn forget_group(&mut self, id: &str) {
        let Some(group) = self.groups.remove(id) else {
            return;
        };
        let members = group
            .members
            .iter()
            .map(|member| &member.id)
            .chain(&group.pending_joins);
        for member in members {
            self.timers.cancel(&Timer::Session {
                group: Arc::clone(&group.id),
                member: Arc::clone(member),
            });
        }
        self.timers.cancel(&Timer::Join {
            group: Arc::clone(&group.id),
        });
        self.timers.cancel(&Timer::Sync {
            group: Arc::clone(&group.id),
        });
    }

    fn group_ids(&self) -> Vec<Arc<str>> {
        self.groups.keys().cloned().collect()
    }
}
