//! Tells the controller which log directories are cordoned (KIP-1066): it gives a broker no new partitions while all are.
//! Among the others the broker chooses itself.
//!
//! Invariant: what is reported is the difference between configuration and metadata. The one changes only with the other,
//! so it is looked for with every image, and a report that is lost is only late.

use std::sync::Arc;

use ::controller::{Image, decide};
use tokio::sync::watch;
use uuid::Uuid;
use wire::request::BrokerHeartbeatRequest;

use crate::broker::Broker;
use crate::logs::Dir;

/// Runs as long as the node.
pub(super) async fn follow(broker: Arc<Broker>, mut images: watch::Receiver<Arc<Image>>) {
    while images.changed().await.is_ok() {
        report(&broker).await;
    }
}

pub(super) async fn report(broker: &Broker) {
    let (image, config) = (broker.image(), broker.config());
    let Some(registered) = image.broker(broker.node_id) else {
        return;
    };
    let dirs = broker.logs.dirs().iter();
    let cordoned: Vec<Uuid> = dirs
        .filter(|dir| config.is_cordoned(dir.path()))
        .map(Dir::id)
        .collect();
    if cordoned == registered.cordoned_log_dirs {
        return;
    }
    let request = BrokerHeartbeatRequest {
        broker_id: broker.node_id,
        broker_epoch: registered.epoch,
        current_metadata_offset: image.offset(),
        cordoned_log_dirs: Some(cordoned),
        ..BrokerHeartbeatRequest::default()
    };
    let reported = broker
        .controller
        .decide(move |image, _| decide::heartbeat(image, &config, &request));
    if let Err(error) = reported.await {
        tracing::warn!(%error, "cordoned log directories not reported yet");
    }
}
