//! What may be done for one client before others have a turn on its thread.

/// Calls that are answered before others have a turn.
const CALLS: u8 = 8;

/// Reads that are routed before others have a turn.
const READS: u8 = 4;

/// What may be done before others have a turn.
pub(crate) struct Turn {
    calls: u8,
    reads: u8,
}

impl Turn {
    pub(crate) const fn new() -> Self {
        Self { calls: CALLS, reads: READS }
    }

    /// Counts a read; `false` if it is others' turn.
    pub(crate) const fn may_read(&mut self) -> bool {
        if self.reads == 0 {
            return false;
        }
        self.reads -= 1;
        true
    }

    /// Counts a call; `false` if it is others' turn behind it.
    pub(super) const fn count_call(&mut self) -> bool {
        self.calls = self.calls.saturating_sub(1);
        self.calls > 0
    }

    /// Tells whether it is others' turn.
    pub(super) const fn is_over(&self) -> bool {
        self.calls == 0
    }
}
