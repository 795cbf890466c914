//! Which Redis a store has.

/// None, one, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedisKind {
    None,
    One,
    /// Two, of which three sentinels make one the master.
    Watched,
}
