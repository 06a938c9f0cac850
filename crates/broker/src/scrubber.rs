//! Reads everything that is stored once in a while and tells what is damaged (`log.scrub.interval.ms`).
//!
//! One thread of its own, for it is slow on purpose: it must not be felt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use replica::Partition;

use crate::broker::Broker;
use crate::limits::SCRUB_BYTES_PER_SECOND;

pub(crate) struct Scrubber {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Scrubber {
    /// `None` if the interval is -1: it was not asked for.
    pub(crate) fn start(broker: Arc<Broker>, interval_ms: i64) -> std::io::Result<Option<Self>> {
        let Ok(interval_ms) = u64::try_from(interval_ms) else {
            return Ok(None);
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let asked = stopping.clone();
        let interval = Duration::from_millis(interval_ms);
        let thread = std::thread::Builder::new()
            .name("scrubber".into())
            .spawn(move || {
                while wait(interval, &asked) {
                    scrub(&broker, &asked);
                }
            })?;
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

fn scrub(broker: &Broker, stopping: &AtomicBool) {
    let topics = broker.topics.all();
    let partitions = topics.iter().flat_map(|topic| topic.partitions());
    let (mut bytes, mut damages) = (0, 0);
    for partition in partitions.filter(|partition| !partition.log().failed()) {
        if stopping.load(Ordering::Acquire) {
            return;
        }
        damages += scrub_partition(&partition, &mut |read| {
            bytes += read;
            let pause = Duration::from_secs_f64(read as f64 / SCRUB_BYTES_PER_SECOND as f64);
            wait(pause, stopping)
        });
    }
    tracing::info!(bytes, damages, "scrubbed");
}

/// Returns how many damages there are.
fn scrub_partition(partition: &Partition, pace: &mut dyn FnMut(u64) -> bool) -> usize {
    let found = match partition.log().scrub(pace) {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(topic = %partition.topic, partition = partition.index, %error, "cannot scrub");
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
