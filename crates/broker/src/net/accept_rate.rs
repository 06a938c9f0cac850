//! Slows the taking of connections down to `max.connection.creation.rate` a second, as Kafka does, without closing any.
//!
//! Invariant: within the time that `quota.window.num` windows span, but the one that is not over, no more are taken than
//! the rate allows for that time, whenever in it they come.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many connections may be taken, and how soon again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) per_second: f64,
    /// As many as this may come at once.
    pub(super) at_once: f64,
}

/// The connections taken by one listener, or by all.
#[derive(Debug, Default)]
pub(super) struct AcceptRate {
    /// How many were taken and are still counted, and when that was so; it falls by the rate.
    counted: Mutex<Option<(f64, Instant)>>,
}

impl AcceptRate {
    /// Counts one connection; answers how long to wait before it is served.
    pub(super) fn count(&self, allowed: Allowance, now: Instant) -> Duration {
        let mut counted = self.counted.lock();
        let (before, at) = counted.unwrap_or((0.0, now));
        let elapsed = now.saturating_duration_since(at).as_secs_f64();
        // What is waited for no longer than for one look is not held against later ones.
        let most = 2.0 * allowed.at_once.max(1.0);
        let taken = ((before - elapsed * allowed.per_second).max(0.0) + 1.0).min(most);
        let excess = (taken - allowed.at_once).max(0.0);
        *counted = Some((taken, now));
        // A rate of zero is waited for no longer than until the next look at it.
        Duration::try_from_secs_f64(excess / allowed.per_second).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_then_so_many_a_second() {
        let (rate, start) = (AcceptRate::default(), Instant::now());
        let allowed = Allowance {
            per_second: 2.0,
            at_once: 6.0,
        };
        let delays: Vec<f64> = (0..8)
            .map(|_| rate.count(allowed, start).as_secs_f64())
            .collect();
        assert_eq!(delays, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0]);
        let later = start + Duration::from_secs(2);
        assert_eq!(rate.count(allowed, later), Duration::ZERO);
        assert_eq!(rate.count(allowed, later).as_secs_f64(), 0.0);
        assert_eq!(rate.count(allowed, later).as_secs_f64(), 0.5);
    }

    #[test]
    fn nothing_is_taken_at_a_rate_of_nothing() {
        let none = Allowance {
            per_second: 0.0,
            at_once: 0.0,
        };
        let delay = AcceptRate::default().count(none, Instant::now());
        assert_eq!(delay, Duration::MAX);
    }
}
