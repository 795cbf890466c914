//! The bytes of one or more messages as they go to their receivers.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use bytes::BytesMut;

use crate::outbox_memory::OutboxMemory;

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
}

impl Frame {
    pub(crate) fn new(bytes: BytesMut, memory: &Arc<OutboxMemory>) -> Self {
        let counted = Counted { bytes, memory: Arc::clone(memory) };
        memory.take(counted.held());
        Self(Arc::new(counted))
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
