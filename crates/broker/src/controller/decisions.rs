//! The one loop that decides. It takes what is queued, decides each request against a working image that already holds
//! the decisions before it, has all their records agreed upon as one batch, and answers all.
//!
//! Invariants: one proposal is in flight at a time; the working image never holds what was not proposed; on any doubt it is
//! dropped, and taken anew from what is committed.

use std::sync::Arc;

use ::controller::{Entropy, Image};
use quorum::{Leadership, Quorum};
use replica::Vital;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;
use wire::ErrorCode;
use wire::records::metadata::MetadataRecord;

use crate::limits::{CONTROLLER_BATCH, CONTROLLER_QUEUE};

/// A decision to be made. It is dropped unheard where this node does not lead.
pub(super) type Job = Box<dyn FnOnce(&Image, &mut Entropy) -> Decided + Send>;

/// A decision made, not yet committed.
pub(super) struct Decided {
    pub(super) records: Vec<MetadataRecord>,
    /// Told the offset that the response holds from, or why it never will.
    pub(super) answer: Box<dyn FnOnce(Result<i64, ErrorCode>) + Send>,
}

pub(super) struct DecisionLoop {
    quorum: Quorum,
    leadership: watch::Receiver<Leadership>,
    /// What is committed and applied by the broker.
    images: watch::Receiver<Arc<Image>>,
    working: Option<Working>,
}

struct Working {
    epoch: i32,
    image: Image,
}

impl DecisionLoop {
    /// `image` holds all that was committed before `epoch`, in which this node leads.
    pub(super) fn new(
        quorum: Quorum,
        images: watch::Receiver<Arc<Image>>,
        epoch: i32,
        image: Image,
    ) -> Self {
        let leadership = quorum.leadership();
        Self {
            quorum,
            leadership,
            images,
            working: Some(Working { epoch, image }),
        }
    }

    pub(super) fn start(mut self) -> mpsc::Sender<Job> {
        let (jobs, mut queue) = mpsc::channel(CONTROLLER_QUEUE);
        tokio::spawn(Vital::task("decisions", async move {
            let mut batch = Vec::with_capacity(CONTROLLER_BATCH);
            while queue.recv_many(&mut batch, CONTROLLER_BATCH).await > 0 {
                self.settle(std::mem::take(&mut batch)).await;
            }
        }));
        jobs
    }

    /// Decides, commits and answers one batch of jobs.
    async fn settle(&mut self, jobs: Vec<Job>) {
        let leadership = *self.leadership.borrow_and_update();
        if !leadership.ready {
            self.working = None;
            return;
        }
        let Some(mut working) = self.working(leadership.epoch).await else {
            return;
        };
        let mut records = Vec::new();
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            let decided = job(
                &working.image,
                &mut Entropy::from_seed(Uuid::new_v4().as_u128()),
            );
            if let Err(reason) = working.fold(&decided.records) {
                tracing::error!(
                    reason,
                    "a decision does not fit the metadata that it was made for"
                );
                (decided.answer)(Err(ErrorCode::UnknownServerError));
                return;
            }
            answers.push((decided.answer, working.image.offset()));
            records.extend(decided.records);
        }
        let committed = self.commit(&working, &records).await;
        for (answer, offset) in answers {
            answer(committed.map(|()| offset));
        }
        if committed.is_ok() {
            self.working = Some(working);
        }
    }

    async fn commit(&self, working: &Working, records: &[MetadataRecord]) -> Result<(), ErrorCode> {
        if records.is_empty() {
            return Ok(());
        }
        let encoded = records
            .iter()
            .map(MetadataRecord::encode)
            .collect::<Result<Vec<_>, _>>();
        let encoded = encoded.map_err(|error| {
            tracing::error!(%error, "a metadata record cannot be encoded");
            ErrorCode::UnknownServerError
        })?;
        match self.quorum.propose(encoded, working.epoch).await {
            Ok(last_offset) if last_offset == working.image.offset() => Ok(()),
            Ok(last_offset) => {
                let expected = working.image.offset();
                tracing::error!(
                    last_offset,
                    expected,
                    "metadata records landed at other offsets than foreseen"
                );
                Err(ErrorCode::NotController)
            }
            Err(error) => {
                tracing::warn!(%error, "a decision was not committed");
                Err(ErrorCode::NotController)
            }
        }
    }

    /// The image to decide against. A new leader waits until everything before its epoch is applied.
    async fn working(&mut self, epoch: i32) -> Option<Working> {
        match self.working.take() {
            Some(working) if working.epoch == epoch => Some(working),
            _ => {
                let committed_end = self.quorum.status().high_watermark;
                let caught_up = self
                    .images
                    .wait_for(|image| image.offset() + 1 >= committed_end)
                    .await
                    .ok()?;
                Some(Working {
                    epoch,
                    image: Image::clone(&caught_up),
                })
            }
        }
    }
}

impl Working {
    fn fold(&mut self, records: &[MetadataRecord]) -> Result<(), String> {
        for record in records {
            self.image
                .apply(record)
                .map_err(|error| error.to_string())?;
            self.image.advance(self.image.offset() + 1, self.epoch);
        }
        Ok(())
    }
}
