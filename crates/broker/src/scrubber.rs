//! Reads everything that is stored once in a while and tells what is damaged (`log.scrub.interval.ms`).
//!
//! One thread of its own, for it is slow on purpose: it must not be felt.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use replica::Partition;
use store::{Damage, ScrubMark};

use crate::broker::Broker;
use crate::clock;
use crate::limits::SCRUB_BYTES_PER_SECOND;

pub(crate) struct Scrubber {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Scrubber {
    /// `None` if the interval is -1: it was not asked for.
    pub(crate) fn start(broker: Arc<Broker>, interval_ms: i64) -> std::io::Result<Option<Self>> {
        if interval_ms < 0 {
            return Ok(None);
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let asked = stopping.clone();
        let thread = std::thread::Builder::new()
            .name("scrubber".into())
            .spawn(move || run(&broker, interval_ms, &asked))?;
        Ok(Some(Self { stopping, thread }))
    }

    pub(crate) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the scrubber panicked");
        }
    }
}

/// One pass after another, until the node stops.
fn run(broker: &Broker, interval_ms: i64, stopping: &AtomicBool) {
    let found = broker.logs.dirs().first().and_then(|dir| dir.scrub_mark());
    let mut mark = found.unwrap_or_else(|| done_now(broker));
    loop {
        // Not even a clock that was set back puts it off for longer than the interval.
        let due_ms = mark.finished_ms.saturating_add(interval_ms);
        let left_ms = due_ms.saturating_sub(clock::now_ms()).clamp(0, interval_ms);
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        if !wait(left, stopping) || !scrub(broker, &mut mark, stopping) {
            return;
        }
        mark = done_now(broker);
    }
}

fn done_now(broker: &Broker) -> ScrubMark {
    let mark = ScrubMark {
        finished_ms: clock::now_ms(),
        reached: String::new(),
    };
    note(broker, &mark);
    mark
}

fn note(broker: &Broker, mark: &ScrubMark) {
    if let Some(dir) = broker.logs.dirs().first()
        && let Err(error) = dir.set_scrub_mark(mark)
    {
        tracing::warn!(%error, "it cannot be noted how far the scrub came");
    }
}

/// False: the node stops.
fn wait(time: Duration, stopping: &AtomicBool) -> bool {
    let until = Instant::now() + time;
    while !stopping.load(Ordering::Acquire) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::park_timeout(left);
    }
    false
}

/// Goes on behind what the mark says was reached. False: the node stops.
fn scrub(broker: &Broker, mark: &mut ScrubMark, stopping: &AtomicBool) -> bool {
    let (mut bytes, mut damages) = (0, 0);
    let mut pace = |read| {
        bytes += read;
        let pause = Duration::from_secs_f64(read as f64 / SCRUB_BYTES_PER_SECOND as f64);
        wait(pause, stopping)
    };
    if mark.reached.is_empty() {
        let found = broker.controller.scrub(&mut pace);
        damages += tell("the metadata log", found);
    }
    let mut partitions: Vec<(String, Arc<Partition>)> = Vec::new();
    for partition in broker
        .topics
        .all()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        let name = format!("{}-{}", partition.topic, partition.index);
        if name > mark.reached && !partition.log().failed() {
            partitions.push((name, partition));
        }
    }
    partitions.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (name, partition) in partitions {
        damages += tell(&name, partition.log().scrub(&mut pace));
        if stopping.load(Ordering::Acquire) {
            return false;
        }
        mark.reached = name;
        note(broker, mark);
    }
    tracing::info!(bytes, damages, "scrubbed");
    true
}

/// Returns how many damages there are.
fn tell<E: Display>(log: &str, found: Result<Vec<Damage>, E>) -> usize {
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(log, %error, "cannot scrub");
            return 1;
        }
    };
    for damage in &found {
        tracing::error!(
            path = %damage.path.display(),
            position = damage.position,
            problem = damage.problem,
            "damaged"
        );
    }
    found.len()
}
