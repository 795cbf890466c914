//! What of a client's input waits.

use std::mem;

use tokio::time::Instant;

use crate::answer::PendingAnswer;
use crate::router::HeldRun;
use crate::websocket::{ClientInput, Decoder, FrameKind, Scout};

/// Bytes that are not routed yet beyond which nothing more is read while something waits.
const AHEAD_BYTES_MAX: usize = 64 * 1024;

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
    pub(super) const fn takes_more(&self) -> bool {
        !self.has_goodbye && self.rest.len() - self.used < AHEAD_BYTES_MAX
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
        // What is decoded makes room, so that no more is held than waits.
        self.rest.drain(..self.used);
        self.used = 0;
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

    /// Tells whether a client that has said goodbye has waited for readers as long as it may.
    pub(super) fn has_waited(&mut self, row_until: Instant, now: Instant) -> bool {
        self.has_goodbye && now >= *self.until.get_or_insert(row_until)
    }
}
