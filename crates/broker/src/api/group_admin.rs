//! What administers groups: DescribeGroups 0 to 6, ListGroups 0 to 5, DeleteGroups 0 to 2.
//!
//! Authorized operations (KIP-430), filters by state and type (KIP-518, KIP-848), errors for missing groups (KIP-1043).

use std::collections::HashSet;
use std::sync::Arc;

use coordinator::{DescribeGroupError, GroupFilter};
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::{
    DeleteGroupsResponse, DescribeGroupsResponse, GroupId, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;
use wire::ErrorCode;
use wire::request::{DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest};

use super::Call;
use crate::ops::operations;

/// Before this version a group that does not exist is described as dead, without an error.
const MISSING_GROUP_ERROR_FROM: i16 = 6;

/// The state in which a group is shown that does not exist.
const DEAD: &str = "Dead";

pub(crate) async fn describe(
    call: Arc<Call>,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let operations = match request.include_authorized_operations {
        true => operations::ON_GROUP,
        false => operations::NOT_ASKED,
    };
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut seen = HashSet::new();
    for group_id in request.groups {
        // Once each: a short request must not ask for a large group a hundred thousand times.
        if !seen.insert(group_id.clone()) {
            continue;
        }
        let described = describe_one(&call, group_id).await;
        let operations = if described.error_code == 0 {
            operations
        } else {
            operations::NOT_ASKED
        };
        groups.push(described.with_authorized_operations(operations));
    }
    DescribeGroupsResponse::default().with_groups(groups)
}

async fn describe_one(call: &Call, group_id: String) -> DescribedGroup {
    let wanted = group_id.clone();
    let described = call
        .broker
        .groups
        .call(&group_id, move |shard, _| shard.describe_group(&wanted))
        .await;
    let missing =
        DescribedGroup::default().with_group_id(GroupId(StrBytes::from_string(group_id.clone())));
    match described {
        Ok(Ok(group)) => group,
        Ok(Err(DescribeGroupError::GroupIdNotFound))
            if call.version() < MISSING_GROUP_ERROR_FROM =>
        {
            missing.with_group_state(DEAD.into())
        }
        Ok(Err(error)) => missing
            .with_group_state(DEAD.into())
            .with_error_code(error.code().code())
            .with_error_message(Some(StrBytes::from_string(format!(
                "Group {group_id} not found."
            )))),
        Err(error) => missing.with_error_code(error.code().code()),
    }
}

pub(crate) async fn list(call: Arc<Call>, request: ListGroupsRequest) -> ListGroupsResponse {
    let states = request.states_filter.iter().map(String::as_str);
    let filter = GroupFilter::new(states, request.types_filter.iter().map(String::as_str));
    match call
        .broker
        .groups
        .call_all(move |shard, _| shard.list_groups(&filter))
        .await
    {
        Ok(groups) => {
            ListGroupsResponse::default().with_groups(groups.into_iter().flatten().collect())
        }
        Err(error) => ListGroupsResponse::default().with_error_code(error.code().code()),
    }
}

pub(crate) async fn delete(call: Arc<Call>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut seen = HashSet::new();
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        if !seen.insert(group_id.clone()) {
            continue;
        }
        let code = delete_one(&call, group_id.clone()).await.err();
        results.push(
            DeletableGroupResult::default()
                .with_group_id(GroupId(StrBytes::from_string(group_id)))
                .with_error_code(code.map_or(0, |code| code.code())),
        );
    }
    DeleteGroupsResponse::default().with_results(results)
}

async fn delete_one(call: &Call, group_id: String) -> Result<(), ErrorCode> {
    let group = group_id.clone();
    let delete = move |shard: &mut coordinator::Shard, turn: &mut crate::coordinator::Turn<'_>| {
        shard.delete_group(&group, turn.now, turn.effects)
    };
    let deleted = call.broker.groups.call(&group_id, delete).await;
    deleted
        .map_err(|error| error.code())?
        .map_err(|error| error.code())
}
