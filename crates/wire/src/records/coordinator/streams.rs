//! Groups of the streams protocol (KIP-1071).

use crate::codec::message;

message! {
    pub struct StreamsGroupMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct StreamsGroupMetadataValue: 0..=0, flexible 0 {
        epoch: i32,
        metadata_hash: i64,
        validated_topology_epoch: i32 [tag 0] = -1,
        last_assignment_configs: Option<Vec<LastAssignmentConfig>> [null, tag 1] = Some(Default::default()),
    }

    pub struct LastAssignmentConfig {
        key: String,
        value: String,
    }

    pub struct StreamsGroupMemberMetadataKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct StreamsGroupMemberMetadataValue: 0..=0, flexible 0 {
        instance_id: Option<String> [null],
        rack_id: Option<String> [null],
        client_id: String,
        client_host: String,
        rebalance_timeout_ms: i32 = -1,
        topology_epoch: i32,
        process_id: String,
        user_endpoint: Option<Endpoint> [null],
        client_tags: Vec<KeyValue>,
    }

    pub struct Endpoint {
        host: String,
        port: u16,
    }

    pub struct KeyValue {
        key: String,
        value: String,
    }

    pub struct StreamsGroupTargetAssignmentMetadataKey: 0..=0 {
        group_id: String,
    }

    pub struct StreamsGroupTargetAssignmentMetadataValue: 0..=0, flexible 0 {
        assignment_epoch: i32,
        assignment_timestamp: i64 [tag 0],
    }

    pub struct StreamsGroupTargetAssignmentMemberKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct StreamsGroupTargetAssignmentMemberValue: 0..=0, flexible 0 {
        active_tasks: Vec<TargetTaskIds>,
        standby_tasks: Vec<TargetTaskIds>,
        warmup_tasks: Vec<TargetTaskIds>,
    }

    pub struct TargetTaskIds {
        subtopology_id: String,
        partitions: Vec<i32>,
    }

    pub struct StreamsGroupCurrentMemberAssignmentKey: 0..=0 {
        group_id: String,
        member_id: String,
    }

    pub struct StreamsGroupCurrentMemberAssignmentValue: 0..=0, flexible 0 {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        active_tasks: Vec<AssignedTaskIds>,
        standby_tasks: Vec<AssignedTaskIds>,
        warmup_tasks: Vec<AssignedTaskIds>,
        active_tasks_pending_revocation: Vec<AssignedTaskIds>,
        standby_tasks_pending_revocation: Vec<AssignedTaskIds>,
        warmup_tasks_pending_revocation: Vec<AssignedTaskIds>,
    }

    pub struct AssignedTaskIds {
        subtopology_id: String,
        partitions: Vec<i32>,
        assignment_epochs: Option<Vec<i32>> [null, tag 0] = Some(Default::default()),
    }

    pub struct StreamsGroupTopologyKey: 0..=0 {
        group_id: String,
    }

    pub struct StreamsGroupTopologyValue: 0..=0, flexible 0 {
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }

    pub struct Subtopology {
        subtopology_id: String,
        source_topics: Vec<String>,
        source_topic_regex: Vec<String>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_sink_topics: Vec<String>,
        repartition_source_topics: Vec<TopicInfo>,
        copartition_groups: Vec<CopartitionGroup>,
    }

    pub struct TopicInfo {
        name: String,
        partitions: i32,
        replication_factor: i16,
        topic_configs: Vec<TopicConfig>,
    }

    pub struct CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }

    pub struct TopicConfig {
        key: String,
        value: String,
    }
}
