//! What a process has used so far, by the kernel's own accounting: its CPU clock, which is finer than the ticks of
//! `/proc/PID/stat`, and `/proc/PID/status`.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use nix::time::ClockId;
use nix::unistd::Pid;
use serde::Serialize;

const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// What the broker used during a measured interval.
#[derive(Serialize, Default, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) cpu_s: f64,
    /// The most that was seen during the interval.
    pub(crate) rss_anon_bytes: u64,
    pub(crate) rss_bytes: u64,
}

/// CPU seconds of all threads that the process has or had.
pub(crate) fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid)?))?;
    Ok(Duration::from(clock.now()?).as_secs_f64())
}

fn memory_bytes(pid: u32, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .with_context(|| format!("no {field} in the status of {pid}"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Runs `work` and says what the process used meanwhile.
pub(crate) fn watching<T>(
    pid: Option<u32>,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(T, Used)> {
    let Some(pid) = pid else {
        return Ok((work()?, Used::default()));
    };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let before_s = cpu_s(pid)?;
        let sampler = scope.spawn(|| {
            let mut most = Used::default();
            loop {
                let last = done.load(Ordering::Relaxed);
                most.rss_anon_bytes = most.rss_anon_bytes.max(memory_bytes(pid, "RssAnon")?);
                most.rss_bytes = most.rss_bytes.max(memory_bytes(pid, "VmRSS")?);
                if last {
                    return anyhow::Ok(most);
                }
                thread::park_timeout(SAMPLE_EVERY);
            }
        });
        let outcome = work();
        let after_s = cpu_s(pid)?;
        done.store(true, Ordering::Relaxed);
        sampler.thread().unpark();
        let mut used = sampler
            .join()
            .map_err(|_| anyhow::anyhow!("the sampler panicked"))??;
        used.cpu_s = after_s - before_s;
        Ok((outcome?, used))
    })
}
