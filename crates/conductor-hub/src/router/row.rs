//! Messages in a row of one client to one channel.

use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::connection::Channel;
use crate::frame::FRAME_COST;
use crate::outbox::WaitMark;
use crate::shared::Shared;
use crate::stream_permits::{StreamName, StreamPermit};
use crate::websocket::{FrameKind, put_frame};
use crate::{Connection, ConnectionId};

/// Messages of one client to one channel, as the frames that its members get.
pub(crate) struct MessageRun {
    pub(super) channel: Arc<Channel>,
    pub(super) frames: BytesMut,
    pub(super) messages: u64,
    /// Those of streams that end in it: their uuids are nobody else's until it is delivered.
    pub(super) ended: Vec<StreamPermit>,
    /// When it is delivered whoever is behind, once it has had to wait.
    pub(super) until: Option<Instant>,
}

/// A row that waits for a reader who is behind.
pub(crate) struct HeldRun {
    pub(crate) row: MessageRun,
    pub(super) behind: Behind,
    /// Above which mark of the reader it waits.
    pub(super) mark: WaitMark,
    /// When it is delivered whoever is behind.
    pub(crate) until: Instant,
}

/// Who is behind, so that a row waits.
pub(super) enum Behind {
    /// A member of the channel.
    Reader(Arc<Connection>),
    /// A member at another node, or a link to one.
    Sisters,
}

impl HeldRun {
    /// Wakes its sender when it need not wait any more; `false` if it need not wait now.
    pub(crate) fn wait(&self, hub: &Shared, sender: ConnectionId, waker: &Waker) -> bool {
        match &self.behind {
            Behind::Reader(reader) => reader.outbox.wait(sender, waker, self.row.cost(), self.mark),
            Behind::Sisters => hub.wait_for_sisters(self.row.channel.name(), self.mark, sender, waker),
        }
    }
}

impl MessageRun {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        Self { channel, frames: BytesMut::new(), messages: 0, ended: Vec::new(), until: None }
    }

    /// Takes the permit of a stream that ends in it, for the next one with the same uuid.
    pub(super) fn take_ended(&mut self, name: StreamName) -> Option<StreamPermit> {
        let index = self.ended.iter().position(|ended| ended.name() == Some(name))?;
        Some(self.ended.swap_remove(index))
    }

    /// Adds an encoded message.
    pub(super) fn add(&mut self, message: &[u8]) {
        put_frame(&mut self.frames, FrameKind::Binary, message);
        self.messages += 1;
    }

    /// Returns what it costs an outbox.
    pub(crate) fn cost(&self) -> usize {
        self.frames.len() + FRAME_COST
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.frames.capacity()
    }
}
