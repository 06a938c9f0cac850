//! DescribeGroups and ListGroups.
//!
//! KIP-518 (filter by state), KIP-848 (filter by type), KIP-1043 (a missing group is an error from DescribeGroups 6).

use kafka_protocol::ResponseError;
use kafka_protocol::messages::GroupId;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use thiserror::Error;

use crate::group::{Group, str_bytes};
use crate::member::Member;
use crate::state::GroupState;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DescribeGroupError {
    #[error("the group does not exist")]
    GroupIdNotFound,
}

impl DescribeGroupError {
    pub fn code(self) -> ResponseError {
        match self {
            Self::GroupIdNotFound => ResponseError::GroupIdNotFound,
        }
    }
}

/// The kinds of group that Kafka knows. A shard of ours holds classic groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupType {
    Classic,
    Consumer,
    Share,
    Streams,
    Unknown,
}

impl GroupType {
    /// Reads a name as Kafka does: in any case, and what it does not know is a type of its own.
    pub fn parse(name: &str) -> Self {
        match name.to_lowercase().as_str() {
            "classic" => Self::Classic,
            "consumer" => Self::Consumer,
            "share" => Self::Share,
            "streams" => Self::Streams,
            _ => Self::Unknown,
        }
    }
}

/// Which groups to list; an empty list of either lets all pass.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Names of states, in lower case.
    states: Vec<String>,
    types: Vec<GroupType>,
}

impl GroupFilter {
    pub fn new<'a>(
        states: impl IntoIterator<Item = &'a str>,
        types: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            states: states
                .into_iter()
                .map(|state| state.trim().to_lowercase())
                .collect(),
            types: types.into_iter().map(GroupType::parse).collect(),
        }
    }

    fn admits(&self, state: GroupState, group_type: GroupType) -> bool {
        let state_passes =
            self.states.is_empty() || self.states.contains(&state.name().to_lowercase());
        state_passes && (self.types.is_empty() || self.types.contains(&group_type))
    }
}

pub(crate) fn list<'a>(
    groups: impl Iterator<Item = &'a Group>,
    filter: &GroupFilter,
) -> Vec<ListedGroup> {
    groups
        .filter(|group| filter.admits(group.state(), GroupType::Classic))
        .map(|group| {
            ListedGroup::default()
                .with_group_id(GroupId(str_bytes(&group.id)))
                .with_protocol_type(str_bytes(
                    group.protocol_type.as_deref().unwrap_or_default(),
                ))
                .with_group_state(str_bytes(group.state().name()))
                .with_group_type("classic".into())
        })
        .collect()
}

/// What members subscribe to is shown of a stable group only.
pub(crate) fn describe(group: &Group) -> DescribedGroup {
    let protocol = group
        .protocol_name
        .as_deref()
        .filter(|_| group.state() == GroupState::Stable);
    DescribedGroup::default()
        .with_group_id(GroupId(str_bytes(&group.id)))
        .with_group_state(str_bytes(group.state().name()))
        .with_protocol_type(str_bytes(
            group.protocol_type.as_deref().unwrap_or_default(),
        ))
        .with_protocol_data(str_bytes(protocol.unwrap_or_default()))
        .with_members(
            group
                .members
                .iter()
                .map(|member| describe_member(member, protocol))
                .collect(),
        )
}

fn describe_member(member: &Member, protocol: Option<&str>) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .with_member_id(str_bytes(&member.id))
        .with_group_instance_id(member.group_instance_id.as_deref().map(str_bytes))
        .with_client_id(str_bytes(&member.client_id))
        .with_client_host(str_bytes(&member.client_host))
        .with_member_assignment(member.assignment.clone())
        .with_member_metadata(
            protocol
                .map(|protocol| member.metadata(protocol))
                .unwrap_or_default(),
        )
}
