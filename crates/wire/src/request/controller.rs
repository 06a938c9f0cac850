//! What brokers ask of the controller. These requests never come from a client; a broker in the controller's process makes them too.

use uuid::Uuid;

use crate::codec::message;

message! {
    /// A broker's process starts (KIP-631).
    pub struct BrokerRegistrationRequest: 0..=4, flexible 0 {
        broker_id: i32,
        cluster_id: String,
        incarnation_id: Uuid,
        listeners: Vec<BrokerListener>,
        features: Vec<BrokerFeature>,
        rack: Option<String> [null],
        is_migrating_zk_broker: bool [1..],
        log_dirs: Vec<Uuid> [2.., ignorable],
        previous_broker_epoch: i64 [3.., ignorable] = -1,
    }

    pub struct BrokerListener {
        name: String,
        host: String,
        port: u16,
        security_protocol: i16,
    }

    pub struct BrokerFeature {
        name: String,
        min_supported_version: i16,
        max_supported_version: i16,
    }

    /// A broker lives, and asks to be fenced, unfenced or shut down.
    pub struct BrokerHeartbeatRequest: 0..=2, flexible 0 {
        broker_id: i32,
        broker_epoch: i64 = -1,
        current_metadata_offset: i64,
        want_fence: bool,
        want_shut_down: bool,
        offline_log_dirs: Vec<Uuid> [1.., tag 0],
        cordoned_log_dirs: Option<Vec<Uuid>> [2.., null, tag 1],
    }

    /// A leader proposes another ISR (KIP-497).
    pub struct AlterPartitionRequest: 2..=3, flexible 0 {
        broker_id: i32,
        broker_epoch: i64 = -1,
        topics: Vec<AlterPartitionTopic>,
    }

    pub struct AlterPartitionTopic {
        topic_id: Uuid,
        partitions: Vec<AlterPartitionPartition>,
    }

    pub struct AlterPartitionPartition {
        partition_index: i32,
        leader_epoch: i32,
        new_isr: Vec<i32> [..=2],
        new_isr_with_epochs: Vec<BrokerState> [3..],
        leader_recovery_state: i8,
        partition_epoch: i32,
    }

    pub struct BrokerState {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }

    /// A broker needs a block of producer ids (KIP-730).
    pub struct AllocateProducerIdsRequest: 0..=0, flexible 0 {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }

    /// A broker says in which log dir its replicas are (KIP-858).
    pub struct AssignReplicasToDirsRequest: 0..=0, flexible 0 {
        broker_id: i32,
        broker_epoch: i64 = -1,
        directories: Vec<AssignReplicasDirectory>,
    }

    pub struct AssignReplicasDirectory {
        id: Uuid,
        topics: Vec<AssignReplicasTopic>,
    }

    pub struct AssignReplicasTopic {
        topic_id: Uuid,
        partitions: Vec<AssignReplicasPartition>,
    }

    pub struct AssignReplicasPartition {
        partition_index: i32,
    }

    /// A controller says where it is reached and what it supports (KIP-919).
    pub struct ControllerRegistrationRequest: 0..=0, flexible 0 {
        controller_id: i32,
        incarnation_id: Uuid,
        zk_migration_ready: bool,
        listeners: Vec<ControllerListener>,
        features: Vec<ControllerFeature>,
    }

    pub struct ControllerListener {
        name: String,
        host: String,
        port: u16,
        security_protocol: i16,
    }

    pub struct ControllerFeature {
        name: String,
        min_supported_version: i16,
        max_supported_version: i16,
    }
}
