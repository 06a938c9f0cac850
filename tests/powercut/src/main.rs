//! A file system in memory whose power can be cut, and whose disk can fail: for tests only.
//!
//! `powercut MOUNTPOINT` mounts it, says "ok", and obeys the lines of its standard input, answering
//! each with "ok" or "error ...", until the input ends:
//!
//! - `cut drop`: everything that was not fsynced is gone.
//! - `cut SEED`: of what was not fsynced, an arbitrary part is left: any sectors of any file, any
//!   size between the old and the new, and of each directory's changes any first few.
//! - `fail write|sync ERRNO`, `fill`, `lock`, `stall [sync]`: writes or fsyncs fail, the disk is full,
//!   is read-only, or neither writes nor fsyncs end, or only no fsyncs.
//! - `fail read ERRNO [FROM TO]`: of each file, or its bytes `FROM..TO`, what is not in the page cache cannot be read.
//! - `heal`: none of that any more.
//!
//! Whoever uses the file system must be gone when the power is cut: it is unmounted, so that no
//! page of it stays cached, and mounted again. Nothing but fsync makes anything last: not time, not
//! a rename, not the fsync of another file, not that of a file in a directory which was not.

mod content;
mod disk;
mod faults;
mod filesystem;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use fuser::{BackgroundSession, MountOption};
use parking_lot::Mutex;

use crate::disk::Disk;
use crate::faults::Faults;
use crate::filesystem::PowerCut;

/// As many requests can hang while the disk stalls, and others still be answered.
const THREADS: usize = 64;
const UNMOUNT_ATTEMPTS: u32 = 100;
const UNMOUNT_PAUSE: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    let mountpoint = std::env::args().nth(1).context("usage: MOUNTPOINT")?;
    let mut machine = Machine {
        mountpoint: PathBuf::from(mountpoint),
        disk: Arc::default(),
        faults: Arc::default(),
        session: None,
    };
    machine.mount()?;
    say("ok")?;
    for line in std::io::stdin().lock().lines() {
        match machine.obey(&line?) {
            Ok(()) => say("ok")?,
            Err(error) => say(&format!("error {error:#}"))?,
        }
    }
    machine.faults.heal();
    machine.unmount()
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

struct Machine {
    mountpoint: PathBuf,
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
    session: Option<BackgroundSession>,
}

impl Machine {
    fn obey(&mut self, line: &str) -> anyhow::Result<()> {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["cut", "drop"] => self.cut(None),
            ["cut", seed] => self.cut(Some(seed.parse()?)),
            ["fail", "read", errno] => self.fail_read(errno, "0", &u64::MAX.to_string()),
            ["fail", "read", errno, from, to] => self.fail_read(errno, from, to),
            ["fail", what, errno] => self.faults.fail(what, errno.parse()?),
            ["fill"] => self.faults.fill(),
            ["lock"] => self.faults.lock(),
            ["stall"] => self.faults.stall(),
            ["stall", "sync"] => self.faults.stall_syncs(),
            ["heal"] => {
                self.faults.heal();
                Ok(())
            }
            _ => bail!("unknown: {line}"),
        }
    }

    fn fail_read(&self, errno: &str, from: &str, to: &str) -> anyhow::Result<()> {
        self.faults
            .fail_read(errno.parse()?, from.parse()?..to.parse()?);
        Ok(())
    }

    fn cut(&mut self, seed: Option<u64>) -> anyhow::Result<()> {
        self.faults.heal();
        self.unmount()?;
        self.disk.lock().cut(seed);
        self.mount()
    }

    fn mount(&mut self) -> anyhow::Result<()> {
        let mut config = fuser::Config::default();
        config.mount_options = vec![MountOption::FSName("powercut".into())];
        config.n_threads = Some(THREADS);
        let filesystem = PowerCut::new(self.disk.clone(), self.faults.clone());
        let session = fuser::spawn_mount(filesystem, &self.mountpoint, &config)?;
        self.session = Some(session);
        Ok(())
    }

    /// Waits for the last user of the file system to be gone.
    fn unmount(&mut self) -> anyhow::Result<()> {
        let Some(session) = self.session.take() else {
            return Ok(());
        };
        for _ in 0..UNMOUNT_ATTEMPTS {
            let unmounted = std::process::Command::new("umount")
                .arg(Path::new(&self.mountpoint))
                .stderr(std::process::Stdio::null())
                .status()?;
            if unmounted.success() {
                return Ok(session.join()?);
            }
            std::thread::sleep(UNMOUNT_PAUSE);
        }
        bail!("{} is in use", self.mountpoint.display())
    }
}
