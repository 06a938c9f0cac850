//! A member of a classic consumer group: join, sync, heartbeat, commit, leave.
//!
//! The member speaks the `range` assignor, as a Java consumer does by default, so that it can share
//! a group with one. Whoever owns the member calls [`GroupMember::heartbeat`] often enough, and
//! [`GroupMember::rejoin`] after an error that [`ends_generation`]; there is no task behind its back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, GroupId, HeartbeatRequest,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest, TopicName,
    consumer_protocol_assignment,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::offsets::{Committer, TopicPartition, commit_as};
use crate::{ClientError, Cluster, Connection, TopicFilter, check};

const PROTOCOL_TYPE: &str = "consumer";
const ASSIGNOR: &str = "range";
/// Version of the embedded subscription and assignment: topics and user data only.
const EMBEDDED_VERSION: i16 = 0;
/// SyncGroup 5 repeats the protocol's name; LeaveGroup 3 takes a list of members.
const SYNC_GROUP_VERSION: i16 = 4;
const LEAVE_GROUP_VERSION: i16 = 2;

/// How long a coordinator may be away, as it is while its broker restarts.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(60);
const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub struct GroupOptions {
    pub group_id: String,
    pub topics: Vec<String>,
    pub session_timeout: Duration,
    /// Below the request timeout, since JoinGroup answers only when the group is complete.
    pub rebalance_timeout: Duration,
}

/// The partitions given to this member, by topic.
pub type Assignment = BTreeMap<String, Vec<i32>>;

pub struct GroupMember {
    options: GroupOptions,
    coordinator: Arc<Connection>,
    member_id: StrBytes,
    generation_id: i32,
    assignment: Assignment,
}

impl GroupMember {
    /// Joins the group and returns with an assignment.
    pub async fn join(cluster: &Cluster, options: GroupOptions) -> Result<Self, ClientError> {
        let coordinator = cluster.coordinator(&options.group_id).await?;
        let mut member = Self {
            options,
            coordinator,
            member_id: StrBytes::default(),
            generation_id: -1,
            assignment: Assignment::new(),
        };
        member.rejoin(cluster).await?;
        Ok(member)
    }

    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// Joins again, with the same member id if the coordinator still knows it, and bears with a
    /// coordinator that is away or moving for a while.
    pub async fn rejoin(&mut self, cluster: &Cluster) -> Result<(), ClientError> {
        let deadline = Instant::now() + COORDINATOR_PATIENCE;
        loop {
            let Err(error) = self.join_once(cluster).await else {
                return Ok(());
            };
            match error.refusal() {
                Some(ResponseError::MemberIdRequired) => {}
                _ if !ends_generation(&error) || Instant::now() > deadline => return Err(error),
                Some(ResponseError::UnknownMemberId) => self.member_id = StrBytes::default(),
                _ => tokio::time::sleep(RETRY_PAUSE).await,
            }
        }
    }

    /// Tells the coordinator that this member lives.
    pub async fn heartbeat(&self) -> Result<(), ClientError> {
        let request = HeartbeatRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id(self.generation_id)
            .with_member_id(self.member_id.clone());
        let answer = self.coordinator.call(&request).await?;
        Ok(check(answer.error_code, None)?)
    }

    /// Commits the next offset to read of each partition.
    pub async fn commit(&self, next: &BTreeMap<TopicPartition, i64>) -> Result<(), ClientError> {
        let committer = Committer {
            generation_id: self.generation_id,
            member_id: self.member_id.clone(),
        };
        commit_as(&self.coordinator, &self.options.group_id, committer, next).await
    }

    /// Leaves at once, so that the others need not wait for the session to time out.
    pub async fn leave(self) -> Result<(), ClientError> {
        let request = LeaveGroupRequest::default()
            .with_group_id(self.group_id())
            .with_member_id(self.member_id.clone());
        let answer = self
            .coordinator
            .call_up_to(LEAVE_GROUP_VERSION, &request)
            .await?;
        Ok(check(answer.error_code, None)?)
    }

    async fn join_once(&mut self, cluster: &Cluster) -> Result<(), ClientError> {
        self.coordinator = cluster.coordinator(&self.options.group_id).await?;
        let subscription = ConsumerProtocolSubscription::default()
            .with_topics(self.options.topics.iter().map(|name| text(name)).collect());
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text(ASSIGNOR))
            .with_metadata(embed(&subscription)?);
        let request = JoinGroupRequest::default()
            .with_group_id(self.group_id())
            .with_session_timeout_ms(millis(self.options.session_timeout))
            .with_rebalance_timeout_ms(millis(self.options.rebalance_timeout))
            .with_member_id(self.member_id.clone())
            .with_protocol_type(text(PROTOCOL_TYPE))
            .with_protocols(vec![protocol]);
        let joined = self.coordinator.call(&request).await?;
        if !joined.member_id.is_empty() {
            self.member_id = joined.member_id.clone();
        }
        check(joined.error_code, None)?;
        self.generation_id = joined.generation_id;
        self.sync(cluster, &joined).await
    }

    async fn sync(
        &mut self,
        cluster: &Cluster,
        joined: &JoinGroupResponse,
    ) -> Result<(), ClientError> {
        let assignments = if joined.leader == joined.member_id && !joined.skip_assignment {
            assign(cluster, joined).await?
        } else {
            Vec::new()
        };
        let request = SyncGroupRequest::default()
            .with_group_id(self.group_id())
            .with_generation_id(self.generation_id)
            .with_member_id(self.member_id.clone())
            .with_assignments(assignments);
        let answer = self
            .coordinator
            .call_up_to(SYNC_GROUP_VERSION, &request)
            .await?;
        check(answer.error_code, None)?;
        self.assignment = decode_assignment(answer.assignment)?;
        Ok(())
    }

    fn group_id(&self) -> GroupId {
        GroupId(text(&self.options.group_id))
    }
}

/// Whether an error means that a member has to rejoin: its generation is over, or its coordinator is
/// away or another broker's.
pub fn ends_generation(error: &ClientError) -> bool {
    error.is_disconnect()
        || matches!(
            error.refusal(),
            Some(
                ResponseError::RebalanceInProgress
                    | ResponseError::IllegalGeneration
                    | ResponseError::UnknownMemberId
                    | ResponseError::NotCoordinator
                    | ResponseError::CoordinatorNotAvailable
                    | ResponseError::CoordinatorLoadInProgress
            )
        )
}

/// What the leader does: each topic's partitions, in ranges, over those who subscribe to it.
async fn assign(
    cluster: &Cluster,
    joined: &JoinGroupResponse,
) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
    let mut subscribers: BTreeMap<String, Vec<StrBytes>> = BTreeMap::new();
    for member in &joined.members {
        let subscription: ConsumerProtocolSubscription = unembed(member.metadata.clone())?;
        for topic in &subscription.topics {
            let members = subscribers.entry(topic.to_string()).or_default();
            members.push(member.member_id.clone());
        }
    }
    let topics: Vec<String> = subscribers.keys().cloned().collect();
    let metadata = cluster.metadata(TopicFilter::Named(&topics), false).await?;
    let mut shares: BTreeMap<StrBytes, Assignment> = BTreeMap::new();
    for (topic, mut members) in subscribers {
        members.sort();
        let partitions: Vec<i32> = metadata.topic(&topic).map_or_else(Vec::new, |topic| {
            topic.partitions.iter().map(|p| p.index).collect()
        });
        for (member, range) in ranges(&members, &partitions) {
            let share = shares.entry(member).or_default();
            share.insert(topic.clone(), range);
        }
    }
    joined
        .members
        .iter()
        .map(|member| {
            let share = shares.remove(&member.member_id).unwrap_or_default();
            Ok(SyncGroupRequestAssignment::default()
                .with_member_id(member.member_id.clone())
                .with_assignment(encode_assignment(share)?))
        })
        .collect()
}

/// Splits `partitions` over `members` in order; the first few get one more.
fn ranges(members: &[StrBytes], partitions: &[i32]) -> Vec<(StrBytes, Vec<i32>)> {
    let mut rest = partitions;
    let mut shares = Vec::new();
    for (taken, member) in members.iter().enumerate() {
        let share = rest.len().div_ceil(members.len() - taken);
        let (range, remaining) = rest.split_at_checked(share).unwrap_or((rest, &[]));
        rest = remaining;
        if !range.is_empty() {
            shares.push((member.clone(), range.to_vec()));
        }
    }
    shares
}

fn encode_assignment(share: Assignment) -> Result<Bytes, ClientError> {
    let partitions = share.into_iter().map(|(topic, partitions)| {
        consumer_protocol_assignment::TopicPartition::default()
            .with_topic(TopicName(StrBytes::from_string(topic)))
            .with_partitions(partitions)
    });
    embed(&ConsumerProtocolAssignment::default().with_assigned_partitions(partitions.collect()))
}

fn decode_assignment(embedded: Bytes) -> Result<Assignment, ClientError> {
    if embedded.is_empty() {
        return Ok(Assignment::new());
    }
    let assignment: ConsumerProtocolAssignment = unembed(embedded)?;
    let partitions = assignment.assigned_partitions.into_iter();
    Ok(partitions
        .map(|share| (share.topic.to_string(), share.partitions))
        .collect())
}

/// The consumer protocol's own framing: a version, then the message in it.
fn embed<T: Encodable>(message: &T) -> Result<Bytes, ClientError> {
    let mut bytes = BytesMut::new();
    bytes.put_i16(EMBEDDED_VERSION);
    message
        .encode(&mut bytes, EMBEDDED_VERSION)
        .map_err(|error| ClientError::ConsumerProtocol(error.to_string()))?;
    Ok(bytes.freeze())
}

/// Reads any version that another member may have written; newer ones begin as version 3 does.
fn unembed<T: Decodable>(mut bytes: Bytes) -> Result<T, ClientError> {
    let version = bytes
        .try_get_i16()
        .map_err(|error| ClientError::ConsumerProtocol(error.to_string()))?;
    T::decode(&mut bytes, version.clamp(0, 3))
        .map_err(|error| ClientError::ConsumerProtocol(error.to_string()))
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_give_every_partition_once_and_the_first_members_one_more() {
        let members = [text("a"), text("b"), text("c")];
        let shares = ranges(&members, &[0, 1, 2, 3, 4]);
        assert_eq!(
            shares,
            [
                (text("a"), vec![0, 1]),
                (text("b"), vec![2, 3]),
                (text("c"), vec![4])
            ]
        );
        assert_eq!(ranges(&members, &[7]), [(text("a"), vec![7])]);
        assert_eq!(ranges(&members, &[]), []);
    }

    #[test]
    fn an_assignment_survives_its_encoding() {
        let share = Assignment::from([("t".to_owned(), vec![0, 2]), ("u".to_owned(), vec![1])]);
        let embedded = encode_assignment(share.clone()).unwrap();
        assert_eq!(decode_assignment(embedded).unwrap(), share);
        assert_eq!(
            decode_assignment(Bytes::new()).unwrap(),
            Assignment::default()
        );
    }
}
