//! How the disk fails at the moment.

use std::ops::Range;

use anyhow::bail;
use fuser::Errno;
use parking_lot::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
    healed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    write: Option<Errno>,
    sync: Option<Errno>,
    /// What happens to a read of any of these bytes of a file.
    read: Option<(Errno, Range<u64>)>,
    full: bool,
    locked: bool,
    stalled: Stalled,
}

/// Which requests do not end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stalled {
    #[default]
    None,
    Syncs,
    All,
}

/// What a request is about to do to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Needs room.
    Write,
    /// Changes something, but needs no room.
    Change,
    Sync,
}

impl Faults {
    /// Waits while the disk stalls, then tells whether the deed fails.
    pub(crate) fn meet(&self, deed: Deed) -> Result<(), Errno> {
        let mut state = self.state.lock();
        while state.stalled.holds(deed) {
            self.healed.wait(&mut state);
        }
        let failure = match deed {
            Deed::Sync => state.sync,
            Deed::Write | Deed::Change if state.locked => Some(Errno::EROFS),
            Deed::Write if state.full => Some(Errno::ENOSPC),
            Deed::Write => state.write,
            Deed::Change => None,
        };
        failure.map_or(Ok(()), Err)
    }

    /// Tells whether a read of these bytes fails.
    pub(crate) fn meet_read(&self, bytes: &Range<u64>) -> Result<(), Errno> {
        match &self.state.lock().read {
            Some((errno, bad)) if bad.start < bytes.end && bytes.start < bad.end => Err(*errno),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().full
    }

    pub(crate) fn fail(&self, what: &str, errno: i32) -> anyhow::Result<()> {
        let errno = Some(Errno::from_i32(errno));
        let mut state = self.state.lock();
        match what {
            "write" => state.write = errno,
            "sync" => state.sync = errno,
            _ => bail!("unknown: {what}"),
        }
        Ok(())
    }

    pub(crate) fn fail_read(&self, errno: i32, bytes: Range<u64>) {
        self.state.lock().read = Some((Errno::from_i32(errno), bytes));
    }

    pub(crate) fn fill(&self) -> anyhow::Result<()> {
        self.state.lock().full = true;
        Ok(())
    }

    pub(crate) fn lock(&self) -> anyhow::Result<()> {
        self.state.lock().locked = true;
        Ok(())
    }

    pub(crate) fn stall(&self) -> anyhow::Result<()> {
        self.state.lock().stalled = Stalled::All;
        Ok(())
    }

    pub(crate) fn stall_syncs(&self) -> anyhow::Result<()> {
        self.state.lock().stalled = Stalled::Syncs;
        Ok(())
    }

    pub(crate) fn heal(&self) {
        *self.state.lock() = State::default();
        self.healed.notify_all();
    }
}

impl Stalled {
    fn holds(self, deed: Deed) -> bool {
        match self {
            Self::None => false,
            Self::Syncs => deed == Deed::Sync,
            Self::All => true,
        }
    }
}
