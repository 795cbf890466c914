//! The bytes of one or more messages as they go to their receivers.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::BytesMut;

use crate::deflation::Deflation;
use crate::outbox_memory::OutboxMemory;
use crate::websocket::Window;

/// What a frame in a queue costs besides its bytes, roughly: its place there, and its allocation.
pub(crate) const FRAME_COST: usize = 64;

/// Encoded bytes that all the outboxes they are in share.
///
/// They are counted once, from here until the last outbox has let go of them.
#[derive(Clone)]
pub(crate) struct Frame(Arc<Counted>);

struct Counted {
    bytes: BytesMut,
    memory: Arc<OutboxMemory>,
    /// The same compressed, once somebody needs it.
    deflated: OnceLock<Box<Deflated>>,
}

/// The same messages compressed, for each window; `None` if that would not be smaller.
#[derive(Default)]
struct Deflated([OnceLock<Option<Frame>>; Window::ALL.len()]);

impl Frame {
    pub(crate) fn new(bytes: BytesMut, memory: &Arc<OutboxMemory>) -> Self {
        let counted = Counted { bytes, memory: Arc::clone(memory), deflated: OnceLock::new() };
        memory.take(counted.held());
        Self(Arc::new(counted))
    }

    /// Returns the same messages for those who inflate them, compressed if that is smaller.
    ///
    /// That is done once, whoever asks first; the others wait for it and share it.
    pub(crate) fn deflated(&self, deflation: &Deflation) -> Self {
        if self.len() < deflation.from() {
            return self.clone();
        }
        let Deflated(windows) = &**self.0.deflated.get_or_init(Box::default);
        let deflated = windows[deflation.number()].get_or_init(|| {
            let bytes = deflation.deflate(self)?;
            Some(Self::new(bytes, &self.0.memory))
        });
        deflated.as_ref().unwrap_or(self).clone()
    }

    /// Returns what it costs an outbox.
    pub(crate) fn cost(&self) -> usize {
        self.len() + FRAME_COST
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.len()).finish()
    }
}

impl Counted {
    fn held(&self) -> usize {
        // What is allocated and not what is used: the bound is about memory.
        self.bytes.capacity() + FRAME_COST
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.memory.give_back(self.held());
    }
}
