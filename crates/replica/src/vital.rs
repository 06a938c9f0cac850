//! Jobs that a node cannot do without. One that panics would leave requests waiting for ever, so the process ends instead:
//! a restart recovers, a wedge does not.

use std::future::Future;

/// Held by a vital thread for as long as it runs.
pub struct Vital(&'static str);

impl Vital {
    pub fn job(name: &'static str) -> Self {
        Self(name)
    }

    /// Runs a vital task.
    pub async fn task<F: Future>(name: &'static str, task: F) -> F::Output {
        let _vital = Self::job(name);
        task.await
    }
}

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(job = self.0, "a vital job panicked: the process ends");
            std::process::exit(1);
        }
    }
}
