//! The input of all clients that waits in memory.
//!
//! These are messages that are not complete, or cannot be routed yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Connection, Disconnect};

/// Counts the bytes of such input over the whole hub, and has a bound for them.
///
/// The task of a connection tells what it holds when it goes to wait, so those that find their
/// messages complete in one read never come here. When there is no room, the connection goes whose
/// input has been standing still for longest: who finishes messages is never the one.
#[derive(Debug)]
pub(crate) struct InputMemory {
    bytes_max: usize,
    held: Mutex<Locked>,
}

#[derive(Debug, Default)]
struct Locked {
    /// By their last progress, oldest first.
    by_progress: BTreeMap<u64, (Arc<Connection>, usize)>,
    bytes: usize,
    next: u64,
}

/// The place of a connection among those that hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InputPlace(u64);

impl InputMemory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, held: Mutex::default() }
    }

    /// Notes what a connection holds now; without a change it keeps its place.
    pub(crate) fn hold(
        &self,
        place: Option<InputPlace>,
        connection: &Arc<Connection>,
        bytes: usize,
    ) -> InputPlace {
        let mut held = self.held.lock();
        if let Some(place) = place {
            if held.by_progress.get(&place.0).is_some_and(|(_, before)| *before == bytes) {
                return place;
            }
            held.remove(place);
        }
        let place = InputPlace(held.next);
        held.next += 1;
        held.bytes += bytes;
        held.by_progress.insert(place.0, (Arc::clone(connection), bytes));
        let mut ended = Vec::new();
        // The last that goes may be this very connection, if it alone holds too much.
        while held.bytes > self.bytes_max
            && let Some((_, (oldest, freed))) = held.by_progress.pop_first()
        {
            held.bytes -= freed;
            ended.push(oldest);
        }
        drop(held);
        // Without the lock: closing takes that of an outbox, and wakes a task.
        for connection in ended {
            connection.close(Disconnect::Unfinished);
        }
        place
    }

    /// Tells whether there is room for what need not be held: less than a quarter of all is in use.
    pub(crate) fn has_room(&self) -> bool {
        self.held.lock().bytes < self.bytes_max / 4
    }

    /// A connection holds nothing any more.
    pub(crate) fn release(&self, place: InputPlace) {
        self.held.lock().remove(place);
    }
}

impl Locked {
    fn remove(&mut self, place: InputPlace) {
        if let Some((_, freed)) = self.by_progress.remove(&place.0) {
            self.bytes -= freed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox_memory::OutboxMemory;
    use crate::{Admission, ConnectionId};

    fn connection(number: u64) -> Arc<Connection> {
        let memory = Arc::new(OutboxMemory::new(4_096, 1_024));
        Arc::new(Connection::new(ConnectionId(number), Admission::default(), memory, false))
    }

    #[test]
    fn whose_input_stands_still_goes_first() {
        let unfinished = InputMemory::new(1_000);
        let (still, moving, new) = (connection(1), connection(2), connection(3));
        let place = unfinished.hold(None, &still, 400);
        let other = unfinished.hold(None, &moving, 400);
        assert_eq!(unfinished.hold(Some(place), &still, 400), place, "no progress, the same place");
        let other = unfinished.hold(Some(other), &moving, 500);
        unfinished.hold(None, &new, 400);
        assert!(still.outbox.is_closing() && !moving.outbox.is_closing() && !new.outbox.is_closing());
        unfinished.release(place);
        unfinished.release(other);
        assert_eq!(unfinished.held.lock().bytes, 400);
    }
}
