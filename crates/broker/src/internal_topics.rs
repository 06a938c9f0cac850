//! The topics that Kafka keeps its own state in.

pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";
pub(crate) const TRANSACTION_STATE: &str = "__transaction_state";
pub(crate) const SHARE_GROUP_STATE: &str = "__share_group_state";

pub(crate) fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        CONSUMER_OFFSETS | TRANSACTION_STATE | SHARE_GROUP_STATE
    )
}
