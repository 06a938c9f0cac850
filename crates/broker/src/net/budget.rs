//! The memory that all requests in flight may hold together (`queued.max.request.bytes`), and beside it a small pool for
//! small requests other than Produce: neither who sends large ones nor a disk that hangs keeps anybody else from asking.
//!
//! Invariants: no more of a request arrives in memory than its share allows, but for one *elder* in each pool, which holds no
//! share and may grow to its whole size. Whoever only announces a request holds nothing that another cannot do without:
//! half of a pool is given to whole requests at once, the rest in steps for what has arrived. No two requests wait for
//! each other: the first to find a pool empty, or to need more than [`GROWN_BYTES`] in steps, becomes its elder; and while
//! others wait long, who holds a share and who is the elder must bring their bytes quickly, and who holds a share and finds
//! no more is given up. What is whole waits for nobody.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use wire::ApiKey;

use super::frame::FrameError;
use crate::limits::{
    GROWN_BYTES, PRESSED_BYTES, PRESSED_WINDOW, PRESSING_AFTER, SMALL_REQUEST_BYTES,
    SMALL_REQUESTS_BYTES, STARVED_AFTER,
};

/// Shared by every connection of the broker.
#[derive(Clone, Debug)]
pub(crate) struct RequestBudget {
    all: Arc<Pool>,
    small: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    bytes: Semaphore,
    /// What is left for those that arrive in steps.
    kept_for_steps: usize,
    /// One permit: to grow without a share.
    elder: Semaphore,
    /// Requests that have waited for longer than [`PRESSING_AFTER`].
    pressing: AtomicUsize,
}

/// What one request may hold, given back when it is dropped.
pub(crate) struct Share {
    holding: Holding,
    /// Where more has to be waited for; keeps its place in the queue while nobody polls it.
    turn: Option<Pin<Box<dyn Future<Output = Option<Holding>> + Send>>>,
    /// The end of the present window, and how much had arrived at its beginning; begins with the first wait for the client.
    window: Option<(Instant, usize)>,
}

#[derive(Debug)]
struct Holding {
    pool: Arc<Pool>,
    bytes: usize,
    is_elder: bool,
}

impl RequestBudget {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let limit_bytes = u32::try_from(limit_bytes).unwrap_or(u32::MAX) as usize;
        Self {
            all: Arc::new(Pool::new(limit_bytes)),
            small: Arc::new(Pool::new(SMALL_REQUESTS_BYTES)),
        }
    }

    /// A share for a request of this API and size: for all of it, or for nothing yet.
    pub(crate) fn share(&self, api: ApiKey, size_bytes: usize) -> Share {
        let is_small = api != ApiKey::Produce && size_bytes <= SMALL_REQUEST_BYTES;
        let pool = if is_small { &self.small } else { &self.all };
        let mut share = Share {
            holding: Holding::of(pool.clone()),
            turn: None,
            window: None,
        };
        if pool.bytes.available_permits() >= size_bytes.saturating_add(pool.kept_for_steps) {
            share.holding.try_grow(size_bytes);
        }
        share
    }
}

impl Pool {
    fn new(limit_bytes: usize) -> Self {
        Self {
            bytes: Semaphore::new(limit_bytes),
            kept_for_steps: limit_bytes / 2,
            elder: Semaphore::new(1),
            pressing: AtomicUsize::new(0),
        }
    }

    /// Waits, first come first served, for a share of `bytes`, unless it may go on only
    /// `as_elder`, or to be the elder. `None` if it takes too long for one who
    /// `holds` a share already.
    async fn turn(self: Arc<Self>, bytes: usize, as_elder: bool, holds: bool) -> Option<Holding> {
        let mut granted = pin!(self.clone().granted(bytes, as_elder));
        if let Ok(granted) = timeout(PRESSING_AFTER, &mut granted).await {
            return granted;
        }
        let _pressing = Pressing::on(&self.pressing);
        match holds {
            true => timeout(STARVED_AFTER, granted).await.ok()?,
            false => granted.await,
        }
    }

    async fn granted(self: Arc<Self>, bytes: usize, as_elder: bool) -> Option<Holding> {
        let mut holding = Holding::of(self.clone());
        tokio::select! {
            biased;
            Ok(elder) = self.elder.acquire() => {
                elder.forget();
                holding.is_elder = true;
            }
            Ok(permit) = self.bytes.acquire_many(u32::try_from(bytes).unwrap_or(u32::MAX)), if !as_elder => {
                permit.forget();
                holding.bytes = bytes;
            }
            else => return None,
        }
        Some(holding)
    }
}

impl Share {
    /// How much of the request may be in memory.
    pub(crate) fn allows_bytes(&self) -> usize {
        match self.holding.is_elder {
            true => usize::MAX,
            false => self.holding.bytes,
        }
    }

    /// Returns when at least `bytes` more are allowed. May be abandoned and resumed.
    pub(crate) async fn grow(&mut self, bytes: usize) -> Result<(), FrameError> {
        let holding = &mut self.holding;
        let as_elder = holding.bytes + bytes > GROWN_BYTES;
        if self.turn.is_none() && !as_elder && holding.try_grow(bytes) {
            return Ok(());
        }
        let turn = self.turn.get_or_insert_with(|| {
            let pool = holding.pool.clone();
            Box::pin(pool.turn(bytes, as_elder, holding.bytes > 0))
        });
        let granted = turn.await;
        self.turn = None;
        holding.add(granted.ok_or(FrameError::Starved)?);
        Ok(())
    }

    /// Waits for `more` to come from the client after `arrived` bytes, or for a look at how much came while others waited.
    /// May be abandoned and resumed.
    pub(crate) async fn wait_for_client(
        &mut self,
        arrived: usize,
        more: impl Future<Output = io::Result<()>>,
    ) -> Result<(), FrameError> {
        let begins = || (Instant::now() + PRESSED_WINDOW, arrived);
        let (end, before) = *self.window.get_or_insert_with(begins);
        match timeout_at(end, more).await {
            Ok(more) => more?,
            Err(_) if self.is_pressed() && arrived - before < PRESSED_BYTES => {
                return Err(FrameError::Slow);
            }
            Err(_) => self.window = Some(begins()),
        }
        Ok(())
    }

    /// Returns when others have waited long for what this request holds while nobody reads on with it.
    pub(crate) async fn overdue(&mut self) {
        sleep(PRESSED_WINDOW).await;
        while !self.is_pressed() {
            sleep(PRESSED_WINDOW).await;
        }
    }

    fn is_pressed(&self) -> bool {
        self.holding.pool.pressing.load(Ordering::Relaxed) > 0
    }
}

impl Holding {
    fn of(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            bytes: 0,
            is_elder: false,
        }
    }

    /// Takes `bytes` more, if that many are free and nobody waits for them.
    fn try_grow(&mut self, bytes: usize) -> bool {
        let asked = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(permit) = self.pool.bytes.try_acquire_many(asked) else {
            return false;
        };
        permit.forget();
        self.bytes += bytes;
        true
    }

    /// What an elder held before is of no more use to it and goes back.
    fn add(&mut self, mut other: Self) {
        if other.is_elder {
            *self = other;
        } else {
            self.bytes += std::mem::take(&mut other.bytes);
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.pool.bytes.add_permits(self.bytes);
        }
        if self.is_elder {
            self.pool.elder.add_permits(1);
        }
    }
}

/// Counts one request among those that press, for as long as it waits.
struct Pressing<'a>(&'a AtomicUsize);

impl<'a> Pressing<'a> {
    fn on(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1_000_000;

    fn budget() -> RequestBudget {
        RequestBudget::new(LIMIT as u64)
    }

    #[tokio::test]
    async fn half_of_a_pool_is_kept_from_whole_requests() {
        let budget = budget();
        let first = budget.share(ApiKey::Produce, LIMIT / 2);
        assert_eq!(first.allows_bytes(), LIMIT / 2);
        let mut second = budget.share(ApiKey::Produce, 100);
        assert_eq!(second.allows_bytes(), 0, "no more at once");
        second.grow(LIMIT / 2).await.unwrap();
        assert_eq!(second.allows_bytes(), LIMIT / 2, "but in steps");
        drop((first, second));
        assert_eq!(budget.all.bytes.available_permits(), LIMIT);
    }

    #[test]
    fn small_requests_have_a_pool_of_their_own_but_for_produce() {
        let budget = budget();
        let share = || budget.share(ApiKey::Metadata, SMALL_REQUEST_BYTES);
        let held: Vec<_> = std::iter::repeat_with(share)
            .take_while(|share| share.allows_bytes() > 0)
            .collect();
        let bytes = held.len() * SMALL_REQUEST_BYTES;
        assert_eq!(bytes, SMALL_REQUESTS_BYTES / 2);
        assert!(budget.share(ApiKey::Produce, 10).allows_bytes() > 0);
    }

    #[tokio::test]
    async fn the_first_that_starves_grows_freely_and_gives_its_share_back() {
        let budget = budget();
        let mut first = budget.share(ApiKey::Produce, LIMIT);
        let mut second = budget.share(ApiKey::Produce, LIMIT);
        first.grow(600_000).await.unwrap();
        second.grow(400_000).await.unwrap();
        first.grow(1).await.unwrap();
        assert_eq!(first.allows_bytes(), usize::MAX);
        second.grow(600_000).await.unwrap();
        assert_eq!(second.allows_bytes(), LIMIT, "what the elder had");

        let mut third = budget.share(ApiKey::Produce, LIMIT);
        let waits = timeout(PRESSING_AFTER * 2, third.grow(1)).await;
        assert!(waits.is_err());
        let slow = first.wait_for_client(0, std::future::pending()).await;
        assert!(matches!(slow, Err(FrameError::Slow)));
        drop(first);
        third.grow(1).await.unwrap();
        assert_eq!(third.allows_bytes(), usize::MAX, "the next elder");
        assert!(!second.is_pressed());
    }

    #[tokio::test]
    async fn who_holds_a_share_and_finds_no_more_is_given_up() {
        let budget = budget();
        let _elder = budget.all.clone().turn(1, true, false).await.unwrap();
        let mut holder = budget.share(ApiKey::Produce, LIMIT);
        holder.grow(LIMIT).await.unwrap();
        let mut newcomer = budget.share(ApiKey::Produce, 1);
        tokio::select! {
            given_up = holder.grow(1) => assert!(matches!(given_up, Err(FrameError::Starved))),
            _ = newcomer.grow(1) => panic!("there was nothing to be had"),
        }
        drop(holder);
        newcomer.grow(1).await.unwrap();
    }
}
