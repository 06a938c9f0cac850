//! How a group moves from one generation to the next: wait for its members to join, hand out the result, wait for
//! the assignment.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use wire::records::coordinator::GroupRecord;

use crate::config::GroupConfig;
use crate::effects::Effects;
use crate::group::{Group, InitialDelay, str_bytes};
use crate::join::{self, JoinError};
use crate::member::Member;
use crate::now::Now;
use crate::records::{self, RecordTooLarge};
use crate::state::GroupState;
use crate::sync::{self, SyncError};
use crate::timers::{Timer, Timers};

/// What a step of a group's life may use besides the group.
pub(crate) struct Turn<'a> {
    pub(crate) config: &'a GroupConfig,
    pub(crate) timers: &'a mut Timers,
    pub(crate) effects: &'a mut Effects,
    pub(crate) now: Now,
}

impl Turn<'_> {
    pub(crate) fn schedule(&mut self, timer: Timer, delay_ms: i32) {
        self.timers.schedule(
            timer,
            self.now.steady_ms.saturating_add(i64::from(delay_ms)),
        );
    }

    pub(crate) fn check_size(&self, record: &GroupRecord) -> Result<(), RecordTooLarge> {
        records::check_size(record, self.config.max_batch_bytes)
    }

    /// Gives a member a full session timeout from now.
    pub(crate) fn extend_session(&mut self, group: &Group, member_id: &str) {
        if let Some(member) = group.members.get(member_id) {
            self.schedule(session_timer(group, member_id), member.session_timeout_ms);
        }
    }

    pub(crate) fn cancel_session(&mut self, group: &Group, member_id: &str) {
        self.timers.cancel(&session_timer(group, member_id));
    }

    pub(crate) fn answer_join(
        &mut self,
        group: &mut Group,
        member_id: &str,
        response: JoinGroupResponse,
    ) {
        if let Some(token) = group.members.take_join(member_id) {
            self.effects.joins.push((token, response));
        }
    }

    /// Whether there was a SyncGroup to answer.
    pub(crate) fn answer_sync(
        &mut self,
        group: &mut Group,
        member_id: &str,
        response: SyncGroupResponse,
    ) -> bool {
        let token = group.members.take_sync(member_id);
        if let Some(token) = token {
            self.effects.syncs.push((token, response));
        }
        token.is_some()
    }
}

fn session_timer(group: &Group, member_id: &str) -> Timer {
    Timer::Session {
        group: Arc::clone(&group.id),
        member: member_id.into(),
    }
}

fn join_timer(group: &Group) -> Timer {
    Timer::Join {
        group: Arc::clone(&group.id),
    }
}

pub(crate) fn sync_timer(group: &Group) -> Timer {
    Timer::Sync {
        group: Arc::clone(&group.id),
    }
}

/// Something about the members changed: begin a rebalance, or see whether that ends the present one.
pub(crate) fn react(group: &mut Group, reason: &str, turn: &mut Turn<'_>) {
    if group.state().can_rebalance() {
        prepare(group, reason, turn);
    } else {
        complete_join_if_all_joined(group, turn);
    }
}

/// Begins a rebalance. An empty group first waits for more members to come; any other only for those that it has.
pub(crate) fn prepare(group: &mut Group, reason: &str, turn: &mut Turn<'_>) {
    if group.state() == GroupState::CompletingRebalance {
        withdraw_assignment(group, SyncError::RebalanceInProgress, turn);
    }
    group.pending_syncs.clear();
    turn.timers.cancel(&sync_timer(group));
    tracing::debug!(group = %group.id, generation = group.generation_id, reason, "rebalance begins");

    let is_initial = group.state() == GroupState::Empty;
    group.transition_to(GroupState::PreparingRebalance, turn.now.wall_ms);
    if is_initial {
        let delay_ms = turn.config.initial_rebalance_delay_ms;
        let remaining_ms = group
            .members
            .rebalance_timeout_ms()
            .saturating_sub(delay_ms)
            .max(0);
        group.initial_delay = Some(InitialDelay {
            delay_ms,
            remaining_ms,
        });
        turn.schedule(join_timer(group), delay_ms);
    } else if group.has_all_members_joined() {
        complete_join(group, turn);
    } else {
        wait_for_members(group, turn);
    }
}

pub(crate) fn complete_join_if_all_joined(group: &mut Group, turn: &mut Turn<'_>) {
    let may_complete =
        group.state() == GroupState::PreparingRebalance && !group.is_initial_rebalance();
    if may_complete && group.has_all_members_joined() {
        complete_join(group, turn);
    }
}

/// The join timer went off.
pub(crate) fn join_time_is_over(group: &mut Group, turn: &mut Turn<'_>) {
    match group.initial_delay {
        Some(initial) if group.new_member_added && initial.remaining_ms != 0 => {
            group.new_member_added = false;
            let delay_ms = turn
                .config
                .initial_rebalance_delay_ms
                .min(initial.remaining_ms);
            let remaining_ms = initial.remaining_ms.saturating_sub(initial.delay_ms).max(0);
            group.initial_delay = Some(InitialDelay {
                delay_ms,
                remaining_ms,
            });
            turn.schedule(join_timer(group), delay_ms);
        }
        _ => complete_join(group, turn),
    }
}

/// Ends the join phase with whoever has joined: static members that have not may stay, dynamic ones are out.
pub(crate) fn complete_join(group: &mut Group, turn: &mut Turn<'_>) {
    turn.timers.cancel(&join_timer(group));
    group.initial_delay = None;
    let absent: Vec<_> = group
        .members
        .iter()
        .filter(|member| member.awaiting_join.is_none() && !member.is_static())
        .map(|member| Arc::clone(&member.id))
        .collect();
    for member_id in absent {
        tracing::debug!(group = %group.id, member = %member_id, "member did not rejoin in time");
        remove_member(group, &member_id, turn);
    }

    if !group.elect_joined_leader() && !group.members.is_empty() {
        wait_for_members(group, turn);
        return;
    }
    group.begin_next_generation(turn.now.wall_ms);
    if group.state() == GroupState::Empty {
        tracing::debug!(group = %group.id, generation = group.generation_id, "group is empty");
        turn.effects.records.push(records::store_group(group));
    } else {
        announce_generation(group, turn);
    }
}

fn announce_generation(group: &mut Group, turn: &mut Turn<'_>) {
    tracing::debug!(
        group = %group.id, generation = group.generation_id, members = group.members.len(), "generation is complete"
    );
    for member_id in group.members.ids() {
        let members = if group.is_leader(&member_id) {
            group.members_for_leader()
        } else {
            Vec::new()
        };
        let response = join::accepted(group, &member_id).with_members(members);
        turn.answer_join(group, &member_id, response);
        turn.extend_session(group, &member_id);
        group
            .members
            .update(&member_id, |member| member.is_new = false);
        group.pending_syncs.insert(member_id);
    }
    turn.schedule(sync_timer(group), group.members.rebalance_timeout_ms());
}

/// A member may give no time at all; the timer is set for later even so, or the tick that set it would never end.
fn wait_for_members(group: &mut Group, turn: &mut Turn<'_>) {
    let timeout_ms = group.members.rebalance_timeout_ms().max(1);
    turn.schedule(join_timer(group), timeout_ms);
}

/// The sync timer went off: who has not asked for an assignment is out.
pub(crate) fn sync_time_is_over(group: &mut Group, turn: &mut Turn<'_>) {
    let in_generation = matches!(
        group.state(),
        GroupState::CompletingRebalance | GroupState::Stable
    );
    if !in_generation || group.pending_syncs.is_empty() {
        return;
    }
    for member_id in std::mem::take(&mut group.pending_syncs) {
        remove_member(group, &member_id, turn);
    }
    prepare(
        group,
        "members did not fetch their assignment in time",
        turn,
    );
}

/// A session timer went off.
pub(crate) fn session_is_over(group: &mut Group, member_id: &str, turn: &mut Turn<'_>) {
    if group.pending_joins.contains(member_id) {
        group.forget_member(member_id);
        if group.state() == GroupState::PreparingRebalance && group.has_all_members_joined() {
            complete_join(group, turn);
        }
        return;
    }
    if group
        .members
        .get(member_id)
        .is_none_or(Member::is_excused_from_heartbeat)
    {
        return;
    }
    tracing::debug!(group = %group.id, member = member_id, "member's session timed out");
    remove_member(group, member_id, turn);
    match group.state() {
        GroupState::Stable | GroupState::CompletingRebalance => {
            prepare(group, "a member's session timed out", turn);
        }
        GroupState::PreparingRebalance if group.has_all_members_joined() => {
            complete_join(group, turn)
        }
        GroupState::PreparingRebalance | GroupState::Empty => {}
    }
}

/// Takes a member out of the group and answers what it is waiting for.
pub(crate) fn remove_member(group: &mut Group, member_id: &str, turn: &mut Turn<'_>) {
    turn.answer_join(
        group,
        member_id,
        join::refused("", JoinError::UnknownMemberId),
    );
    turn.answer_sync(group, member_id, sync::refused(SyncError::UnknownMemberId));
    turn.cancel_session(group, member_id);
    group.forget_member(member_id);
}

/// Takes back the assignment of a generation that will not become stable.
fn withdraw_assignment(group: &mut Group, reason: SyncError, turn: &mut Turn<'_>) {
    for member_id in group.members.ids() {
        group
            .members
            .update(&member_id, |member| member.assignment = Bytes::new());
        if turn.answer_sync(group, &member_id, sync::refused(reason)) {
            turn.extend_session(group, &member_id);
        }
    }
}

/// Makes `assignments` the generation's and hands them out. Members without one get an empty one. What cannot be kept
/// is handed to nobody: everyone is told, and joins again.
pub(crate) fn assign(
    group: &mut Group,
    mut assignments: std::collections::HashMap<String, Bytes>,
    turn: &mut Turn<'_>,
) {
    for member_id in group.members.ids() {
        let assignment = assignments.remove(&*member_id).unwrap_or_default();
        group
            .members
            .update(&member_id, |member| member.assignment = assignment);
    }
    // The record carries the time at which the generation was complete, so it is made before the group is stable.
    let record = records::store_group(group);
    if turn.check_size(&record).is_err() {
        withdraw_assignment(group, SyncError::RecordTooLarge, turn);
        return prepare(group, "the assignment is too large to be kept", turn);
    }
    turn.effects.records.push(record);
    group.transition_to(GroupState::Stable, turn.now.wall_ms);
    for member_id in group.members.ids() {
        let response = sync::assignment(group, &member_id);
        if turn.answer_sync(group, &member_id, response) {
            turn.extend_session(group, &member_id);
        }
    }
}

/// Puts `member` in the place of its static predecessor, which is fenced.
pub(crate) fn replace_static_member(
    group: &mut Group,
    old_id: &str,
    new_id: &Arc<str>,
    turn: &mut Turn<'_>,
) {
    turn.answer_join(
        group,
        old_id,
        join::refused(old_id, JoinError::FencedInstanceId).with_leader(str_bytes("")),
    );
    turn.answer_sync(group, old_id, sync::refused(SyncError::FencedInstanceId));
    turn.cancel_session(group, old_id);
    let Some(old) = group.members.remove(old_id) else {
        return;
    };
    group.members.insert(Member {
        id: Arc::clone(new_id),
        is_new: false,
        ..old
    });
    if group.is_leader(old_id) {
        group.leader = Some(Arc::clone(new_id));
    }
    if group.pending_syncs.remove(old_id) {
        group.pending_syncs.insert(Arc::clone(new_id));
    }
    turn.extend_session(group, new_id);
}
