//! Which outages a stream has told of.

/// Counts them, so that each is told once: also one that a stream finds out by itself, before those who read for it say so.
#[derive(Debug)]
pub(super) struct Outages(u64);

impl Outages {
    /// None of those that were `seen` before the stream began is its business.
    pub(super) fn since(seen: u64) -> Self {
        Self(seen)
    }

    /// Whether there was one that was not told.
    pub(super) fn is_behind(&self, seen: u64) -> bool {
        seen > self.0
    }

    /// Takes note of one, and says whether it is to be told.
    pub(super) fn tell(&mut self, seen: u64) -> bool {
        let is_news = seen >= self.0;
        if is_news {
            self.0 = seen.max(self.0) + u64::from(seen == self.0);
        }
        is_news
    }
}
