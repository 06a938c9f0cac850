//! Producer ids: taken from the controller in blocks, handed out one by one (KIP-730).

use tokio::sync::Mutex;
use wire::ErrorCode;

use crate::controller::ControllerChannel;

/// The rest of the current block.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    block: Mutex<std::ops::Range<i64>>,
}

impl ProducerIds {
    /// An id that nobody else has. Those who come while a block is fetched wait for it.
    pub(crate) async fn next(
        &self,
        controller: &ControllerChannel,
        broker_id: i32,
    ) -> Result<i64, ErrorCode> {
        let mut block = self.block.lock().await;
        if let Some(id) = block.next() {
            return Ok(id);
        }
        *block = controller.allocate_producer_ids(broker_id).await?;
        block.next().ok_or(ErrorCode::CoordinatorLoadInProgress)
    }
}
