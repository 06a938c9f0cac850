//! Keeps a misbehaving client from flooding the log: a few lines a second, then a count of those left out.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

const LINES_PER_SECOND: u32 = 5;

/// One rate-limited place in the log.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    window: Mutex<Option<Window>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl LogLimit {
    /// Runs `line` if the current second still has room for it.
    pub(crate) fn warn(&self, line: impl FnOnce()) {
        let Some(left_out) = self.admit(Instant::now()) else {
            return;
        };
        if left_out > 0 {
            tracing::warn!(left_out, "similar lines were left out");
        }
        line();
    }

    /// `None`: no room; otherwise how many were left out since the last admitted line.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut slot = self.window.lock();
        let window = slot.get_or_insert(Window {
            began: now,
            lines: 0,
            left_out: 0,
        });
        if now.duration_since(window.began) >= Duration::from_secs(1) {
            window.began = now;
            window.lines = 0;
        }
        if window.lines >= LINES_PER_SECOND {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_a_count() {
        let (limit, start) = (LogLimit::default(), Instant::now());
        let admitted = (0..100).filter(|_| limit.admit(start).is_some()).count();
        assert_eq!(admitted, LINES_PER_SECOND as usize);
        assert_eq!(limit.admit(start + Duration::from_secs(2)), Some(95));
    }
}
