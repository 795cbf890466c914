//! One message of a client: opcode to action.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::channel::Channel;
use crate::connection::BindOutcome;
use crate::hub::Shared;
use crate::protocol::{MessageRef, Opcode};
use crate::websocket::{FrameKind, put_frame};
use crate::{Connection, Disconnect};

/// Routes the messages that one read of a socket brought.
///
/// Messages in a row to one channel become one piece of bytes, encoded once,
/// queued once for each member and written at once. Whatever comes between ends
/// the row, so every member gets a client's messages in the order they were sent.
/// The last row is delivered by [`flush`](Self::flush), which the caller calls at the
/// end, also after an error: what was accepted before it counts.
pub(crate) struct Router<'a> {
    hub: &'a Shared,
    connection: &'a Arc<Connection>,
    row: Option<Row>,
}

struct Row {
    channel: Arc<Channel>,
    frames: BytesMut,
    messages: u64,
}

impl<'a> Router<'a> {
    pub(crate) const fn new(hub: &'a Shared, connection: &'a Arc<Connection>) -> Self {
        Self { hub, connection, row: None }
    }

    /// Routes one WebSocket message; an error ends the connection.
    pub(crate) fn message(&mut self, bytes: &[u8]) -> Result<(), Disconnect> {
        self.hub.metrics.received.increment(1);
        let message = MessageRef::decode(bytes).map_err(|fault| {
            tracing::debug!(connection = %self.connection.id(), %fault, "malformed message");
            Disconnect::InvalidPayload
        })?;
        match message.opcode {
            Opcode::WRITE | Opcode::STREAM_START | Opcode::STREAM_WRITE | Opcode::STREAM_END => {
                self.write(message);
                return Ok(());
            }
            Opcode::BIND => {
                self.flush();
                self.bind(message.channel)?;
            }
            Opcode::UNBIND => {
                self.flush();
                self.unbind(message.channel);
            }
            Opcode::SERVER => {
                self.flush();
                if self.is_new(message.uuid) {
                    self.hub.hooks.handler.call(self.connection, message.to_message());
                }
            }
            Opcode::CLEAN_UP | Opcode::META_QUERY | Opcode::META_QUERY_RESPONSE => {
                return Err(Disconnect::ForbiddenOpcode);
            }
            unknown => tracing::debug!(connection = %self.connection.id(), ?unknown, "opcode ignored"),
        }
        Ok(())
    }

    /// Delivers the row that is still open.
    pub(crate) fn flush(&mut self) {
        let Some(Row { channel, frames, messages }) = self.row.take() else { return };
        let receivers = channel.deliver(&frames.freeze(), Some(self.connection.id()));
        self.hub.metrics.delivered.increment(receivers as u64 * messages);
    }

    fn write(&mut self, message: MessageRef<'_>) {
        if !self.hub.hooks.auth.can_write(self.connection, message.channel) {
            self.hub.metrics.denied.increment(1);
            tracing::debug!(connection = %self.connection.id(), channel = message.channel, "write denied");
            return;
        }
        if message.opcode == Opcode::WRITE {
            if !self.is_new(message.uuid) {
                return;
            }
            self.hub.hooks.storage.store(message);
        }
        if self.row.as_ref().is_none_or(|row| **row.channel.name() != *message.channel) {
            self.flush();
            let bound = self.connection.channel(message.channel);
            // Who may write without being bound writes to whoever is there.
            self.row = bound.or_else(|| self.hub.registry.channel(message.channel)).map(|channel| Row {
                channel,
                frames: BytesMut::new(),
                messages: 0,
            });
        }
        if let Some(row) = &mut self.row {
            put_frame(&mut row.frames, FrameKind::Binary, message.encoded());
            row.messages += 1;
        }
    }

    fn bind(&self, name: &str) -> Result<(), Disconnect> {
        if !self.hub.hooks.auth.can_bind(self.connection, name) {
            self.hub.metrics.denied.increment(1);
            tracing::debug!(connection = %self.connection.id(), channel = name, "bind denied");
            return Ok(());
        }
        match self.hub.bind(self.connection, name) {
            BindOutcome::Bound => self.hub.hooks.lifecycle.bound(self.connection, name),
            BindOutcome::Unchanged => {}
            BindOutcome::TooMany => return Err(Disconnect::TooManyChannels),
        }
        Ok(())
    }

    fn unbind(&self, name: &str) {
        if let Some(channel) = self.connection.unbind(name) {
            self.hub.registry.leave(&channel, self.connection.id());
            self.hub.hooks.lifecycle.unbound(self.connection, name);
        }
    }

    fn is_new(&self, uuid: &str) -> bool {
        let sender = self.hub.sender_key(self.connection);
        let is_new = self.hub.dedup.is_new(sender, uuid, Instant::now());
        if !is_new {
            self.hub.metrics.repeated.increment(1);
        }
        is_new
    }
}
