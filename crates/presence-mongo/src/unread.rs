//! What a stream has not read yet: the latest state of each key. It is pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::change::Change;

/// The keys of one stream, and a queue of those whose state the stream has not delivered.
///
/// A key is in the queue at most once, however often its state changes: the keys bound its length.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    keys: HashMap<Arc<str>, Watched>,
    queue: BTreeMap<u64, Arc<str>>,
    /// The place in the queue that the next key gets.
    next: u64,
}

/// One key of a stream.
#[derive(Debug, Default)]
struct Watched {
    /// Its state; `None` while it is not known.
    now: Option<bool>,
    /// The state that the stream was told last.
    told: Option<bool>,
    /// Its place in the queue, if it waits.
    place: Option<u64>,
}

impl Unread {
    /// Adds a key, whose state is the first thing that is told of it; says whether it is new.
    pub(crate) fn add(&mut self, key: &Arc<str>, now: Option<bool>) -> bool {
        if self.keys.contains_key(key) {
            return false;
        }
        self.keys.insert(Arc::clone(key), Watched::default());
        if let Some(now) = now {
            self.set(key, now);
        }
        true
    }

    /// Removes a key, and what waits of it; says whether it was there.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Some(watched) = self.keys.remove(key) else { return false };
        if let Some(place) = watched.place {
            self.queue.remove(&place);
        }
        true
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Takes the state of a key. One that was told already is not told again, and one that changed
    /// back before it was told is not told at all.
    pub(crate) fn set(&mut self, key: &str, alive: bool) {
        let Some((key, _)) = self.keys.get_key_value(key) else { return };
        let key = Arc::clone(key);
        let Some(watched) = self.keys.get_mut(&key) else { return };
        watched.now = Some(alive);
        if watched.told == watched.now {
            if let Some(place) = watched.place.take() {
                self.queue.remove(&place);
            }
        } else if watched.place.is_none() {
            watched.place = Some(self.next);
            self.queue.insert(self.next, key);
            self.next += 1;
        }
    }

    /// Takes what waits longest.
    pub(crate) fn pop(&mut self) -> Option<Change> {
        let (_, key) = self.queue.pop_first()?;
        let watched = self.keys.get_mut(&key)?;
        watched.place = None;
        watched.told = watched.now;
        Some(Change { alive: watched.now?, key })
    }

    /// Returns a mark for all that waits by now.
    pub(crate) fn mark(&self) -> u64 {
        self.next
    }

    /// Says whether all that waited at a mark was read.
    pub(crate) fn is_read_up_to(&self, mark: u64) -> bool {
        self.queue.first_key_value().is_none_or(|(first, _)| *first >= mark)
    }

    /// Returns its keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.keys.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn all(unread: &mut Unread) -> Vec<(String, bool)> {
        std::iter::from_fn(|| unread.pop()).map(|change| (change.key.to_string(), change.alive)).collect()
    }

    fn told(changes: &[(&str, bool)]) -> Vec<(String, bool)> {
        changes.iter().map(|(key, alive)| ((*key).to_owned(), *alive)).collect()
    }

    #[test]
    fn a_key_begins_with_its_state_and_waits_once() {
        let mut unread = Unread::default();
        assert!(unread.add(&key("a"), Some(false)) && unread.add(&key("b"), None));
        assert!(!unread.add(&key("a"), Some(true)), "it is there");
        for alive in [true, false, true] {
            unread.set("b", alive);
            unread.set("a", alive);
        }
        assert_eq!(all(&mut unread), told(&[("a", true), ("b", true)]));
        assert!(all(&mut unread).is_empty());
    }

    /// J12: after a kill the original said again and again that the key is dead.
    #[test]
    fn what_was_told_is_not_told_again() {
        let mut unread = Unread::default();
        unread.add(&key("a"), Some(false));
        assert_eq!(all(&mut unread), told(&[("a", false)]));
        unread.set("a", false);
        assert!(all(&mut unread).is_empty());
        unread.set("a", true);
        unread.set("a", false);
        assert!(all(&mut unread).is_empty(), "it is as it was when it was told");
    }

    /// J7: the original kept what waited of a channel that had gone.
    #[test]
    fn nothing_waits_of_a_key_that_was_removed() {
        let mut unread = Unread::default();
        for _ in 0..100 {
            unread.add(&key("a"), Some(true));
            assert!(unread.remove("a"));
        }
        assert!(all(&mut unread).is_empty());
        assert!(unread.queue.is_empty() && unread.keys.is_empty());
    }

    #[test]
    fn a_mark_is_reached_when_what_waited_was_read_and_not_what_came_later() {
        let mut unread = Unread::default();
        unread.add(&key("a"), Some(true));
        let mark = unread.mark();
        unread.add(&key("b"), Some(true));
        assert!(!unread.is_read_up_to(mark));
        unread.pop();
        assert!(unread.is_read_up_to(mark));
    }
}
