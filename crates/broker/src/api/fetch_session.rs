//! Incremental fetch sessions (KIP-227): a consumer names its partitions once, later requests carry only changes, and
//! answers only what changed.
//!
//! Invariant: at most `max.incremental.fetch.session.cache.slots` sessions exist; a session is evicted only when it has
//! been quiet for [`EVICTABLE_AFTER_MS`]. Together they hold at most [`MAX_FETCH_SESSIONS_BYTES`]. A session's state is never
//! locked while the map of sessions is waited for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::limits::{
    MAX_FETCH_SESSION_PARTITIONS, MAX_FETCH_SESSIONS_BYTES, MAX_PARKED_FETCH_PARTITIONS,
};

/// A session in use is safe from newcomers for this long.
const EVICTABLE_AFTER_MS: i64 = 120_000;

/// The epoch of a request outside any session; it also closes the session it names.
const FINAL_EPOCH: i32 = -1;
/// The epoch of a request that begins a session.
const INITIAL_EPOCH: i32 = 0;

/// One partition as a fetch wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) topic: TopicRef,
    pub(crate) partition: i32,
    pub(crate) fetch_offset: i64,
    pub(crate) max_bytes: i32,
    /// -1: the client does not say.
    pub(crate) current_leader_epoch: i32,
    /// -1: not compared with the log's epochs.
    pub(crate) last_fetched_epoch: i32,
}

/// How the client names a topic: by id since version 13, by name before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicRef {
    Name(Arc<str>),
    Id(Uuid),
}

impl Wanted {
    /// What a session that remembers it holds at most; a name may belong to many.
    fn held_bytes(&self) -> usize {
        let name_bytes = match &self.topic {
            TopicRef::Name(name) => name.len(),
            TopicRef::Id(_) => 0,
        };
        size_of::<Slot>() + name_bytes
    }
}

/// What the last answer said of a partition; only what differs is said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    high_watermark: i64,
    log_start: i64,
}

#[derive(Clone, Debug)]
struct Slot {
    wanted: Wanted,
    told: Option<Told>,
}

/// What one partition's answer amounts to, as far as a session cares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) has_records: bool,
    /// An error, a diverging epoch: always told.
    pub(crate) notable: bool,
    pub(crate) high_watermark: i64,
    pub(crate) log_start: i64,
}

#[derive(Debug)]
pub(crate) struct Session {
    id: i32,
    by_topic_id: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next_epoch: i32,
    last_used_ms: i64,
    /// In the order in which they are served; one that yielded records goes to the back.
    slots: Vec<Slot>,
}

/// Why a request that names a session is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionError {
    IdNotFound,
    InvalidEpoch,
    TopicIdMismatch,
}

/// The part of a Fetch request that speaks of sessions.
pub(crate) struct SessionRequest {
    pub(crate) id: i32,
    pub(crate) epoch: i32,
    pub(crate) by_topic_id: bool,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) forgotten: Vec<(TopicRef, i32)>,
}

/// What to fetch, and how to answer.
#[derive(Debug)]
pub(crate) enum Context {
    /// Everything is answered and nothing remembered.
    Sessionless(Vec<Wanted>),
    /// Everything is answered, under a new session.
    Full(Arc<Session>, Vec<Wanted>),
    /// Only what changed is answered.
    Incremental(Arc<Session>, Vec<Wanted>),
}

impl Context {
    pub(crate) fn wanted(&self) -> &[Wanted] {
        match self {
            Self::Sessionless(wanted) | Self::Full(_, wanted) | Self::Incremental(_, wanted) => {
                wanted
            }
        }
    }

    pub(crate) fn session_id(&self) -> i32 {
        match self {
            Self::Sessionless(_) => 0,
            Self::Full(session, _) | Self::Incremental(session, _) => session.id,
        }
    }

    /// Records the outcomes, one for each of [`Context::wanted`], and tells which are part of the answer.
    pub(crate) fn select(&self, outcomes: &[Outcome]) -> Vec<bool> {
        match self {
            Self::Sessionless(_) => vec![true; outcomes.len()],
            Self::Full(session, wanted) => {
                session.remember(wanted, outcomes);
                vec![true; outcomes.len()]
            }
            Self::Incremental(session, wanted) => session.remember(wanted, outcomes),
        }
    }
}

impl Session {
    /// Which of the outcomes differ from what was told before.
    fn remember(&self, wanted: &[Wanted], outcomes: &[Outcome]) -> Vec<bool> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut selected = Vec::with_capacity(outcomes.len());
        let mut served = HashSet::new();
        // The slots are in the order of `wanted` unless another request of this session came in between.
        let mut places = state.slots.iter_mut();
        for (wanted, outcome) in wanted.iter().zip(outcomes) {
            let slot = places.find(|slot| {
                slot.wanted.partition == wanted.partition && slot.wanted.topic == wanted.topic
            });
            let Some(slot) = slot else {
                selected.push(true);
                continue;
            };
            let told = Told {
                high_watermark: outcome.high_watermark,
                log_start: outcome.log_start,
            };
            selected.push(outcome.has_records || outcome.notable || slot.told != Some(told));
            // An error leaves no trace, so that the recovery from it is told.
            slot.told = (!outcome.notable).then_some(told);
            if outcome.has_records {
                served.insert((wanted.topic.clone(), wanted.partition));
            }
        }
        if !served.is_empty() && served.len() < state.slots.len() {
            state.slots.sort_by_cached_key(|slot| {
                served.contains(&(slot.wanted.topic.clone(), slot.wanted.partition))
            });
        }
        selected
    }
}

impl State {
    fn update(&mut self, wanted: Vec<Wanted>, forgotten: Vec<(TopicRef, i32)>) {
        let mut places: HashMap<(TopicRef, i32), usize> = HashMap::new();
        if !wanted.is_empty() {
            let keys = self
                .slots
                .iter()
                .map(|slot| (slot.wanted.topic.clone(), slot.wanted.partition));
            places = keys.zip(0..).collect();
        }
        for wanted in wanted {
            let place = places
                .get(&(wanted.topic.clone(), wanted.partition))
                .copied();
            match place.and_then(|place| self.slots.get_mut(place)) {
                Some(slot) => slot.wanted = wanted,
                None => self.slots.push(Slot { wanted, told: None }),
            }
        }
        if !forgotten.is_empty() {
            let forgotten: HashSet<_> = forgotten.into_iter().collect();
            self.slots.retain(|slot| {
                !forgotten.contains(&(slot.wanted.topic.clone(), slot.wanted.partition))
            });
        }
    }
}

/// Every session of this broker.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    slots: usize,
    sessions: Mutex<Sessions>,
    /// Partitions that may still be waited for.
    parking: Arc<Semaphore>,
}

/// Sessions by id, each with its size.
#[derive(Debug, Default)]
struct Sessions {
    by_id: HashMap<i32, (Arc<Session>, usize)>,
    /// The sum of the sizes.
    bytes: usize,
}

impl Sessions {
    fn remove(&mut self, id: i32) {
        if let Some((_, bytes)) = self.by_id.remove(&id) {
            self.bytes -= bytes;
        }
    }

    /// Notes a session's new size; one that does not fit any more is gone.
    fn resize(&mut self, id: i32, new_bytes: usize) -> bool {
        let Some((_, bytes)) = self.by_id.get_mut(&id) else {
            return false;
        };
        self.bytes = self.bytes - *bytes + new_bytes;
        *bytes = new_bytes;
        let fits = self.bytes <= MAX_FETCH_SESSIONS_BYTES;
        if !fits {
            self.remove(id);
        }
        fits
    }
}

impl FetchSessions {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            sessions: Mutex::default(),
            parking: Arc::new(Semaphore::new(MAX_PARKED_FETCH_PARTITIONS)),
        }
    }

    /// Leave to wait for so many partitions, if the broker has room for them.
    pub(crate) fn may_park(&self, partitions: usize) -> Option<OwnedSemaphorePermit> {
        let partitions = u32::try_from(partitions).ok()?;
        let parking = self.parking.clone();
        parking.try_acquire_many_owned(partitions).ok()
    }

    pub(crate) fn open(
        &self,
        request: SessionRequest,
        now_ms: i64,
        entropy: impl FnMut() -> i32,
    ) -> Result<Context, SessionError> {
        if matches!(request.epoch, INITIAL_EPOCH | FINAL_EPOCH) {
            if request.id != 0 {
                self.sessions.lock().remove(request.id);
            }
            let begins = request.epoch == INITIAL_EPOCH;
            let session = begins
                .then(|| self.begin(&request, now_ms, entropy))
                .flatten();
            return Ok(match session {
                Some(session) => Context::Full(session, request.wanted),
                None => Context::Sessionless(request.wanted),
            });
        }
        let session = self
            .sessions
            .lock()
            .by_id
            .get(&request.id)
            .map(|(session, _)| session.clone())
            .ok_or(SessionError::IdNotFound)?;
        let mut state = session.state.lock();
        if state.next_epoch != request.epoch {
            return Err(SessionError::InvalidEpoch);
        }
        if session.by_topic_id != request.by_topic_id {
            return Err(SessionError::TopicIdMismatch);
        }
        let changes = !request.wanted.is_empty() || !request.forgotten.is_empty();
        state.update(request.wanted, request.forgotten);
        state.next_epoch = following(request.epoch);
        state.last_used_ms = now_ms;
        let wanted: Vec<Wanted> = state.slots.iter().map(|slot| slot.wanted.clone()).collect();
        drop(state);
        if wanted.is_empty() {
            self.sessions.lock().remove(session.id);
            return Ok(Context::Sessionless(wanted));
        }
        if wanted.len() > MAX_FETCH_SESSION_PARTITIONS {
            self.sessions.lock().remove(session.id);
            return Err(SessionError::IdNotFound);
        }
        if changes {
            let bytes = wanted.iter().map(Wanted::held_bytes).sum();
            if !self.sessions.lock().resize(session.id, bytes) {
                return Err(SessionError::IdNotFound);
            }
        }
        Ok(Context::Incremental(session, wanted))
    }

    fn begin(
        &self,
        request: &SessionRequest,
        now_ms: i64,
        mut entropy: impl FnMut() -> i32,
    ) -> Option<Arc<Session>> {
        let bytes = request.wanted.iter().map(Wanted::held_bytes).sum();
        if request.wanted.len() > MAX_FETCH_SESSION_PARTITIONS || bytes > MAX_FETCH_SESSIONS_BYTES {
            return None;
        }
        let mut sessions = self.sessions.lock();
        while sessions.by_id.len() >= self.slots
            || sessions.bytes + bytes > MAX_FETCH_SESSIONS_BYTES
        {
            let since = |session: &Session| (session.state.lock().last_used_ms, session.id);
            let every = sessions.by_id.values().map(|(session, _)| since(session));
            let (oldest_ms, oldest) = every.min()?;
            if now_ms - oldest_ms < EVICTABLE_AFTER_MS {
                return None;
            }
            sessions.remove(oldest);
        }
        let id = std::iter::repeat_with(|| entropy() & i32::MAX)
            .find(|id| *id != 0 && !sessions.by_id.contains_key(id))?;
        let slots = request
            .wanted
            .iter()
            .map(|wanted| Slot {
                wanted: wanted.clone(),
                told: None,
            })
            .collect();
        let state = State {
            next_epoch: following(INITIAL_EPOCH),
            last_used_ms: now_ms,
            slots,
        };
        let session = Arc::new(Session {
            id,
            by_topic_id: request.by_topic_id,
            state: Mutex::new(state),
        });
        sessions.by_id.insert(id, (session.clone(), bytes));
        sessions.bytes += bytes;
        Some(session)
    }
}

/// Epochs wrap to 1: 0 and -1 have meanings of their own.
fn following(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
#[path = "fetch_session_tests.rs"]
mod tests;
