//! What of a client's input waits.

use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use crate::answer::PendingAnswer;
use crate::router::HeldRun;
use crate::websocket::{ClientInput, Decoder, FrameKind, Scout};

/// Bytes that are not routed yet beyond which nothing more is read while something waits, but for
/// a far look.
const AHEAD_BYTES_MAX: usize = 64 * 1024;

/// Bytes that are not routed yet beyond which a far look does not go: about what a socket holds of
/// a client that sends much.
const FAR_BYTES_MAX: usize = 1024 * 1024;

/// How long after it has become full, and after the last one, a far look begins.
///
/// It is not done at once: most waits are short, and what is read far ahead is copied once more.
const FAR_LOOK_AFTER: Duration = Duration::from_millis(500);

/// What waits, in the order in which it goes on.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) row: Option<HeldRun>,
    pub(super) answer: Option<PendingAnswer>,
    pub(super) message: Option<Deferred>,
    rest: Vec<u8>,
    /// Bytes of `rest` that are decoded.
    used: usize,
    /// It stands at the end of `rest`, once something was read ahead.
    scout: Option<Scout>,
    /// Whether the client has said goodbye, or its side of the socket has ended.
    has_goodbye: bool,
    /// Until when it waits for readers if the client has said goodbye.
    until: Option<Instant>,
    /// When a far look begins, or has begun.
    far_look_at: Option<Instant>,
    /// Whether it looks far ahead: all is read that comes.
    looks_far: bool,
    /// Whether nothing is read behind the row, as there is no memory for more that waits for
    /// readers.
    is_halted: bool,
}

/// What was decoded and is not routed yet.
pub(super) enum Deferred {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Close,
}

impl Deferred {
    /// Keeps what has to wait; nothing waits with a pong.
    pub(super) fn new(event: &ClientInput<'_>) -> Option<Self> {
        match event {
            ClientInput::Message(_, message) => Some(Self::Message(message.to_vec())),
            ClientInput::Ping(payload) => Some(Self::Ping(payload.to_vec())),
            ClientInput::Close(_) => Some(Self::Close),
            ClientInput::Pong => None,
        }
    }

    pub(super) fn event(&self) -> ClientInput<'_> {
        match self {
            Self::Message(bytes) => ClientInput::Message(FrameKind::Binary, bytes),
            Self::Ping(payload) => ClientInput::Ping(payload),
            Self::Close => ClientInput::Close(None),
        }
    }
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.row.is_none() && self.answer.is_none() && self.message.is_none() && self.rest.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        let row = self.row.as_ref().map_or(0, |held| held.row.bytes());
        let answer = self.answer.as_ref().map_or(0, PendingAnswer::bytes);
        let message = match &self.message {
            Some(Deferred::Message(bytes) | Deferred::Ping(bytes)) => bytes.capacity(),
            Some(Deferred::Close) | None => 0,
        };
        row + answer + message + self.rest.capacity()
    }

    /// Has these bytes wait behind everything else.
    pub(super) fn put_rest(&mut self, rest: &[u8]) {
        self.rest.extend_from_slice(rest);
    }

    /// Takes the bytes that are not decoded yet, to give them back by
    /// [`give_back`](Self::give_back).
    pub(super) fn take_rest(&mut self) -> (Vec<u8>, usize) {
        (mem::take(&mut self.rest), self.used)
    }

    /// Gives bytes back of which so many are decoded.
    pub(super) fn give_back(&mut self, rest: Vec<u8>, used: usize) {
        (self.rest, self.used) = (rest, used);
    }

    /// Tells whether all its bytes are decoded.
    pub(super) const fn has_no_rest(&self) -> bool {
        self.used == self.rest.len()
    }

    /// Tells whether more is read while this waits.
    ///
    /// A client that sends much has its goodbye, its pongs and the end of its socket behind all of
    /// that. So now and then more is read than has to be kept ready, if `has_room` says that there
    /// is memory for it.
    pub(super) fn takes_more(&mut self, now: Instant, has_room: impl FnOnce() -> bool) -> bool {
        if self.has_goodbye || self.ahead() < AHEAD_BYTES_MAX {
            return !self.has_goodbye;
        }
        let begins = *self.far_look_at.get_or_insert(now + FAR_LOOK_AFTER);
        self.looks_far = now >= begins && self.ahead() < FAR_BYTES_MAX && has_room();
        if now >= begins && !self.looks_far {
            self.far_look_at = Some(now + FAR_LOOK_AFTER);
        }
        self.looks_far
    }

    /// Notes whether there is memory to read more behind the row that waits.
    pub(super) const fn note_halted(&mut self, is_halted: bool) {
        self.is_halted = is_halted;
    }

    /// Tells whether nothing is read behind the row, for want of memory.
    const fn is_halted(&self) -> bool {
        self.is_halted && self.row.is_some()
    }

    /// Tells whether nothing is read.
    ///
    /// Much waits, of this client or of all, or the client has said goodbye.
    pub(super) const fn is_full(&self) -> bool {
        self.has_goodbye || self.is_halted() || (self.ahead() >= AHEAD_BYTES_MAX && !self.looks_far)
    }

    /// Tells whether the client has said goodbye, or its side of the socket has ended.
    pub(super) const fn has_goodbye(&self) -> bool {
        self.has_goodbye
    }

    /// Returns when a far look begins, if nothing is read before.
    pub(super) fn far_look_at(&self) -> Option<Instant> {
        // Where only the rest waits, it is for its next turn, and the time may be over: whoever
        // waited for it would go on at once, and others had none.
        let waits = self.row.is_some() || self.answer.is_some() || self.message.is_some();
        // A look for which there is no memory is not waited for either: its time may be over, too.
        let is_halted = self.is_halted();
        self.far_look_at.filter(|_| waits && self.is_full() && !is_halted && !self.has_goodbye)
    }

    /// Returns how many bytes are not routed yet.
    const fn ahead(&self) -> usize {
        self.rest.len() - self.used
    }

    /// Looks for a goodbye in what waits, unless that was done before.
    pub(super) fn look_ahead(&mut self, decoder: &Decoder) {
        if matches!(self.message, Some(Deferred::Close)) {
            self.note_goodbye();
        }
        if self.scout.is_none() {
            let mut scout = Scout::ahead_of(decoder);
            if scout.finds_close(&self.rest[self.used..]) {
                self.note_goodbye();
            }
            self.scout = Some(scout);
        }
    }

    /// Takes what was read while it waits.
    pub(super) fn read_ahead(&mut self, bytes: &[u8]) {
        // What is decoded makes room, so that hardly more is held than waits. Behind a far look
        // that is done when it is half of it, or all of the rest would be moved for each read.
        if self.ahead() < AHEAD_BYTES_MAX || self.used >= self.ahead() {
            self.rest.drain(..self.used);
            self.used = 0;
        }
        if self.rest.len() < AHEAD_BYTES_MAX && self.rest.capacity() > AHEAD_BYTES_MAX * 4 {
            self.rest.shrink_to(AHEAD_BYTES_MAX * 2);
        }
        self.rest.extend_from_slice(bytes);
        if self.scout.as_mut().is_some_and(|scout| scout.finds_close(bytes)) {
            self.note_goodbye();
        }
    }

    /// Notes that nothing more comes from the client.
    pub(super) fn note_goodbye(&mut self) {
        self.has_goodbye = true;
        if let Some(held) = &self.row {
            self.until.get_or_insert(held.until);
        }
    }

    /// Returns until when a row waits at most that could wait until then.
    pub(super) fn waits_until(&self, row_until: Instant) -> Instant {
        self.until.filter(|_| self.has_goodbye).map_or(row_until, |until| until.min(row_until))
    }

    /// Tells whether a client that has said goodbye has waited for readers as long as it may.
    pub(super) fn has_waited(&mut self, row_until: Instant, now: Instant) -> bool {
        self.has_goodbye && now >= *self.until.get_or_insert(row_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_look_is_waited_for_while_something_waits_for_more_than_a_turn() {
        let message = Some(Deferred::Ping(Vec::new()));
        let mut waiting = Waiting { message, ..Waiting::default() };
        waiting.put_rest(&vec![0; AHEAD_BYTES_MAX]);
        let now = Instant::now();
        assert!(!waiting.takes_more(now, || true));
        assert_eq!(waiting.far_look_at(), Some(now + FAR_LOOK_AFTER));
        waiting.message = None;
        assert_eq!(waiting.far_look_at(), None);
    }
}
