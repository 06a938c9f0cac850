//! The time, which is an argument of everything that depends on it.

/// One moment, as two clocks tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that nobody sets: what timers go by.
    pub steady_ms: i64,
    /// Milliseconds since 1970: what records and retention go by.
    pub wall_ms: i64,
}
