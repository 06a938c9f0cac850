use wire::ErrorCode;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ControllerError;
pub(crate) struct ControllerChannel;
impl ControllerChannel {
    pub(crate) async fn create_topics(
        &self,
        _r: wire::request::CreateTopicsRequest,
    ) -> Result<kafka_protocol::messages::CreateTopicsResponse, ErrorCode> {
        Err(ErrorCode::NotController)
    }
    pub(crate) async fn allocate_producer_ids(&self) -> Result<std::ops::Range<i64>, ErrorCode> {
        Err(ErrorCode::NotController)
    }
}
pub(crate) struct ControllerNode;
impl ControllerNode {
    pub(crate) async fn open(
        _c: &config::BrokerConfig,
        _l: &crate::logs::Logs,
    ) -> Result<Self, ControllerError> {
        Ok(Self)
    }
    pub(crate) fn channel(&self) -> ControllerChannel {
        ControllerChannel
    }
    pub(crate) async fn register(
        self,
        _b: &std::sync::Arc<crate::broker::Broker>,
        _l: &[config::Listener],
    ) -> Result<Self, ControllerError> {
        Ok(self)
    }
    pub(crate) async fn stop(self) {}
}
