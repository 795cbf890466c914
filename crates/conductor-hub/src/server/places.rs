//! How many connections there may be that are not the hub's yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The places of a listener.
///
/// When all are taken the oldest connection on which no request is being answered makes room: one
/// that has sent nothing, or not all of a request, or rests between two of them.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    taken: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    /// How many of its requests are being answered.
    requests: usize,
    close: CancellationToken,
}

/// The place of one connection, given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    close: CancellationToken,
    places: Arc<Places>,
}

/// A request that is being answered; its connection keeps its place meanwhile.
#[derive(Debug)]
pub(super) struct BusyPlace {
    number: u64,
    places: Arc<Places>,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, table: Mutex::default() })
    }

    /// Takes a place; `None` if a request is being answered on every one.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut table = self.table.lock();
        if table.taken.len() >= self.most && !table.make_room() {
            return None;
        }
        let (number, close) = (table.next, CancellationToken::new());
        table.next += 1;
        table.taken.insert(number, Seat { requests: 0, close: close.clone() });
        Some(Place { number, close, places: Arc::clone(self) })
    }

    /// Ends the oldest connection that does nothing, if there is one.
    pub(super) fn make_room(&self) -> bool {
        self.table.lock().make_room()
    }
}

impl Table {
    fn make_room(&mut self) -> bool {
        let oldest = self.taken.iter().find(|(_, seat)| seat.requests == 0).map(|(number, _)| *number);
        let Some(seat) = oldest.and_then(|number| self.taken.remove(&number)) else { return false };
        seat.close.cancel();
        true
    }
}

impl Place {
    /// Waits until somebody else has the place.
    pub(super) async fn lost(&self) {
        self.close.cancelled().await;
    }

    /// Returns what counts the requests of this connection.
    pub(super) fn requests(&self) -> impl Fn() -> BusyPlace + Clone + Send + Sync + use<> {
        let (number, places) = (self.number, Arc::clone(&self.places));
        move || {
            if let Some(seat) = places.table.lock().taken.get_mut(&number) {
                seat.requests += 1;
            }
            BusyPlace { number, places: Arc::clone(&places) }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table.lock().taken.remove(&self.number);
    }
}

impl Drop for BusyPlace {
    fn drop(&mut self) {
        if let Some(seat) = self.places.table.lock().taken.get_mut(&self.number) {
            seat.requests -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_does_nothing_makes_room() {
        let places = Places::new(2);
        let (first, second) = (places.take().unwrap(), places.take().unwrap());
        let request = first.requests()();
        let third = places.take().expect("the second does nothing");
        assert!(second.close.is_cancelled() && !first.close.is_cancelled());
        // It has lost its place, so that its end gives none back.
        drop(second);
        let last = third.requests()();
        assert!(places.take().is_none(), "both are busy");
        drop((request, last));
        drop(places.take().expect("the first does nothing"));
        assert!(first.close.is_cancelled() && !third.close.is_cancelled());
        assert_eq!(places.table.lock().taken.len(), 1);
    }
}
