//! What a program writes in the name of a connection.

use std::sync::Arc;

use super::Hub;
use super::control::has_ended;
use crate::connection::LoginPhase;
use crate::encode::{decode_payload, encode_payload, framed};
use crate::frame::Frame;
use crate::protocol::{Message, MessageRef, Opcode};
use crate::{Author, Connection, Error, ErrorKind};

/// What became of a message that was written in the name of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteOutcome {
    /// It was kept, if anybody keeps it, and queued for so many members.
    Written {
        /// The members that it was queued for.
        receivers: usize,
    },
    /// The connection may not write it, as the auth hook says.
    Denied,
    /// Its sender has sent a message with this uuid lately.
    Repeated,
}

impl Hub {
    /// Writes a Write message as if the client of this connection had sent it.
    ///
    /// The auth hook is asked whether it may, a repeated uuid is recognised, it is stored, and the
    /// other members of the channel get it. The [`Rates`](crate::Rates) and the
    /// [`Throttle`](crate::Throttle) do not count it. It never waits for a reader; a member that
    /// has no room for it is closed as a slow reader. What the client itself sends meanwhile comes
    /// before or behind it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is no Write message, its name is
    /// longer than a client's may be, or a part is too long to encode or for sisters;
    /// [`Closed`](crate::ErrorKind::Closed) if the connection has ended, is closing or of another
    /// hub.
    #[expect(clippy::needless_pass_by_value, reason = "it is sent, and of no use behind that")]
    pub fn write(&self, connection: &Arc<Connection>, message: Message) -> Result<WriteOutcome, Error> {
        self.check_write(&message)?;
        if !self.has(connection) || connection.outbox.is_closing() {
            return Err(has_ended(connection));
        }
        let payload = encode_payload(&message)?;
        self.shared.check_for_sisters(&message.channel, payload.len())?;
        let message = decode_payload(&payload);
        if connection.login_phase() == LoginPhase::Awaited || !self.shared.may_write(connection, message) {
            return Ok(WriteOutcome::Denied);
        }
        if !self.shared.is_new(connection, message.uuid) {
            return Ok(WriteOutcome::Repeated);
        }
        Ok(WriteOutcome::Written { receivers: self.deliver_of(connection, message) })
    }

    /// Stores and delivers a message that was accepted; returns how many members took it.
    fn deliver_of(&self, connection: &Arc<Connection>, message: MessageRef<'_>) -> usize {
        let (hub, author) = (&self.shared, Author::Connection(connection));
        hub.store(&author, message);
        let channel = connection.channel(message.channel).or_else(|| hub.channel_of(message.channel));
        let Some(channel) = channel else { return 0 };
        let frame = Frame::new(framed(message.encoded()), &hub.memory);
        let receivers = hub.deliver(&channel, &frame, Some(connection.id()), &author);
        hub.metrics.delivered.increment(receivers as u64);
        hub.make_room();
        receivers
    }

    fn check_write(&self, message: &Message) -> Result<(), Error> {
        if message.opcode != Opcode::WRITE {
            let text = format!(
                "{:?} is no Write message; a program writes nothing else for a client",
                message.opcode
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let (bytes, most) = (message.channel.len(), self.shared.config.name_bytes_max);
        if bytes > most && !message.channel.starts_with('$') {
            let text = format!("the name of the channel has {bytes} bytes; name_bytes_max allows {most}");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(())
    }
}
