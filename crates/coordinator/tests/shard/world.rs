//! A shard with a clock of its own, and all that came out of it.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use coordinator::{
    Effects, GroupConfig, GroupRecord, HeartbeatError, HeartbeatRequest, JoinRequest,
    LeaveMemberError, LeavingMember, Now, OffsetCommit, OffsetCommitError,
    OffsetCommitPartitionError, OffsetCommitRequest, Protocol, Shard, SyncRequest, Token,
};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use uuid::Uuid;

pub(crate) const SESSION_MS: i64 = 10_000;
pub(crate) const REBALANCE_MS: i64 = 60_000;
pub(crate) const INITIAL_DELAY_MS: i64 = 3_000;
pub(crate) const RETENTION_MS: i64 = 100_000_000;

pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) now_ms: i64,
    /// How far the wall clock is ahead of the steady one.
    pub(crate) wall_ahead_ms: i64,
    pub(crate) records: Vec<GroupRecord>,
    joins: HashMap<Token, JoinGroupResponse>,
    syncs: HashMap<Token, SyncGroupResponse>,
    tokens: u64,
}

/// A subscription to `topics`, as a consumer puts it into its metadata.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(1);
    bytes.put_i32(topics.len() as i32);
    for topic in topics {
        bytes.put_i16(topic.len() as i16);
        bytes.put_slice(topic.as_bytes());
    }
    bytes.put_i32(-1);
    bytes.put_i32(0);
    bytes.freeze()
}

/// A consumer of group "g" that subscribes to topic "t" and speaks the newest version.
pub(crate) fn consumer(member_id: &str) -> JoinRequest {
    JoinRequest {
        group_id: "g".into(),
        member_id: member_id.into(),
        group_instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: SESSION_MS as i32,
        rebalance_timeout_ms: REBALANCE_MS as i32,
        protocol_type: "consumer".into(),
        protocols: protocols(&["range"]),
        reason: None,
        requires_known_member_id: true,
        supports_skipping_assignment: true,
    }
}

pub(crate) fn static_consumer(member_id: &str, instance_id: &str) -> JoinRequest {
    JoinRequest {
        group_instance_id: Some(instance_id.into()),
        ..consumer(member_id)
    }
}

pub(crate) fn protocols(names: &[&str]) -> Vec<Protocol> {
    names
        .iter()
        .map(|name| Protocol {
            name: (*name).into(),
            metadata: subscription(&["t"]),
        })
        .collect()
}

pub(crate) fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(GroupConfig::default())
    }

    pub(crate) fn with(config: GroupConfig) -> Self {
        let config = GroupConfig {
            initial_rebalance_delay_ms: INITIAL_DELAY_MS as i32,
            offsets_retention_ms: RETENTION_MS,
            ..config
        };
        let mut world = Self {
            shard: Shard::new(config),
            now_ms: 1_000_000,
            wall_ahead_ms: 0,
            records: Vec::new(),
            joins: HashMap::new(),
            syncs: HashMap::new(),
            tokens: 0,
        };
        world.act(|shard, now, effects| shard.loaded(now, effects));
        world
    }

    pub(crate) fn act<T>(&mut self, action: impl FnOnce(&mut Shard, Now, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let now = self.now();
        let result = action(&mut self.shard, now, &mut effects);
        self.records.extend(effects.records);
        for (token, response) in effects.joins {
            assert!(
                self.joins.insert(token, response).is_none(),
                "join {token} was answered twice"
            );
        }
        for (token, response) in effects.syncs {
            assert!(
                self.syncs.insert(token, response).is_none(),
                "sync {token} was answered twice"
            );
        }
        result
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            steady_ms: self.now_ms,
            wall_ms: self.now_ms + self.wall_ahead_ms,
        }
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub(crate) fn pass(&mut self, duration_ms: i64) {
        let end_ms = self.now_ms + duration_ms;
        while let Some(deadline_ms) = self
            .shard
            .next_deadline_ms()
            .filter(|deadline_ms| *deadline_ms <= end_ms)
        {
            self.now_ms = deadline_ms.max(self.now_ms);
            self.act(Shard::tick);
        }
        self.now_ms = end_ms;
    }

    pub(crate) fn join(&mut self, request: JoinRequest) -> Token {
        self.tokens += 1;
        let token = self.tokens;
        let entropy = Uuid::from_u128(token.into());
        self.act(|shard, now, effects| shard.join(request, token, entropy, now, effects));
        token
    }

    /// The answer to a join, which must be there.
    pub(crate) fn joined(&mut self, token: Token) -> JoinGroupResponse {
        self.joins.remove(&token).expect("an answer to the join")
    }

    pub(crate) fn is_waiting(&self, token: Token) -> bool {
        !self.joins.contains_key(&token) && !self.syncs.contains_key(&token)
    }

    /// Gets an id for a dynamic member and joins with it.
    pub(crate) fn join_anew(&mut self, request: JoinRequest) -> (String, Token) {
        let token = self.join(request.clone());
        let response = self.joined(token);
        assert_eq!(
            error(response.error_code),
            Some(ResponseError::MemberIdRequired)
        );
        let member_id = response.member_id.to_string();
        let token = self.join(JoinRequest {
            member_id: member_id.clone(),
            ..request
        });
        (member_id, token)
    }

    pub(crate) fn sync(
        &mut self,
        member_id: &str,
        generation_id: i32,
        assignments: &[(&str, &'static str)],
    ) -> Token {
        let assignments = assignments
            .iter()
            .map(|(member_id, assignment)| {
                (
                    (*member_id).to_owned(),
                    Bytes::from_static(assignment.as_bytes()),
                )
            })
            .collect();
        self.sync_with(SyncRequest {
            group_id: "g".into(),
            generation_id,
            member_id: member_id.into(),
            group_instance_id: None,
            protocol_type: None,
            protocol_name: None,
            assignments,
        })
    }

    pub(crate) fn sync_with(&mut self, request: SyncRequest) -> Token {
        self.tokens += 1;
        let token = self.tokens;
        self.act(|shard, now, effects| shard.sync(request, token, now, effects));
        token
    }

    /// The answer to a sync, which must be there.
    pub(crate) fn synced(&mut self, token: Token) -> SyncGroupResponse {
        self.syncs.remove(&token).expect("an answer to the sync")
    }

    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        generation_id: i32,
    ) -> Result<(), HeartbeatError> {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            generation_id,
            member_id: member_id.into(),
            group_instance_id: None,
        };
        self.act(|shard, now, _| shard.heartbeat(&request, now))
    }

    pub(crate) fn leave(
        &mut self,
        members: &[(&str, Option<&str>)],
    ) -> Vec<Result<(), LeaveMemberError>> {
        let members: Vec<_> = members
            .iter()
            .map(|(member_id, instance_id)| LeavingMember {
                member_id: (*member_id).into(),
                group_instance_id: instance_id.map(Into::into),
                reason: None,
            })
            .collect();
        self.act(|shard, now, effects| shard.leave("g", &members, now, effects))
            .expect("a group id")
    }

    /// Commits `offset` for partition 0 of `topic` as `member_id`; an empty one is no member.
    pub(crate) fn commit(
        &mut self,
        member_id: &str,
        generation_id: i32,
        topic: &str,
        offset: i64,
    ) -> Result<Vec<Result<(), OffsetCommitPartitionError>>, OffsetCommitError> {
        self.commit_with(&commit_request(member_id, generation_id, topic, offset))
    }

    pub(crate) fn commit_with(
        &mut self,
        request: &OffsetCommitRequest,
    ) -> Result<Vec<Result<(), OffsetCommitPartitionError>>, OffsetCommitError> {
        self.act(|shard, now, effects| shard.commit_offsets(request, now, effects))
    }

    /// The offset committed for partition 0 of `topic`, or -1.
    pub(crate) fn committed(&self, topic: &str) -> i64 {
        self.shard.fetch_offsets("g", topic, Uuid::nil(), &[0])[0].offset
    }

    pub(crate) fn state(&self) -> String {
        self.shard
            .describe_group("g")
            .map_or_else(|_| "Dead".to_owned(), |group| group.group_state.to_string())
    }

    /// A stable group of these members in this generation, each assigned its own id. The first is the leader.
    pub(crate) fn stable(&mut self, requests: Vec<JoinRequest>) -> (Vec<String>, i32) {
        let mut joins = Vec::new();
        for request in requests {
            if request.group_instance_id.is_some() || !request.requires_known_member_id {
                joins.push(self.join(request));
            } else {
                joins.push(self.join_anew(request).1);
            }
        }
        while joins.iter().any(|token| self.is_waiting(*token)) {
            self.pass(INITIAL_DELAY_MS);
        }
        let responses: Vec<_> = joins.into_iter().map(|token| self.joined(token)).collect();
        let generation_id = responses[0].generation_id;
        let members: Vec<String> = responses
            .iter()
            .map(|response| response.member_id.to_string())
            .collect();
        let leader = responses[0].leader.to_string();
        for member in members.iter().filter(|member| **member != leader) {
            self.sync(member, generation_id, &[]);
        }
        self.sync(&leader, generation_id, &[]);
        assert_eq!(self.state(), "Stable");
        self.joins.clear();
        self.syncs.clear();
        (members, generation_id)
    }
}

pub(crate) fn commit_request(
    member_id: &str,
    generation_id: i32,
    topic: &str,
    offset: i64,
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: "g".into(),
        generation_id,
        member_id: member_id.into(),
        group_instance_id: None,
        retention_time_ms: None,
        offsets: vec![OffsetCommit {
            topic: topic.into(),
            topic_id: Uuid::nil(),
            partition: 0,
            offset,
            leader_epoch: 3,
            metadata: None,
        }],
    }
}
