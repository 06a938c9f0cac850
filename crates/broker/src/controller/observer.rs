//! Follows the committed metadata log and brings each step to the broker.
//!
//! Invariant: images are applied in order, each exactly once, and published only when the broker has applied them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::controller::{Delta, Image};
use quorum::{Committed, ObserveError, Observer, Quorum};
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use wire::records::metadata::MetadataRecord;

use crate::broker::Broker;

#[derive(Debug, Error)]
pub enum FollowError {
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error("the metadata log holds what cannot be read at offset {offset}: {reason}")]
    Unreadable { offset: i64, reason: String },
}

/// The committed log, folded as far as it was read.
pub(super) struct Follower {
    observer: Observer,
    image: Image,
    delta: Delta,
    /// Encoded records folded since the last snapshot.
    bytes_since_snapshot: u64,
}

impl Follower {
    pub(super) fn new(observer: Observer, image: Image) -> Self {
        Self {
            observer,
            image,
            delta: Delta::default(),
            bytes_since_snapshot: 0,
        }
    }

    pub(super) fn image(&self) -> &Image {
        &self.image
    }

    /// What changed since the last call.
    pub(super) fn take_delta(&mut self) -> Delta {
        std::mem::take(&mut self.delta)
    }

    /// Folds everything before `end_offset`.
    pub(super) async fn fold_to(&mut self, end_offset: i64) -> Result<(), FollowError> {
        while self.image.offset() + 1 < end_offset {
            self.fold_next().await?;
        }
        Ok(())
    }

    async fn fold_next(&mut self) -> Result<(), FollowError> {
        match self.observer.next().await? {
            Committed::Snapshot {
                end_offset,
                epoch,
                records,
                ..
            } => {
                let before = std::mem::replace(&mut self.image, Image::empty(""));
                self.image = Image::empty(before.cluster_id());
                self.fold(end_offset, epoch, &records)?;
                self.delta = Delta::between(&before, &self.image);
                self.bytes_since_snapshot = 0;
            }
            Committed::Batch {
                end_offset,
                epoch,
                records,
                ..
            } => self.fold(end_offset, epoch, &records)?,
        }
        Ok(())
    }

    fn fold(
        &mut self,
        end_offset: i64,
        epoch: i32,
        records: &[bytes::Bytes],
    ) -> Result<(), FollowError> {
        let unreadable = |reason: String| FollowError::Unreadable {
            offset: end_offset - 1,
            reason,
        };
        for value in records {
            let record =
                MetadataRecord::decode(value).map_err(|error| unreadable(error.to_string()))?;
            let change = self
                .image
                .apply(&record)
                .map_err(|error| unreadable(error.to_string()))?;
            self.delta.add(change);
            self.bytes_since_snapshot += value.len() as u64;
        }
        self.image.advance(end_offset - 1, epoch);
        Ok(())
    }
}

/// Runs until it is asked to stop, which never comes in the middle of an image, or the quorum shuts down; a log that cannot be followed ends the process.
pub(super) async fn observe(
    mut follower: Follower,
    broker: Arc<Broker>,
    applied: watch::Sender<Arc<Image>>,
    quorum: Quorum,
    mut stop_asked: oneshot::Receiver<()>,
) {
    let mut last_snapshot = Instant::now();
    loop {
        let folded = tokio::select! {
            biased;
            _ = &mut stop_asked => return,
            folded = follower.fold_next() => folded,
        };
        match folded {
            Ok(()) => {}
            Err(FollowError::Observe(ObserveError::Closed)) => return,
            Err(error) => {
                tracing::error!(%error, "the metadata log cannot be followed: the broker ends");
                std::process::exit(1);
            }
        }
        let image = Arc::new(follower.image.clone());
        let delta = follower.take_delta();
        apply(&broker, image.clone(), delta).await;
        applied.send_replace(image);
        if is_snapshot_due(&follower, &broker, last_snapshot) {
            last_snapshot = Instant::now();
            follower.bytes_since_snapshot = 0;
            write_snapshot(&follower.image, &quorum).await;
        }
    }
}

/// Applies on a blocking thread: logs are opened and deleted there.
pub(super) async fn apply(broker: &Arc<Broker>, image: Arc<Image>, delta: Delta) {
    let broker = broker.clone();
    let applied = tokio::task::spawn_blocking(move || broker.apply(image, &delta)).await;
    if applied.is_err() {
        tracing::error!("applying metadata panicked: the broker ends");
        std::process::exit(1);
    }
}

/// By bytes and by time, as Kafka's keys say.
fn is_snapshot_due(follower: &Follower, broker: &Broker, last: Instant) -> bool {
    let keys = &broker.config().quorum;
    let max_bytes =
        u64::try_from(keys.metadata_log_max_record_bytes_between_snapshots).unwrap_or(u64::MAX);
    let max_age = u64::try_from(keys.metadata_log_max_snapshot_interval_ms).unwrap_or(0);
    let is_old = max_age > 0 && last.elapsed() >= Duration::from_millis(max_age);
    follower.bytes_since_snapshot >= max_bytes || (is_old && follower.bytes_since_snapshot > 0)
}

async fn write_snapshot(image: &Image, quorum: &Quorum) {
    let records = image
        .to_records()
        .iter()
        .map(MetadataRecord::encode)
        .collect::<Result<Vec<_>, _>>();
    let written = match records {
        Ok(records) => {
            let written = quorum
                .write_snapshot(image.offset() + 1, image.epoch(), records)
                .await;
            written.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = written {
        tracing::error!(error, "metadata snapshot not written");
    }
}
