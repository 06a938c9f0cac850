//! What one commit costs that covers k dirty files: 4 KiB is appended to each of k files, then all
//! of them are made durable in one of several ways. Prints a Markdown table of median milliseconds.
//!
//! `cargo run --release -p store --example fsync [DIR]`; DIR lies on the file system to measure.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const FILE_COUNTS: [usize; 4] = [1, 12, 100, 1000];
const APPEND: [u8; 4096] = [7; 4096];
const POOL_THREADS: usize = 8;
/// Each cell is measured for about this long, but at least `MIN_ROUNDS` times.
const CELL_TIME: Duration = Duration::from_secs(4);
const MIN_ROUNDS: usize = 7;

/// 64 MiB.
const JOURNAL_APPENDS: u64 = 16 * 1024;

type Commit = fn(&Dirty) -> io::Result<()>;

const WAYS: [(&str, Commit); 5] = [
    ("fdatasync in sequence", in_sequence),
    ("fdatasync, pool of 8", pooled),
    (
        "write-back begun on all, then in sequence",
        write_back_first,
    ),
    (
        "write-back begun on all, then pool of 8",
        write_back_first_pooled,
    ),
    ("syncfs", sync_file_system),
];

/// The files of one commit.
struct Dirty {
    dir: File,
    files: Vec<File>,
}

fn main() -> io::Result<()> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let dir = Path::new(&dir).join("fsync-measurement");
    let counts: Vec<String> = FILE_COUNTS.iter().map(|k| format!("k = {k}")).collect();
    println!("| median ms | {} |", counts.join(" | "));
    println!("|---|{}", "---|".repeat(FILE_COUNTS.len()));
    for (name, commit) in WAYS {
        let mut cells = Vec::new();
        for count in FILE_COUNTS {
            cells.push(format!("{:.1}", measure(&dir, count, commit)?));
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
    let mut cells = Vec::new();
    for count in FILE_COUNTS {
        cells.push(format!("{:.1}", measure_journal(&dir, count)?));
    }
    println!(
        "| one preallocated journal for all, fdatasync | {} |",
        cells.join(" | ")
    );
    Ok(())
}

/// Median milliseconds from the first append's end to the commit's.
fn measure(dir: &Path, count: usize, commit: Commit) -> io::Result<f64> {
    let dirty = create(dir, count)?;
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < MIN_ROUNDS || start.elapsed() < CELL_TIME {
        let at = (times.len() * APPEND.len()) as u64;
        for file in &dirty.files {
            file.write_all_at(&APPEND, at)?;
        }
        let begin = Instant::now();
        commit(&dirty)?;
        times.push(begin.elapsed());
    }
    fs::remove_dir_all(dir)?;
    Ok(median_ms(times))
}

fn create(dir: &Path, count: usize) -> io::Result<Dirty> {
    fs::create_dir_all(dir)?;
    let files = (0..count)
        .map(|i| {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            options.open(dir.join(i.to_string()))
        })
        .collect::<io::Result<Vec<File>>>()?;
    let dirty = Dirty {
        dir: File::open(dir)?,
        files,
    };
    in_sequence(&dirty)?;
    dirty.dir.sync_all()?;
    Ok(dirty)
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    median.as_secs_f64() * 1000.0
}

fn in_sequence(dirty: &Dirty) -> io::Result<()> {
    dirty.files.iter().try_for_each(File::sync_data)
}

fn pooled(dirty: &Dirty) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(file) = dirty.files.get(next.fetch_add(1, Ordering::Relaxed)) {
            file.sync_data()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..POOL_THREADS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| {
            let panicked = |_| io::Error::other("a worker panicked");
            worker.join().map_err(panicked)?
        })
    })
}

/// Begins to write dirty pages without waiting, as `sync_file_range` does: the kernel does so when
/// it is told that the pages will not be needed.
fn start_write_back(dirty: &Dirty) -> io::Result<()> {
    for file in &dirty.files {
        rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

fn write_back_first(dirty: &Dirty) -> io::Result<()> {
    start_write_back(dirty)?;
    in_sequence(dirty)
}

fn write_back_first_pooled(dirty: &Dirty) -> io::Result<()> {
    start_write_back(dirty)?;
    pooled(dirty)
}

fn sync_file_system(dirty: &Dirty) -> io::Result<()> {
    Ok(rustix::fs::syncfs(&dirty.dir)?)
}

/// One file of a fixed size takes the appends of all k files, one after the other, and one sync.
fn measure_journal(dir: &Path, count: usize) -> io::Result<f64> {
    fs::create_dir_all(dir)?;
    let mut options = OpenOptions::new();
    let journal = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(dir.join("journal"))?;
    for i in 0..JOURNAL_APPENDS {
        journal.write_all_at(&APPEND, i * APPEND.len() as u64)?;
    }
    journal.sync_all()?;
    let mut times = Vec::new();
    let mut next = 0;
    let start = Instant::now();
    while times.len() < MIN_ROUNDS || start.elapsed() < CELL_TIME {
        for _ in 0..count {
            journal.write_all_at(&APPEND, next % JOURNAL_APPENDS * APPEND.len() as u64)?;
            next += 1;
        }
        let begin = Instant::now();
        journal.sync_data()?;
        times.push(begin.elapsed());
    }
    fs::remove_dir_all(dir)?;
    Ok(median_ms(times))
}
