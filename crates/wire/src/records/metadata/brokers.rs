//! Who is in the cluster: brokers, controllers, and their registrations.

use uuid::Uuid;

use crate::codec::message;

message! {
    /// A broker registers, with a new incarnation each time that it starts.
    pub struct RegisterBrokerRecord: 0..=4, flexible 0 {
        broker_id: i32,
        is_migrating_zk_broker: bool [2..],
        incarnation_id: Uuid,
        broker_epoch: i64,
        end_points: Vec<BrokerEndpoint>,
        features: Vec<BrokerFeature>,
        rack: Option<String> [null],
        fenced: bool = true,
        in_controlled_shutdown: bool [1..],
        log_dirs: Vec<Uuid> [3.., tag 0],
        cordoned_log_dirs: Option<Vec<Uuid>> [4.., null, tag 1],
    }

    pub struct BrokerEndpoint {
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

    /// A broker is taken out of the cluster.
    pub struct UnregisterBrokerRecord: 0..=0, flexible 0 {
        broker_id: i32,
        broker_epoch: i64,
    }

    /// Changes part of a broker's registration. In `fenced` and `in_controlled_shutdown` 1 sets, -1 clears, 0 leaves as it is.
    pub struct BrokerRegistrationChangeRecord: 0..=3, flexible 0 {
        broker_id: i32,
        broker_epoch: i64,
        fenced: i8 [tag 0],
        in_controlled_shutdown: i8 [1.., tag 1],
        log_dirs: Vec<Uuid> [2.., tag 2],
        cordoned_log_dirs: Option<Vec<Uuid>> [3.., null, tag 3],
    }

    /// A broker is fenced. Kafka writes `BrokerRegistrationChangeRecord` instead since 3.3.
    pub struct FenceBrokerRecord: 0..=0, flexible 0 {
        id: i32,
        epoch: i64,
    }

    /// A broker is unfenced. Kafka writes `BrokerRegistrationChangeRecord` instead since 3.3.
    pub struct UnfenceBrokerRecord: 0..=0, flexible 0 {
        id: i32,
        epoch: i64,
    }

    /// A controller registers its endpoints and features (KIP-919).
    pub struct RegisterControllerRecord: 0..=0, flexible 0 {
        controller_id: i32,
        incarnation_id: Uuid,
        zk_migration_ready: bool,
        end_points: Vec<ControllerEndpoint>,
        features: Vec<ControllerFeature>,
    }

    pub struct ControllerEndpoint {
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
