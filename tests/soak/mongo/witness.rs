//! What one watcher was told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use presence_mongo::ErrorKind;

/// Believes the changes of one stream.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    pub(crate) alive: BTreeSet<String>,
    /// When keys died that were alive, since the last count.
    pub(crate) falls: BTreeMap<String, Vec<Duration>>,
    /// Changes since the last count.
    pub(crate) changes: usize,
}

impl Witness {
    pub(crate) fn tell(&mut self, at: Duration, key: &str, alive: bool) {
        self.changes += 1;
        if alive {
            self.alive.insert(key.to_owned());
        } else if self.alive.remove(key) {
            self.falls.entry(key.to_owned()).or_default().push(at);
        }
    }

    /// Everything told so far has been judged.
    pub(crate) fn reset(&mut self) {
        self.falls.clear();
        self.changes = 0;
    }

    /// Says what it believes wrongly, if anything.
    pub(crate) fn differs(&self, expected: &BTreeSet<String>) -> Option<String> {
        let ghosts: Vec<_> = self.alive.difference(expected).take(5).collect();
        let missing: Vec<_> = expected.difference(&self.alive).take(5).collect();
        let is_right = ghosts.is_empty() && missing.is_empty();
        (!is_right).then(|| format!("{} alive; ghosts {ghosts:?}, missing {missing:?}", self.alive.len()))
    }
}

/// Says whether a stream goes on as before after such an error.
pub(crate) fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Lagged)
}
