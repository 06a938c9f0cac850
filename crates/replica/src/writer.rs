//! The thread of a log directory that does, one after the other, what would keep a worker waiting while the disk hangs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::vital::Vital;

/// Something that may wait for the disk.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// See the module.
pub(crate) struct Writer {
    queue: Mutex<Queue>,
    work: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Queue {
    /// Bounded by those who hand over: what a job holds is counted by them.
    jobs: VecDeque<Job>,
    stopping: bool,
}

impl Writer {
    pub(crate) fn start(name: &str) -> std::io::Result<Arc<Self>> {
        let writer = Arc::new(Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            thread: Mutex::default(),
        });
        let running = writer.clone();
        let thread = Builder::new()
            .name(format!("write-{name}"))
            .spawn(move || running.run())?;
        *writer.thread.lock() = Some(thread);
        Ok(writer)
    }

    /// Drops what was not begun, and ends the thread.
    pub(crate) fn stop(&self) {
        let dropped = {
            let mut queue = self.queue.lock();
            queue.stopping = true;
            std::mem::take(&mut queue.jobs)
        };
        drop(dropped);
        self.work.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the writer panicked");
        }
    }

    pub(crate) fn enqueue(&self, job: Job) {
        let mut queue = self.queue.lock();
        if queue.stopping {
            return;
        }
        queue.jobs.push_back(job);
        self.work.notify_one();
    }

    fn run(&self) {
        let _vital = Vital::job("writer");
        while let Some(job) = self.next() {
            job();
        }
    }

    /// The next job, as soon as there is one; none when the writer stops.
    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        while queue.jobs.is_empty() && !queue.stopping {
            self.work.wait(&mut queue);
        }
        queue.jobs.pop_front()
    }
}
