//! The places of nodes that have proven nothing yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The places of nodes that dialled and have not proven to be sisters.
///
/// When all are taken the oldest makes room. A sister needs its place for a few round trips, and a
/// stranger keeps its own for as long as nobody else comes: so those who prove nothing keep no
/// sister out, unless all places are taken anew within these round trips.
#[derive(Debug)]
pub(crate) struct Strangers {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    taken: BTreeMap<u64, CancellationToken>,
}

/// The place of one node, given back on drop: when it is gone, or is no stranger any more.
#[derive(Debug)]
pub(crate) struct StrangerPlace {
    number: u64,
    lost: CancellationToken,
    strangers: Arc<Strangers>,
}

impl Strangers {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, table: Mutex::default() })
    }

    /// Takes a place, that of the oldest if there is no other.
    pub(crate) fn take(self: &Arc<Self>) -> StrangerPlace {
        let mut table = self.table.lock();
        if table.taken.len() >= self.most
            && let Some((_, oldest)) = table.taken.pop_first()
        {
            oldest.cancel();
        }
        let (number, lost) = (table.next, CancellationToken::new());
        table.next += 1;
        table.taken.insert(number, lost.clone());
        StrangerPlace { number, lost, strangers: Arc::clone(self) }
    }
}

impl StrangerPlace {
    /// Returns what is cancelled when somebody else gets the place before it is given back.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }
}

impl Drop for StrangerPlace {
    fn drop(&mut self) {
        self.strangers.table.lock().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_has_proven_nothing_makes_room() {
        let strangers = Strangers::new(2);
        let (first, second) = (strangers.take(), strangers.take());
        let (first_lost, second_lost) = (first.lost(), second.lost());
        // It has proven itself.
        drop(first);
        let third = strangers.take();
        assert!(!first_lost.is_cancelled() && !second_lost.is_cancelled(), "there was room");
        let fourth = strangers.take();
        assert!(second_lost.is_cancelled() && !third.lost().is_cancelled());
        // It has lost its place, so that its end gives none back.
        drop(second);
        assert_eq!(strangers.table.lock().taken.len(), 2);
        drop((third, fourth));
        assert!(strangers.table.lock().taken.is_empty());
    }
}
