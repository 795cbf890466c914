//! Messages in a row of one client to one channel.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::Connection;
use crate::connection::Channel;
use crate::frame::FRAME_COST;
use crate::outbox::WaitMark;
use crate::websocket::{FrameKind, put_frame};

/// Messages of one client to one channel, as the frames that its members get.
pub(crate) struct MessageRun {
    pub(super) channel: Arc<Channel>,
    pub(super) frames: BytesMut,
    pub(super) messages: u64,
    /// When it is delivered whoever is behind, once it has had to wait.
    pub(super) until: Option<Instant>,
}

/// A row that waits for a reader who is behind.
pub(crate) struct HeldRun {
    pub(crate) row: MessageRun,
    pub(crate) reader: Arc<Connection>,
    /// Above which mark of the reader it waits.
    pub(crate) mark: WaitMark,
    /// When it is delivered whoever is behind.
    pub(crate) until: Instant,
}

impl MessageRun {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        Self { channel, frames: BytesMut::new(), messages: 0, until: None }
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
