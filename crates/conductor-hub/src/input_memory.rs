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
///
/// Nor is a sender whom the hub itself has wait for a reader. What such senders hold may be half of
/// all; beyond that the hub reads nothing more of them and waits for no reader, so that their
/// messages find room in the outboxes or end slow readers. What each thread is just reading comes
/// on top. The other half is for all others: none of them ends for what those hold.
#[derive(Debug)]
pub(crate) struct InputMemory {
    bytes_max: usize,
    held: Mutex<Locked>,
}

#[derive(Debug, Default)]
struct Locked {
    /// By their last progress, oldest first, but for those who wait for readers.
    by_progress: BTreeMap<u64, (Arc<Connection>, usize)>,
    /// What those hold who wait for readers, by their places.
    paused: BTreeMap<u64, usize>,
    /// What all hold, and of that those who wait for readers.
    bytes: usize,
    paused_bytes: usize,
    next: u64,
}

/// The place of a connection among those that hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InputPlace(u64);

impl InputMemory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, held: Mutex::default() }
    }

    /// Notes what a connection holds now, and whether that waits for a reader; without a change it
    /// keeps its place.
    pub(crate) fn hold(
        &self,
        place: Option<InputPlace>,
        connection: &Arc<Connection>,
        bytes: usize,
        is_paused: bool,
    ) -> InputPlace {
        let mut held = self.held.lock();
        if let Some(place) = place {
            if held.is_so(place, bytes, is_paused) {
                return place;
            }
            held.remove(place);
        }
        let place = InputPlace(held.next);
        held.next += 1;
        held.bytes += bytes;
        if is_paused {
            held.paused_bytes += bytes;
            held.paused.insert(place.0, bytes);
        } else {
            held.by_progress.insert(place.0, (Arc::clone(connection), bytes));
        }
        let mut ended = Vec::new();
        // The last that goes may be this very connection, if it alone holds too much. Nobody goes
        // for what others hold who wait for readers, as long as the rest is within its own half.
        while held.bytes > self.bytes_max
            && held.bytes - held.paused_bytes > self.bytes_max / 2
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

    /// Tells whether one more sender may wait for a reader, and more be read of those who do.
    pub(crate) fn may_pause(&self) -> bool {
        self.held.lock().paused_bytes <= self.bytes_max / 2
    }

    /// A connection holds nothing any more.
    pub(crate) fn release(&self, place: InputPlace) {
        self.held.lock().remove(place);
    }
}

impl Locked {
    fn is_so(&self, place: InputPlace, bytes: usize, is_paused: bool) -> bool {
        let before = if is_paused {
            self.paused.get(&place.0)
        } else {
            self.by_progress.get(&place.0).map(|(_, before)| before)
        };
        before == Some(&bytes)
    }

    fn remove(&mut self, place: InputPlace) {
        if let Some((_, freed)) = self.by_progress.remove(&place.0) {
            self.bytes -= freed;
        } else if let Some(freed) = self.paused.remove(&place.0) {
            self.bytes -= freed;
            self.paused_bytes -= freed;
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
        let place = unfinished.hold(None, &still, 400, false);
        let other = unfinished.hold(None, &moving, 400, false);
        assert_eq!(unfinished.hold(Some(place), &still, 400, false), place, "no progress, the same place");
        let other = unfinished.hold(Some(other), &moving, 500, false);
        unfinished.hold(None, &new, 400, false);
        assert!(still.outbox.is_closing() && !moving.outbox.is_closing() && !new.outbox.is_closing());
        unfinished.release(place);
        unfinished.release(other);
        assert_eq!(unfinished.held.lock().bytes, 400);
    }
    #[test]
    fn who_waits_for_a_reader_does_not_stand_still() {
        let unfinished = InputMemory::new(1_000);
        let (paused, still, new) = (connection(1), connection(2), connection(3));
        let place = unfinished.hold(None, &paused, 400, true);
        assert_eq!(unfinished.hold(Some(place), &paused, 400, true), place);
        unfinished.hold(None, &still, 400, false);
        assert!(unfinished.may_pause());
        unfinished.hold(None, &new, 400, false);
        assert!(still.outbox.is_closing() && !paused.outbox.is_closing() && !new.outbox.is_closing());
        let place = unfinished.hold(Some(place), &paused, 600, true);
        assert!(!unfinished.may_pause(), "beyond half nobody else waits for readers");
        // The reader has read, and more of the message is to come.
        let place = unfinished.hold(Some(place), &paused, 600, false);
        assert!(unfinished.may_pause());
        unfinished.release(place);
        let held = unfinished.held.lock();
        assert_eq!((held.bytes, held.paused_bytes), (400, 0));
    }
    #[test]
    fn nobody_goes_for_what_others_hold_who_wait_for_readers() {
        let unfinished = InputMemory::new(1_000);
        let (paused, still, new) = (connection(1), connection(2), connection(3));
        unfinished.hold(None, &paused, 900, true);
        unfinished.hold(None, &still, 300, false);
        unfinished.hold(None, &new, 200, false);
        assert!(!still.outbox.is_closing() && !new.outbox.is_closing(), "half of all is theirs");
        unfinished.hold(None, &connection(4), 1, false);
        assert!(still.outbox.is_closing() && !paused.outbox.is_closing() && !new.outbox.is_closing());
    }
}
