//! Which outages a stream has told of.
//!
//! ```text
//!   well ── those who read for it have begun to fail, or it failed itself: told ──► troubled
//!     ▲                                                                                 │
//!     └──────────── nobody who reads for it fails, and its own turn succeeded ──────────┘
//! ```

/// What those who read for streams say about their reading.
///
/// Where nobody does, it stays as it begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Counts the times that reading began to fail; also one that is over before a stream looks is
    /// told.
    outages: u64,
    /// How many of the readers fail at the moment.
    failing: usize,
}

impl Reading {
    /// Notes that one more reader fails.
    pub fn fail(&mut self) {
        self.outages += u64::from(self.failing == 0);
        self.failing += 1;
    }

    /// Notes that a reader which failed goes on.
    pub fn go_on(&mut self) {
        self.failing = self.failing.saturating_sub(1);
    }
}

/// What one stream has told of outages: each is told once, however often reading is tried.
#[derive(Debug)]
pub(super) struct Outages {
    seen: u64,
    troubled: bool,
}

impl Outages {
    /// None of those before the stream began is its business.
    pub(super) fn since(reading: Reading) -> Self {
        Self { seen: reading.outages, troubled: reading.failing > 0 }
    }

    /// Takes note of how reading goes, and of whether the stream itself just failed; says whether
    /// that is to be told.
    pub(super) fn note(&mut self, reading: Reading, failed: bool) -> bool {
        let begun = reading.outages > self.seen;
        self.seen = reading.outages;
        let is_news = !self.troubled && (begun || failed);
        self.troubled = reading.failing > 0 || failed;
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_told_once_whoever_finds_out() {
        let mut reading = Reading::default();
        let mut outages = Outages::since(reading);
        assert!(!outages.note(reading, false));
        // The stream finds out first, then its readers, again and again, each.
        assert!(outages.note(reading, true));
        reading.fail();
        reading.fail();
        assert!(!outages.note(reading, true) && !outages.note(reading, false));
        reading.go_on();
        assert!(!outages.note(reading, false));
        reading.go_on();
        assert!(!outages.note(reading, false));
        // The next one, which is over before the stream looks.
        reading.fail();
        reading.go_on();
        assert!(outages.note(reading, false));
        assert!(!outages.note(reading, false));
    }
}
