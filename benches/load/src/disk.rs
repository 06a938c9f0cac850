//! The disk's own rate: as many bytes as the clients have outstanding are written, spread over as many files as
//! are dirty then, and all of them synced, again and again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::payload::Pool;

#[derive(Args)]
pub(crate) struct Disk {
    dir: PathBuf,
    #[arg(long, default_value_t = 1)]
    files: usize,
    #[arg(long)]
    bytes_per_commit: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Serialize)]
pub(crate) struct Written {
    seconds: f64,
    bytes: u64,
    commits: u64,
}

impl Disk {
    pub(crate) fn run(&self) -> anyhow::Result<Written> {
        let each = (self.bytes_per_commit / self.files.max(1)).max(1);
        let pool = Pool::new(each);
        let mut payloads = pool.payloads(1);
        let files = (0..self.files)
            .map(|number| File::create(self.dir.join(number.to_string())))
            .collect::<Result<Vec<_>, _>>()?;
        let began = Instant::now();
        let mut commits = 0;
        while began.elapsed() < Duration::from_secs_f64(self.seconds) {
            commit(&files, payloads.next(), commits * each as u64)?;
            commits += 1;
        }
        Ok(Written {
            seconds: began.elapsed().as_secs_f64(),
            bytes: commits * each as u64 * files.len() as u64,
            commits,
        })
    }
}

/// Writes to every file, then syncs them all at the same time.
fn commit(files: &[File], bytes: &[u8], position: u64) -> anyhow::Result<()> {
    for file in files {
        file.write_all_at(bytes, position)?;
    }
    if let [one] = files {
        return Ok(one.sync_data()?);
    }
    thread::scope(|scope| {
        let syncs: Vec<_> = files
            .iter()
            .map(|file| scope.spawn(|| file.sync_data()))
            .collect();
        for sync in syncs {
            sync.join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })
}
