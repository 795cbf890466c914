//! An answer on its way: how fast it moves, and what is given back when it is cut.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::RequestConnection;
use super::part::PermitPart;

/// An answer that nothing was taken of for so long stands still.
pub(super) const STILL: Duration = Duration::from_millis(250);

/// An answer that moves is slow below so many bytes a second.
const SLOW: u64 = 256 * 1024;

// Where the bytes of an answer are:
//
//  rest ──give──► given: in the server's buffers ──take──► taken: written, the room is given back
//    │              │
//    └── a cut gives these back at once
//                   └── these come back only when they are written or the connection ends
/// The way of one answer.
#[derive(Debug)]
pub(super) struct Answer {
    way: Mutex<AnswerProgress>,
    started: Instant,
    connection: Option<RequestConnection>,
    /// Nothing else goes over its connection, so that this ends with it.
    alone: bool,
}

#[derive(Debug)]
struct AnswerProgress {
    /// What the server has not asked for yet.
    rest: VecDeque<(Vec<u8>, PermitPart)>,
    /// The bytes that it has and has not written.
    given: usize,
    /// The bytes that were written.
    taken: u64,
    moved: Instant,
    cut: bool,
}

/// How slow an answer is; the least of several is the one to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pace {
    /// An answer that was cut already has little left to give back, so it comes last.
    was_cut: bool,
    bytes_per_second: u64,
    moved: Instant,
}

impl Answer {
    /// An answer of these pieces, each with the room that it holds.
    pub(super) fn new(
        rest: VecDeque<(Vec<u8>, PermitPart)>,
        connection: Option<RequestConnection>,
        alone: bool,
    ) -> Self {
        let now = Instant::now();
        let way = Mutex::new(AnswerProgress { rest, given: 0, taken: 0, moved: now, cut: false });
        Self { way, started: now, connection, alone }
    }

    /// Returns the next piece, which the server has from now on, and whether the answer was cut.
    pub(super) fn give(&self) -> (Option<(Vec<u8>, PermitPart)>, bool) {
        let mut way = self.way.lock();
        let next = way.rest.pop_front();
        if let Some((bytes, _)) = &next {
            way.given += bytes.len();
        }
        (next, way.cut)
    }

    /// Notes that a piece of so many bytes was written.
    pub(super) fn take(&self, bytes: usize) {
        let mut way = self.way.lock();
        way.given -= bytes;
        way.taken += bytes as u64;
        way.moved = Instant::now();
    }

    /// How slow it is; `None` if it moves as it should, or has nothing to give.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        let way = self.way.lock();
        // Without a connection that can be closed, what the server's buffers hold cannot be had
        // back.
        let closable = !way.rest.is_empty() || (way.given > 0 && self.connection.is_some());
        let age = now.saturating_duration_since(self.started);
        if !closable || age < STILL {
            return None;
        }
        let still = now.saturating_duration_since(way.moved) >= STILL;
        let milliseconds = u64::try_from(age.as_millis()).unwrap_or(u64::MAX).max(1);
        let bytes_per_second = if still { 0 } else { way.taken.saturating_mul(1_000) / milliseconds };
        (bytes_per_second < SLOW).then_some(Pace { was_cut: way.cut, bytes_per_second, moved: way.moved })
    }

    /// Ends it, and returns how many bytes that gives back: what is not asked for at once, and what
    /// the server's buffers hold with the connection.
    pub(super) fn cut(&self) -> usize {
        // The pieces leave the lock with this block. They are dropped at the end, and wake whoever
        // waits for room.
        let (rest, given, again) = {
            let mut way = self.way.lock();
            let again = std::mem::replace(&mut way.cut, true);
            (std::mem::take(&mut way.rest), way.given, again)
        };
        let mut freed: usize = rest.iter().map(|(piece, _)| piece.len()).sum();
        // Beside others, an answer is at first cut alone, so that the other calls of its connection
        // go on. If it is looked at again, its bytes are still in the buffers, and the connection
        // goes.
        if let Some(connection) = self.connection.as_ref().filter(|_| self.alone || again) {
            connection.close();
            freed += given;
        }
        freed
    }
}
