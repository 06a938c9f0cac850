//! Configuration, feature levels, quotas and blocks of producer ids.

use crate::codec::message;

message! {
    /// Sets a configuration key of a topic, a broker or another resource; a null value removes it.
    pub struct ConfigRecord: 0..=0, flexible 0 {
        resource_type: i8,
        resource_name: String,
        name: String,
        value: Option<String> [null],
    }

    /// Finalizes a feature at a level; level 0 removes it.
    pub struct FeatureLevelRecord: 0..=0, flexible 0 {
        name: String,
        feature_level: i16,
    }

    /// Sets or removes a quota of a user, client id or address (KIP-546).
    pub struct ClientQuotaRecord: 0..=0, flexible 0 {
        entity: Vec<EntityData>,
        key: String,
        value: f64,
        remove: bool,
    }

    pub struct EntityData {
        entity_type: String,
        entity_name: Option<String> [null],
    }

    /// A broker was given a block of producer ids; `next_producer_id` is the first that was not.
    pub struct ProducerIdsRecord: 0..=0, flexible 0 {
        broker_id: i32,
        broker_epoch: i64 = -1,
        next_producer_id: i64,
    }
}
