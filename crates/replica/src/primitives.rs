//! What threads meet at. With the feature `loom` it is the model checker's, which tries every order.

#[cfg(feature = "loom")]
pub(crate) use modelled::*;
#[cfg(not(feature = "loom"))]
pub(crate) use real::*;

#[cfg(not(feature = "loom"))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering, fence};

    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use tokio::sync::Notify;

    pub(crate) fn wait<'a, T>(
        condvar: &Condvar,
        mut guard: MutexGuard<'a, T>,
    ) -> MutexGuard<'a, T> {
        condvar.wait(&mut guard);
        guard
    }
}

#[cfg(feature = "loom")]
mod modelled {
    use std::sync::PoisonError;

    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering, fence};
    pub(crate) use loom::sync::{Condvar, MutexGuard};

    /// Not poisoned by a panic, as parking_lot's.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// As tokio's: keeps one permit. Whoever waits for it blocks, so that the checker finds one that never comes.
    #[derive(Debug)]
    pub(crate) struct Notify {
        permit: Mutex<bool>,
        given: Condvar,
    }

    impl Notify {
        pub(crate) fn new() -> Self {
            Self {
                permit: Mutex::new(false),
                given: Condvar::new(),
            }
        }

        pub(crate) fn notify_one(&self) {
            *self.permit.lock() = true;
            self.given.notify_one();
        }

        pub(crate) fn notified(&self) -> std::future::Ready<()> {
            let mut permit = self.permit.lock();
            while !*permit {
                permit = wait(&self.given, permit);
            }
            *permit = false;
            std::future::ready(())
        }
    }
}
