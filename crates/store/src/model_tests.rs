//! The log against a list of batches, under random operations, reopenings and crashes.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::test_support::*;
use crate::{Checkpoint, Log, LogConfig};

#[derive(Debug, Clone)]
enum Step {
    Append {
        records: usize,
        value_bytes: usize,
    },
    Read {
        at: u8,
        max_bytes: u32,
    },
    Roll,
    Sync,
    Checkpoint,
    Truncate {
        at: u8,
    },
    DeleteRecords {
        at: u8,
    },
    Retain {
        bytes: i64,
    },
    Reopen,
    /// The process dies; the unsynced tail is cut somewhere, or damaged.
    Crash {
        tail: u8,
        damage: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (1..4usize, 0..200usize).prop_map(|(records, value_bytes)| Step::Append {
        records,
        value_bytes,
    });
    let step = prop_oneof![
        10 => append,
        5 => (any::<u8>(), 0..2000u32).prop_map(|(at, max_bytes)| Step::Read { at, max_bytes }),
        1 => Just(Step::Roll),
        2 => Just(Step::Sync),
        1 => Just(Step::Checkpoint),
        1 => any::<u8>().prop_map(|at| Step::Truncate { at }),
        1 => any::<u8>().prop_map(|at| Step::DeleteRecords { at }),
        1 => (0..3000i64).prop_map(|bytes| Step::Retain { bytes }),
        1 => Just(Step::Reopen),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(tail, damage)| Step::Crash { tail, damage }),
    ];
    prop::collection::vec(step, 1..60)
}

struct Model {
    dir: tempfile::TempDir,
    generation: u32,
    log: Log,
    /// Base offset, last offset and size of each batch.
    batches: Vec<(i64, i64, usize)>,
    end: i64,
    log_start: i64,
}

fn config() -> LogConfig {
    LogConfig {
        retention_ms: -1,
        ..small_segments()
    }
}

impl Model {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(&dir.path().join("t-0"), config());
        Self {
            dir,
            generation: 0,
            log,
            batches: Vec::new(),
            end: 0,
            log_start: 0,
        }
    }

    /// A place in the log, from its start to its end.
    fn offset(&self, at: u8) -> i64 {
        self.log_start + (self.end - self.log_start) * i64::from(at) / 255
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Append {
                records,
                value_bytes,
            } => self.append(*records, *value_bytes),
            Step::Read { at, max_bytes } => self.read(self.offset(*at), *max_bytes),
            Step::Roll => self.log.roll(NOW_MS).unwrap(),
            Step::Sync => assert_eq!(self.log.sync().unwrap(), self.end),
            Step::Checkpoint => assert_eq!(self.log.checkpoint().unwrap(), self.end),
            Step::Truncate { at } => self.truncate(self.offset(*at)),
            Step::DeleteRecords { at } => {
                // Only what is below the high watermark is deleted, and that is durable.
                self.log_start = self
                    .offset(*at)
                    .min(self.log.durable_end())
                    .max(self.log_start);
                self.log.delete_records_before(self.log_start).unwrap();
            }
            Step::Retain { bytes } => self.retain(*bytes),
            Step::Reopen => self.reopen(),
            Step::Crash { tail, damage } => self.crash(*tail, *damage),
        }
    }

    fn append(&mut self, records: usize, value_bytes: usize) {
        let bytes = batch(NOW_MS, records, value_bytes);
        let size_bytes = bytes.len();
        let appended = append(&self.log, bytes);
        let last = self.end + records as i64 - 1;
        assert_eq!(
            (appended.base_offset, appended.last_offset),
            (self.end, last)
        );
        self.batches.push((self.end, last, size_bytes));
        self.end = last + 1;
    }

    /// A read answers a run of batches from the right one on, as many as fit, but may stop where a
    /// segment ends.
    fn read(&self, from: i64, max_bytes: u32) {
        let found = read(&self.log, from, max_bytes);
        let first = self.batches.partition_point(|(_, last, _)| *last < from);
        let expected = &self.batches[first..];
        assert_eq!(found.is_empty(), expected.is_empty());
        let mut size_bytes = 0;
        for ((base, last), batch) in found.iter().zip(expected) {
            assert_eq!((*base, *last), (batch.0, batch.1));
            size_bytes += batch.2;
        }
        assert!(size_bytes <= max_bytes as usize || found.len() == 1);
    }

    fn truncate(&mut self, offset: i64) {
        self.log.truncate_to(offset, NOW_MS).unwrap();
        if let Some(gone) = self.batches.iter().position(|(_, last, _)| *last >= offset) {
            self.end = self.batches[gone].0.min(offset);
            self.batches.truncate(gone);
            self.log_start = self.log_start.min(self.end);
        }
    }

    fn retain(&mut self, bytes: i64) {
        self.log.set_config(LogConfig {
            retention_bytes: bytes,
            ..config()
        });
        self.log
            .apply_retention(NOW_MS, self.log.durable_end())
            .unwrap();
        self.log.purge(i64::MAX).unwrap();
        assert!(self.log.log_start() >= self.log_start);
        self.log_start = self.log.log_start();
        let start = self.log_start;
        self.batches.retain(|(_, last, _)| *last >= start);
    }

    fn reopen(&mut self) {
        self.log.close().unwrap();
        let checkpoint = Checkpoint {
            recovery_point: self.log.recovery_point(),
            log_start: self.log_start,
            clean: true,
        };
        let path = self.log.path().to_path_buf();
        self.log = Log::open(&path, options(config()), checkpoint, NOW_MS).unwrap();
    }

    fn crash(&mut self, tail: u8, damage: bool) {
        let durable = self.log.durable_end();
        let checkpoint = Checkpoint {
            recovery_point: self.log.recovery_point(),
            log_start: self.log_start,
            clean: false,
        };
        self.generation += 1;
        let copy = self.dir.path().join(format!("t-{}", self.generation));
        copy_dir(&self.log.path(), &copy);
        self.tear_tail(&copy, durable, tail, damage);
        std::fs::remove_dir_all(self.log.path()).unwrap();
        self.log = Log::open(&copy, options(config()), checkpoint, NOW_MS).unwrap();

        let end = self.log.log_end();
        assert!(end >= durable, "{end} is below the durable end {durable}");
        assert_eq!(self.log.durable_end(), end);
        self.batches.retain(|(_, last, _)| *last < end);
        let left = self.batches.last().map_or(end, |(_, last, _)| last + 1);
        assert_eq!(left, end, "the log ends with a whole batch");
        self.end = end;
        self.log_start = self.log_start.min(end);
    }

    /// Loses some of the last segment's unsynced bytes.
    fn tear_tail(&self, copy: &Path, durable: i64, tail: u8, damage: bool) {
        let names = file_names(copy);
        let last = names.iter().rfind(|name| name.ends_with(".log")).unwrap();
        let base: i64 = last.trim_end_matches(".log").parse().unwrap();
        let synced: usize = self
            .batches
            .iter()
            .filter(|(first, last, _)| *first >= base && *last < durable)
            .map(|(_, _, size_bytes)| size_bytes)
            .sum();
        let path: PathBuf = copy.join(last);
        let mut bytes = std::fs::read(&path).unwrap();
        // What was cut off before the log start is still in the file.
        let hidden = bytes.len().saturating_sub(
            self.batches
                .iter()
                .filter(|(first, _, _)| *first >= base)
                .map(|(_, _, size_bytes)| size_bytes)
                .sum(),
        );
        let keep = hidden + synced;
        let torn = keep + (bytes.len() - keep) * usize::from(tail) / 255;
        bytes.truncate(torn);
        if damage && torn > keep {
            bytes[torn - 1] ^= 0xff;
        }
        std::fs::write(path, bytes).unwrap();
    }

    fn check(&self) {
        assert_eq!(self.log.log_end(), self.end);
        assert_eq!(self.log.log_start(), self.log_start);
        assert!(self.log.durable_end() <= self.end);
        let first = self
            .batches
            .partition_point(|(_, last, _)| *last < self.log_start);
        let expected: Vec<(i64, i64)> = self.batches[first..]
            .iter()
            .map(|(base, last, _)| (*base, *last))
            .collect();
        assert_eq!(read_all(&self.log, self.log_start), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_the_list_of_its_batches(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.run(step);
            model.check();
        }
    }
}
