//! How a broker speaks to the controller: one method per controller request, answered once the broker has applied what was
//! decided.

use std::ops::Range;
use std::sync::Arc;

use ::config::BrokerConfig;
use ::controller::{Decision, Entropy, Image, decide};
use kafka_protocol::messages::{
    BrokerHeartbeatResponse, BrokerRegistrationResponse, CreateTopicsResponse,
};
use quorum::{DiskError, Quorum, QuorumStatus};
use store::Damage;
use tokio::sync::{mpsc, oneshot, watch};
use wire::ErrorCode;
use wire::request::{
    AllocateProducerIdsRequest, BrokerHeartbeatRequest, BrokerRegistrationRequest,
    CreateTopicsRequest,
};

use super::decisions::{Decided, Extent, Job};

/// Clones share one queue.
#[derive(Clone)]
pub(crate) struct ControllerChannel {
    jobs: mpsc::Sender<Job>,
    /// What the broker has applied.
    applied: watch::Receiver<Arc<Image>>,
    quorum: Quorum,
}

impl ControllerChannel {
    pub(super) fn new(
        jobs: mpsc::Sender<Job>,
        applied: watch::Receiver<Arc<Image>>,
        quorum: Quorum,
    ) -> Self {
        Self {
            jobs,
            applied,
            quorum,
        }
    }

    /// Who agrees on the metadata, and how far they are.
    pub(crate) fn quorum_status(&self) -> QuorumStatus {
        self.quorum.status()
    }

    /// Looks for damage in the metadata log. Waits for the disk.
    pub(crate) fn scrub(
        &self,
        pace: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Vec<Damage>, DiskError> {
        self.quorum.scrub(pace)
    }

    /// Has a decision made, committed and applied. NOT_CONTROLLER if this node does not lead, or no longer;
    /// POLICY_VIOLATION if it changes more at once than the metadata log can take as one.
    pub(crate) async fn decide<R: Send + 'static>(
        &self,
        decision: impl FnOnce(&Image, &mut Entropy) -> Decision<R> + Send + 'static,
    ) -> Result<R, ErrorCode> {
        let (response, offset) = self.commit(Extent::OneBatch, decision).await?;
        self.applied(response, offset).await
    }

    async fn applied<R>(&self, response: R, offset: i64) -> Result<R, ErrorCode> {
        let mut applied = self.applied.clone();
        match applied.wait_for(|image| image.offset() >= offset).await {
            Ok(_) => Ok(response),
            Err(_) => Err(ErrorCode::NotController),
        }
    }

    /// As [`ControllerChannel::decide`], without waiting for this broker; answers with the last offset as well.
    async fn commit<R: Send + 'static>(
        &self,
        extent: Extent,
        decision: impl FnOnce(&Image, &mut Entropy) -> Decision<R> + Send + 'static,
    ) -> Result<(R, i64), ErrorCode> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |image, entropy| {
            let Decision { records, response } = decision(image, entropy);
            let answer = Box::new(move |committed: Result<i64, ErrorCode>| {
                // Who asked may be gone.
                let _ = answer.send(committed.map(|offset| (response, offset)));
            });
            Decided {
                records,
                extent,
                answer,
            }
        });
        self.jobs
            .send(job)
            .await
            .map_err(|_| ErrorCode::NotController)?;
        answered.await.map_err(|_| ErrorCode::NotController)?
    }

    pub(super) async fn bootstrap(&self) -> Result<(), ErrorCode> {
        let records = |image: &Image, _: &mut Entropy| Decision {
            records: decide::bootstrap(image),
            response: (),
        };
        self.commit(Extent::Any, records).await.map(|_| ())
    }

    pub(super) async fn register(
        &self,
        config: Arc<BrokerConfig>,
        request: BrokerRegistrationRequest,
    ) -> Result<(BrokerRegistrationResponse, i64), ErrorCode> {
        self.commit(Extent::Any, move |image, _| {
            decide::register(image, &config, &request, true)
        })
        .await
    }

    pub(super) async fn heartbeat(
        &self,
        config: Arc<BrokerConfig>,
        request: BrokerHeartbeatRequest,
    ) -> Result<BrokerHeartbeatResponse, ErrorCode> {
        let heartbeat =
            move |image: &Image, _: &mut Entropy| decide::heartbeat(image, &config, &request);
        let (response, offset) = self.commit(Extent::Any, heartbeat).await?;
        self.applied(response, offset).await
    }

    pub(crate) async fn create_topics(
        &self,
        config: Arc<BrokerConfig>,
        request: CreateTopicsRequest,
    ) -> Result<CreateTopicsResponse, ErrorCode> {
        self.decide(move |image, entropy| decide::create_topics(image, &config, &request, entropy))
            .await
    }

    /// A block of ids that nobody else has.
    pub(crate) async fn allocate_producer_ids(
        &self,
        broker_id: i32,
    ) -> Result<Range<i64>, ErrorCode> {
        let response = self.decide(move |image, _| {
            let broker_epoch = image.broker(broker_id).map_or(-1, |broker| broker.epoch);
            decide::allocate_producer_ids(
                image,
                &AllocateProducerIdsRequest {
                    broker_id,
                    broker_epoch,
                },
            )
        });
        let response = response.await?;
        match ErrorCode::try_from_code(response.error_code) {
            Some(error) => Err(error),
            None => {
                let start = response.producer_id_start.0;
                Ok(start..start + i64::from(response.producer_id_len))
            }
        }
    }
}
