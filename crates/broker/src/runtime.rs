//! The shape of the runtime: one single-threaded tokio runtime per core for connections, where a connection stays for
//! life. The control runtime (controller, timers, retention) is the caller's.
//!
//! Futures handed in are `Send`, so that this file alone decides between this shape and a work-stealing one.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::limits::{ACCEPT_QUEUE, BLOCKING_THREADS};

type Job = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// The connection workers.
pub(crate) struct Workers {
    workers: Vec<Worker>,
}

struct Worker {
    jobs: mpsc::Sender<Job>,
    /// Connections that live on it.
    load: Arc<AtomicUsize>,
    _thread: JoinHandle<()>,
}

impl Workers {
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let workers = (0..count.max(1))
            .map(Worker::start)
            .collect::<io::Result<_>>()?;
        Ok(Self { workers })
    }

    /// Runs the future made by `job` on the least loaded worker. `job` itself runs there too, so it may bind sockets to
    /// that worker's reactor.
    pub(crate) async fn spawn<J, F>(&self, job: J)
    where
        J: FnOnce() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(worker) = self
            .workers
            .iter()
            .min_by_key(|worker| worker.load.load(Ordering::Relaxed))
        else {
            return;
        };
        let load = Load::on(&worker.load);
        let counted: Job = Box::new(move || {
            let future = job();
            Box::pin(async move {
                future.await;
                drop(load);
            })
        });
        if worker.jobs.send(counted).await.is_err() {
            tracing::error!("a connection worker is gone");
        }
    }
}

/// Counts one connection for as long as it lives, however it ends.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn on(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(load.clone())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    fn start(index: usize) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(ACCEPT_QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                runtime.block_on(async {
                    while let Some(job) = queue.recv().await {
                        tokio::spawn(job());
                    }
                });
            })?;
        Ok(Self {
            jobs,
            load: Arc::default(),
            _thread: thread,
        })
    }
}
