//! The metadata log and its sidecar on disk: synchronous, so called from blocking threads only.
//!
//! Invariant: the sidecar changes before the log does. A crash in between is mended at open.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use format::batches;
use openraft::entry::RaftPayload;
use parking_lot::Mutex;
use store::{AppendArgs, Damage, Log, LogOptions, Origin};

use crate::batch::{self, Writer};
use crate::checkpoint::{self, Checkpoint, CheckpointError, CheckpointId, Contents};
use crate::damage;
use crate::disk_error::DiskError;
use crate::file;
use crate::full_disk::patiently;
use crate::positions::Positions;
use crate::sidecar::Sidecar;
use crate::types::{Entry, LogId, Membership, SnapshotMeta, StoredMembership, Vote, VoterId};

/// How much of the log is read at once.
const READ_SIZE_BYTES: u32 = 1 << 20;

pub(crate) struct Disk {
    me: VoterId,
    log: Log,
    sidecar: Mutex<Sidecar>,
    /// Held for moments only, and never while another lock is waited for.
    tail: Mutex<Tail>,
    /// The node stops: no append waits any longer.
    is_stopping: AtomicBool,
}

/// What is known of the log without reading it.
struct Tail {
    positions: Positions,
    /// As the last membership entry or the checkpoint says.
    voters: Vec<i32>,
    committed: Option<LogId>,
}

/// A batch as an observer sees it.
pub(crate) struct CommittedBatch {
    pub(crate) header: format::BatchHeader,
    pub(crate) records: Vec<Bytes>,
}

impl Disk {
    /// Opens the log in `dir`, finds its entries, and forgets that this node ever led.
    pub(crate) fn open(me: VoterId, dir: &Path, options: LogOptions) -> Result<Self, DiskError> {
        std::fs::create_dir_all(dir)?;
        file::delete_unfinished(dir)?;
        let mut sidecar = Sidecar::open(dir)?;
        sidecar.relinquish();
        let (first_index, first_offset) = sidecar.first();
        damage::look(dir, first_offset)?;
        // What is checked anew is bounded by the newest checkpoint.
        let known = store::Checkpoint {
            recovery_point: first_offset,
            log_start: first_offset,
            clean: false,
        };
        let log = Log::open(dir, options, known, now_ms())?;
        if log.log_end() < first_offset {
            // The crash came after the sidecar's change of a purge beyond the log's end.
            log.truncate_fully_and_start_at(first_offset, now_ms())?;
        }
        let positions = Positions::new(sidecar.purged(), first_index, first_offset);
        let checkpoint = sidecar.checkpoint();
        if let Some((id, _)) = &checkpoint
            && !id.path(dir).is_file()
        {
            return Err(DiskError::MissingCheckpoint(id.path(dir)));
        }
        let voters = checkpoint.map(|(_, meta)| voter_ids(meta.last_membership.membership()));
        let disk = Self {
            me,
            log,
            tail: Mutex::new(Tail {
                positions,
                voters: voters.unwrap_or_default(),
                committed: sidecar.committed(),
            }),
            sidecar: Mutex::new(sidecar),
            is_stopping: AtomicBool::new(false),
        };
        disk.scan(first_offset)?;
        disk.check_end()?;
        Ok(disk)
    }

    /// What was committed is there.
    fn check_end(&self) -> Result<(), DiskError> {
        let tail = self.tail.lock();
        match tail.committed {
            Some(committed) if tail.positions.last() < Some(committed) => {
                Err(DiskError::TooShort {
                    end_offset: tail.positions.end_offset(),
                    index: committed.index,
                })
            }
            _ => Ok(()),
        }
    }

    /// Rebuilds the positions of all entries from `offset` on. No checksum covers offsets and epochs: offsets are dense,
    /// and an epoch begins, after its leader's vote, with a control batch.
    fn scan(&self, offset: i64) -> Result<(), DiskError> {
        let voted = self.vote().map_or(u64::MAX, |vote| vote.leader_id.term);
        self.for_each_batch(offset..self.log.log_end(), |disk, bytes, header| {
            let mut tail = disk.tail.lock();
            let expected = tail.positions.end_offset();
            let (term, found) = (header.partition_leader_epoch as u64, header.base_offset);
            if found != expected {
                return Err(DiskError::Gap { expected, found });
            }
            let before = tail.positions.last().map_or(0, |id| id.leader_id.term);
            let is_next = term == before || header.is_control() && (before..=voted).contains(&term);
            if !is_next {
                return Err(DiskError::Epoch {
                    offset: found,
                    found: header.partition_leader_epoch,
                });
            }
            tail.positions.push(term, header.next_offset());
            if header.is_control()
                && let Some(id) = tail.positions.last()
                && let Some(membership) = batch::decode(bytes, id, None)?.get_membership()
            {
                tail.voters = voter_ids(membership);
            }
            Ok(())
        })
    }

    /// Reads whole batches in `offsets`, in order.
    fn for_each_batch(
        &self,
        offsets: Range<i64>,
        mut visit: impl FnMut(&Self, &Bytes, &format::BatchHeader) -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        let mut next_offset = offsets.start;
        while next_offset < offsets.end {
            let payload = self
                .log
                .read(next_offset, READ_SIZE_BYTES, offsets.end, true)?;
            let bytes = payload.into_bytes()?;
            let read_from = next_offset;
            for batch in batches(&bytes) {
                let batch = batch?;
                next_offset = batch.header.next_offset();
                visit(self, &bytes.slice_ref(batch.bytes), &batch.header)?;
            }
            if next_offset == read_from {
                let found = self.log.log_end();
                return Err(DiskError::Gap {
                    expected: offsets.end,
                    found,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn dir(&self) -> Arc<Path> {
        self.log.path()
    }

    pub(crate) fn log_start(&self) -> i64 {
        self.log.log_start()
    }

    pub(crate) fn log_end(&self) -> i64 {
        self.log.log_end()
    }

    pub(crate) fn vote(&self) -> Option<Vote> {
        self.sidecar.lock().vote()
    }

    pub(crate) fn save_vote(&self, vote: &Vote) -> Result<(), DiskError> {
        Ok(self.change_sidecar(|sidecar| sidecar.set_vote(vote))?)
    }

    fn change_sidecar(
        &self,
        change: impl FnOnce(&mut Sidecar) -> io::Result<()>,
    ) -> io::Result<()> {
        let committed = self.committed();
        let mut sidecar = self.sidecar.lock();
        sidecar.note_committed(committed);
        change(&mut sidecar)
    }

    pub(crate) fn committed(&self) -> Option<LogId> {
        self.tail.lock().committed
    }

    pub(crate) fn note_committed(&self, committed: Option<LogId>) {
        self.tail.lock().committed = committed;
    }

    pub(crate) fn purged_and_last(&self) -> (Option<LogId>, Option<LogId>) {
        let tail = self.tail.lock();
        (tail.positions.purged(), tail.positions.last())
    }

    /// Where entry `id` ends.
    pub(crate) fn end_of(&self, id: LogId) -> Option<i64> {
        self.tail.lock().positions.base_offset(id.index + 1)
    }

    pub(crate) fn entries(&self, range: Range<u64>) -> Result<Vec<Entry>, DiskError> {
        let (range, offsets) = {
            let positions = &self.tail.lock().positions;
            let range = positions.clamp(range);
            let offset = |index| positions.base_offset(index).unwrap_or_default();
            (range.clone(), offset(range.start)..offset(range.end))
        };
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        self.for_each_batch(offsets, |disk, bytes, _| {
            let index = range.start + entries.len() as u64;
            let id = disk.tail.lock().positions.log_id(index);
            let id = id.ok_or(DiskError::NoSuchBatch(index as i64))?;
            let membership = disk.sidecar.lock().membership(id);
            entries.push(batch::decode(bytes, id, membership)?);
            Ok(())
        })?;
        Ok(entries)
    }

    /// Appends entries, each fsynced before the next, so that only the last one can be torn.
    pub(crate) fn append(&self, entries: &[Entry]) -> Result<(), DiskError> {
        self.make_room(entries)?;
        entries.iter().try_for_each(|entry| self.append_one(entry))
    }

    fn append_one(&self, entry: &Entry) -> Result<(), DiskError> {
        let (next_offset, mut voters) = {
            let tail = self.tail.lock();
            (tail.positions.end_offset(), tail.voters.clone())
        };
        if let Some(membership) = entry.get_membership() {
            voters = voter_ids(membership);
            if !batch::is_uniform(membership) {
                self.change_sidecar(|sidecar| sidecar.add_membership(entry.log_id, membership))?;
            }
        }
        let by = Writer {
            me: self.me,
            voters: &voters,
            now_ms: now_ms(),
        };
        let mut bytes = batch::encode(entry, next_offset, &by)?.to_vec();
        let end_offset = format::BatchHeader::parse(&bytes)?.next_offset();
        let args = AppendArgs {
            // Offsets and epochs are in the batches.
            leader_epoch: format::NO_PARTITION_LEADER_EPOCH,
            now_ms: now_ms(),
            origin: Origin::Replication,
        };
        patiently(&self.is_stopping, || self.log.append(&mut bytes, args))?;
        self.log.sync()?;
        let mut tail = self.tail.lock();
        tail.voters = voters;
        tail.positions.push(entry.log_id.leader_id.term, end_offset);
        Ok(())
    }

    /// Fails appends that wait for a full disk, and those to come that would.
    pub(crate) fn stop_waiting(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// An empty log takes its first index from its first entry.
    fn make_room(&self, entries: &[Entry]) -> Result<(), DiskError> {
        let Some(first) = entries.first().map(|entry| entry.log_id.index) else {
            return Ok(());
        };
        let (next_index, purged, end_offset) = {
            let positions = &self.tail.lock().positions;
            (
                positions.next_index(),
                positions.purged(),
                positions.end_offset(),
            )
        };
        if first == next_index {
            return Ok(());
        }
        if !self.tail.lock().positions.is_empty() {
            return Err(DiskError::NoSuchBatch(first as i64));
        }
        self.change_sidecar(|sidecar| sidecar.set_first(purged, first, end_offset))?;
        self.tail.lock().positions = Positions::new(purged, first, end_offset);
        Ok(())
    }

    /// Removes the entries from `index` on.
    pub(crate) fn truncate(&self, index: u64) -> Result<(), DiskError> {
        let offset = {
            let positions = &self.tail.lock().positions;
            positions.base_offset(index.max(positions.first_index()))
        };
        let Some(offset) = offset else { return Ok(()) };
        self.log.truncate_to(offset, now_ms())?;
        self.tail.lock().positions.truncate(index);
        Ok(())
    }

    /// Removes the entries up to and with `id`, which a checkpoint covers.
    pub(crate) fn purge(&self, id: LogId) -> Result<(), DiskError> {
        let end_offset = self.end_of(id).unwrap_or_else(|| self.end_of_installed(id));
        self.change_sidecar(|sidecar| sidecar.set_first(Some(id), id.index + 1, end_offset))?;
        if end_offset > self.log.log_end() {
            self.log.truncate_fully_and_start_at(end_offset, now_ms())?;
        } else {
            self.log
                .delete_records_before(end_offset)
                .map_err(io::Error::other)?;
            self.log.apply_retention(now_ms(), end_offset)?;
            self.log.purge(now_ms())?;
        }
        self.tail.lock().positions.purge(id, end_offset);
        Ok(())
    }

    /// Where an entry ends that this log never had.
    fn end_of_installed(&self, id: LogId) -> i64 {
        match self.checkpoint() {
            Some((checkpoint, meta)) if meta.last_log_id == Some(id) => checkpoint.end_offset,
            _ => self.log.log_end(),
        }
    }

    pub(crate) fn checkpoint(&self) -> Option<(CheckpointId, SnapshotMeta)> {
        self.sidecar.lock().checkpoint()
    }

    /// The entry that ends at `id`'s end offset.
    pub(crate) fn entry_ending_at(&self, id: CheckpointId) -> Option<LogId> {
        let entry = self.tail.lock().positions.ending_at(id.end_offset)?;
        (crate::types::epoch(entry.leader_id.term) == Some(id.epoch)).then_some(entry)
    }

    /// When the batch of entry `id` was written.
    pub(crate) fn timestamp_of(&self, id: LogId) -> Result<i64, DiskError> {
        let offsets = {
            let positions = &self.tail.lock().positions;
            positions
                .base_offset(id.index)
                .zip(positions.base_offset(id.index + 1))
        };
        let (start, end) = offsets.ok_or(DiskError::NoSuchBatch(id.index as i64))?;
        let mut timestamp = 0;
        self.for_each_batch(start..end, |_, _, header| {
            timestamp = header.max_timestamp;
            Ok(())
        })?;
        Ok(timestamp)
    }

    /// Makes a checkpoint of `contents` and deletes the ones before it.
    pub(crate) fn write_checkpoint(
        &self,
        id: CheckpointId,
        last: LogId,
        membership: &StoredMembership,
        contents: &Contents,
    ) -> Result<Checkpoint, DiskError> {
        let dir = self.log.path();
        let checkpoint = checkpoint::write(&dir, id, membership.membership(), contents, now_ms())
            .map_err(|error| checkpoint_error(&id.path(&dir), error))?;
        self.adopt_checkpoint(id, last, membership)?;
        Ok(checkpoint)
    }

    /// Makes the checkpoint file `id` the current one.
    pub(crate) fn adopt_checkpoint(
        &self,
        id: CheckpointId,
        last: LogId,
        membership: &StoredMembership,
    ) -> Result<(), DiskError> {
        self.change_sidecar(|sidecar| sidecar.set_checkpoint(id, last, membership))?;
        Ok(checkpoint::delete_older(&self.log.path(), id)?)
    }

    /// See [`Log::scrub`]; the newest checkpoint is read too.
    pub(crate) fn scrub(
        &self,
        pace: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Vec<Damage>, DiskError> {
        let mut found = self.log.scrub(pace)?;
        let newest = || self.checkpoint().map(|(id, _)| id);
        if let Some(id) = newest()
            && let Err(error) = self.read_checkpoint(id)
            // Else it was replaced and deleted meanwhile.
            && newest() == Some(id)
        {
            found.push(Damage {
                path: id.path(&self.dir()),
                position: 0,
                problem: error.to_string(),
            });
        }
        Ok(found)
    }

    pub(crate) fn read_checkpoint(&self, id: CheckpointId) -> Result<Contents, DiskError> {
        let path = id.path(&self.log.path());
        checkpoint::read(&path).map_err(|error| checkpoint_error(&path, error))
    }

    /// Some of the batches in `offsets`, at least one.
    pub(crate) fn committed_batches(
        &self,
        offsets: Range<i64>,
    ) -> Result<Vec<CommittedBatch>, DiskError> {
        let payload = self
            .log
            .read(offsets.start, READ_SIZE_BYTES, offsets.end, true)?;
        let bytes = payload.into_bytes()?;
        let batch = |batch: Result<format::Batch<'_>, format::BatchError>| {
            let batch = batch?;
            let records = batch::values(&bytes.slice_ref(batch.bytes), &batch.header)?;
            Ok(CommittedBatch {
                header: batch.header,
                records,
            })
        };
        batches(&bytes).map(batch).collect()
    }

    pub(crate) fn close(&self) -> Result<(), DiskError> {
        self.change_sidecar(|sidecar| sidecar.write())?;
        Ok(self.log.close()?)
    }
}

fn checkpoint_error(path: &Path, error: CheckpointError) -> DiskError {
    match error {
        CheckpointError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            DiskError::MissingCheckpoint(path.to_owned())
        }
        CheckpointError::Io(error) => DiskError::Io(error),
        error => DiskError::Checkpoint {
            path: path.to_owned(),
            message: error.to_string(),
        },
    }
}

fn voter_ids(membership: &Membership) -> Vec<i32> {
    let ids: BTreeSet<i32> = membership.voter_ids().map(|id| id.node_id).collect();
    ids.into_iter().collect()
}

pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.map_or(0, |duration| duration.as_millis() as i64)
}

/// Runs file work where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    disk: &Arc<Disk>,
    work: impl FnOnce(&Disk) -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DiskError> {
    let disk = Arc::clone(disk);
    tokio::task::spawn_blocking(move || work(&disk))
        .await
        .unwrap_or_else(|error| Err(DiskError::Io(io::Error::other(error))))
}
