//! The deadlines of a shard: a set of named timers, each scheduled at most once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What a timer is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A member, or one that was given an id and has not joined yet, has gone quiet.
    Session { group: Arc<str>, member: Arc<str> },
    /// The time for members to join is over.
    Join { group: Arc<str> },
    /// The time for members to fetch their assignment is over.
    Sync { group: Arc<str> },
    /// Expired offsets are looked for.
    Expiry,
}

/// *Invariant: `by_deadline` and `deadlines` hold the same pairs.*
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_deadline: BTreeSet<(i64, Timer)>,
    deadlines: HashMap<Timer, i64>,
}

impl Timers {
    /// Sets `timer` to go off at `deadline_ms`, in place of any earlier setting.
    pub(crate) fn schedule(&mut self, timer: Timer, deadline_ms: i64) {
        self.cancel(&timer);
        self.by_deadline.insert((deadline_ms, timer.clone()));
        self.deadlines.insert(timer, deadline_ms);
    }

    pub(crate) fn cancel(&mut self, timer: &Timer) {
        if let Some((timer, deadline_ms)) = self.deadlines.remove_entry(timer) {
            self.by_deadline.remove(&(deadline_ms, timer));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        self.by_deadline
            .first()
            .map(|(deadline_ms, _)| *deadline_ms)
    }

    /// Takes one timer that is due.
    pub(crate) fn pop_due(&mut self, now_ms: i64) -> Option<Timer> {
        if self.next_deadline_ms()? > now_ms {
            return None;
        }
        let (_, timer) = self.by_deadline.pop_first()?;
        self.deadlines.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_has_one_deadline_and_goes_off_once() {
        let join = Timer::Join { group: "g".into() };
        let mut timers = Timers::default();
        timers.schedule(join.clone(), 10);
        timers.schedule(Timer::Expiry, 15);
        timers.schedule(join.clone(), 20);
        assert_eq!(timers.next_deadline_ms(), Some(15));
        assert_eq!(timers.pop_due(14), None);
        assert_eq!(timers.pop_due(20), Some(Timer::Expiry));
        assert_eq!(timers.pop_due(20), Some(join.clone()));
        assert_eq!(timers.pop_due(i64::MAX), None);
        timers.schedule(join.clone(), 30);
        timers.cancel(&join);
        assert_eq!(timers.next_deadline_ms(), None);
    }
}
