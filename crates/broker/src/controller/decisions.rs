//! The one loop that decides. It takes what is queued, decides each request against a working image that already holds
//! the decisions before it, has all their records agreed upon as one batch, or more where one has no room for them, and
//! answers all.
//!
//! Invariants: one proposal is in flight at a time; the working image never holds what was not proposed; on any doubt it is
//! dropped, and taken anew from what is committed. Nothing is proposed that could not be read again.

use std::sync::Arc;

use ::controller::decide::MAX_RECORDS_PER_REQUEST;
use ::controller::{Entropy, Image};
use bytes::Bytes;
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
    pub(super) extent: Extent,
    /// Told the offset that the response holds from, or why it never will.
    pub(super) answer: Answer,
}

type Answer = Box<dyn FnOnce(Result<i64, ErrorCode>) + Send>;

/// How many batches the records of a decision may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What a request asks for happens at once or not at all; what one batch has no room for is refused.
    OneBatch,
    /// A broker that comes or goes changes all that it has.
    Any,
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

    /// Decides, commits and answers what was queued.
    async fn settle(&mut self, jobs: Vec<Job>) {
        let leadership = *self.leadership.borrow_and_update();
        if !leadership.ready {
            self.working = None;
            return;
        }
        let Some(mut working) = self.working(leadership.epoch).await else {
            return;
        };
        let room = self.quorum.batch_room();
        let mut batch = Batch::default();
        for job in jobs {
            let mut entropy = Entropy::from_seed(Uuid::new_v4().as_u128());
            let decided = job(&working.image, &mut entropy);
            let parts = match parts(decided.records, decided.extent, room) {
                Ok(parts) => parts,
                Err(code) => {
                    (decided.answer)(Err(code));
                    continue;
                }
            };
            for part in parts {
                let is_full = batch.size_bytes + part.size_bytes > room;
                if is_full && !self.commit(&working, std::mem::take(&mut batch)).await {
                    return;
                }
                if let Err(reason) = working.fold(&part.records) {
                    tracing::error!(
                        reason,
                        "a decision does not fit the metadata that it was made for"
                    );
                    (decided.answer)(Err(ErrorCode::UnknownServerError));
                    return;
                }
                batch.size_bytes += part.size_bytes;
                batch.values.extend(part.values);
            }
            batch.answers.push((decided.answer, working.image.offset()));
        }
        if self.commit(&working, batch).await {
            self.working = Some(working);
        }
    }

    /// Commits what the working image already holds, and answers. False if that is in doubt.
    async fn commit(&self, working: &Working, batch: Batch) -> bool {
        let committed = self.propose(working, batch.values).await;
        for (answer, offset) in batch.answers {
            answer(committed.map(|()| offset));
        }
        committed.is_ok()
    }

    async fn propose(&self, working: &Working, values: Vec<Bytes>) -> Result<(), ErrorCode> {
        if values.is_empty() {
            return Ok(());
        }
        match self.quorum.propose(values, working.epoch).await {
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

/// Records to be committed as one, and who waits for them.
#[derive(Default)]
struct Batch {
    values: Vec<Bytes>,
    size_bytes: usize,
    /// With the offset of the last record that each rests on.
    answers: Vec<(Answer, i64)>,
}

/// As much of one decision as goes into one batch.
#[derive(Default)]
struct Part {
    records: Vec<MetadataRecord>,
    values: Vec<Bytes>,
    size_bytes: usize,
}

/// Cuts a decision's records so that each part fits into a batch with so much room.
fn parts(
    records: Vec<MetadataRecord>,
    extent: Extent,
    room: usize,
) -> Result<Vec<Part>, ErrorCode> {
    // As Kafka refuses what causes too many records.
    let too_large = Err(ErrorCode::PolicyViolation);
    if extent == Extent::OneBatch && records.len() > MAX_RECORDS_PER_REQUEST {
        return too_large;
    }
    let mut parts = Vec::new();
    let mut part = Part::default();
    for record in records {
        let value = encode(&record)?;
        let size_bytes = quorum::room_of(&value);
        if part.size_bytes + size_bytes > room {
            if extent == Extent::OneBatch {
                return too_large;
            }
            parts.push(std::mem::take(&mut part));
        }
        part.records.push(record);
        part.values.push(value);
        part.size_bytes += size_bytes;
    }
    parts.push(part);
    Ok(parts)
}

/// What cannot be read again is a fault of ours. Committed, it would end this node and every start to come.
fn encode(record: &MetadataRecord) -> Result<Bytes, ErrorCode> {
    let fault = |reason: String| {
        let record = record.name();
        tracing::error!(record, reason, "a metadata record cannot be stored");
        ErrorCode::UnknownServerError
    };
    let value = record.encode().map_err(|error| fault(error.to_string()))?;
    let read = MetadataRecord::decode(&value).map_err(|error| fault(error.to_string()))?;
    debug_assert_eq!(read, *record);
    Ok(value)
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
