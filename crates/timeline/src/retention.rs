//! How long entries are kept.
//!
//! This module is pure.

use std::time::Duration;

use crate::conversation::Parties;
use crate::{Conversation, Error, ErrorKind, Result};

/// How long the entries of inboxes and histories are kept.
///
/// Everything is kept by default. What is removed is gone for readers at once, and its text from
/// inboxes, too, when a history loses it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    inboxes: Keep,
    pairs: Keep,
    groups: Keep,
    // The longest prefix that fits counts.
    named: Vec<(String, Keep)>,
}

/// How many entries are kept, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    age: Option<Duration>,
    entries: Option<u64>,
}

impl Keep {
    /// Keeps everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Sets how long an entry is kept; at least a second.
    ///
    /// For ever by default. An entry goes no earlier, and at most a tenth of the time later, or an
    /// hour if that is less.
    #[must_use]
    pub fn age(self, age: Duration) -> Self {
        Self { age: Some(age), ..self }
    }

    /// Sets how many entries are kept, the newest ones; at least one.
    ///
    /// All by default. There are never fewer, and at most a tenth more, or 1,000 if that is less.
    /// Where more were kept before, they go soon after the start; in MongoDB once a node with these
    /// settings is the keeper, and in boxes of the Go service after the next message or a repair.
    #[must_use]
    pub fn entries(self, entries: u64) -> Self {
        Self { entries: Some(entries), ..self }
    }

    /// Returns how long an entry is kept.
    #[must_use]
    pub fn age_max(&self) -> Option<Duration> {
        self.age
    }

    /// Returns how many entries are kept.
    #[must_use]
    pub fn entries_min(&self) -> Option<u64> {
        self.entries
    }

    /// Returns from how many entries on the oldest ones are removed.
    #[must_use]
    pub fn entries_limit(&self) -> Option<u64> {
        self.entries.map(|entries| entries.saturating_add((entries / 10).min(1_000)))
    }

    fn check(&self, of: &str) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        if self.age.is_some_and(|age| age < Duration::from_secs(1)) {
            return wrong(format!("the retention of {of} has an age below 1 s; give 1 s or more"));
        }
        if self.entries == Some(0) {
            return wrong(format!("the retention of {of} keeps 0 entries; give 1 or more"));
        }
        Ok(())
    }
}

impl Retention {
    /// Keeps everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what inboxes keep. Everything by default, until it is acknowledged.
    #[must_use]
    pub fn inboxes(self, keep: Keep) -> Self {
        Self { inboxes: keep, ..self }
    }

    /// Sets what the histories of two members keep.
    #[must_use]
    pub fn pairs(self, keep: Keep) -> Self {
        Self { pairs: keep, ..self }
    }

    /// Sets what the histories of groups keep for which nothing else is set.
    #[must_use]
    pub fn groups(self, keep: Keep) -> Self {
        Self { groups: keep, ..self }
    }

    /// Sets what the histories of those groups keep whose names begin with `prefix`.
    ///
    /// Of several prefixes that fit the longest one counts.
    #[must_use]
    pub fn groups_named(mut self, prefix: impl Into<String>, keep: Keep) -> Self {
        let prefix = prefix.into();
        self.named.retain(|(known, _)| *known != prefix);
        self.named.push((prefix, keep));
        self.named.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        self
    }

    /// Returns what inboxes keep.
    #[must_use]
    pub fn of_inboxes(&self) -> Keep {
        self.inboxes
    }

    /// Returns what a history keeps.
    #[must_use]
    pub fn of_history(&self, conversation: &Conversation) -> Keep {
        match conversation.parties() {
            Parties::Pair(..) => self.pairs,
            Parties::Group(group) => {
                let fits = |(prefix, _): &&(String, Keep)| group.as_str().starts_with(prefix.as_str());
                self.named.iter().find(fits).map_or(self.groups, |(_, keep)| *keep)
            }
        }
    }

    /// Returns the shortest age that anything is kept for.
    #[must_use]
    pub fn age_min(&self) -> Option<Duration> {
        let named = self.named.iter().map(|(_, keep)| keep);
        [&self.inboxes, &self.pairs, &self.groups].into_iter().chain(named).filter_map(|keep| keep.age).min()
    }

    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for an age below a second and for no entries.
    pub fn validate(&self) -> Result<()> {
        self.inboxes.check("inboxes")?;
        self.pairs.check("pairs")?;
        self.groups.check("groups")?;
        self.named.iter().try_for_each(|(prefix, keep)| keep.check(&format!("groups:{prefix}*")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupName, MemberId};

    #[test]
    fn the_longest_prefix_counts() {
        let keep = |entries| Keep::everything().entries(entries);
        let retention = Retention::new()
            .pairs(keep(1))
            .groups(keep(2))
            .groups_named("news:", keep(3))
            .groups_named("news:sport:", keep(4));
        let of = |name: &str| retention.of_history(&Conversation::group(GroupName::new(name).unwrap()));
        assert_eq!(of("tea"), keep(2));
        assert_eq!(of("news:world"), keep(3));
        assert_eq!(of("news:sport:chess"), keep(4));
        let member = |id| MemberId::new(id).unwrap();
        let pair = Conversation::single(member("news:a"), member("news:b"));
        assert_eq!(retention.of_history(&pair), keep(1));
    }

    #[test]
    fn bounds_are_checked_and_named() {
        let short = Keep::everything().age(Duration::from_millis(999));
        let error = Retention::new().groups_named("n:", short).validate().unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains("groups:n:*"), "{error}");
        let none = Keep::everything().entries(0);
        assert_eq!(Retention::new().inboxes(none).validate().unwrap_err().kind(), ErrorKind::Config);
        assert!(Retention::new().pairs(Keep::everything().entries(1)).validate().is_ok());
    }

    #[test]
    fn a_tenth_more_stays_until_it_is_removed() {
        let limit = |entries| Keep::everything().entries(entries).entries_limit();
        assert_eq!(limit(1), Some(1));
        assert_eq!(limit(100), Some(110));
        assert_eq!(limit(1_000_000), Some(1_001_000));
        assert_eq!(Keep::everything().entries_limit(), None);
    }
}
