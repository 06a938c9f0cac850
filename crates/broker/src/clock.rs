//! Time and randomness for everything above the pure crates, which get both as arguments.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use coordinator::Now;

/// Milliseconds since 1970, as record timestamps count them.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds on a clock that nobody sets.
pub(crate) fn steady_ms() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn now() -> Now {
    Now {
        steady_ms: steady_ms(),
        wall_ms: now_ms(),
    }
}

pub(crate) fn random_i32() -> i32 {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    (high >> 32) as i32
}
