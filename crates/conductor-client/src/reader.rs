//! What a client hears on one connection.

use std::time::Duration;

use bytes::Bytes;
use conductor_protocol::{Message, MessageRef, Opcode};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Error as WebSocketError};

use crate::dial::{READ_BUFFER_BYTES, Socket, broken};
use crate::ending::Ending;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::outbox::{LAST_PING, NOBODY, Outgoing};
use crate::shared::Shared;
use crate::streams::StreamDelivery;

/// How long a hub that has closed the connection has to close its socket, too.
const FAREWELL: Duration = Duration::from_secs(1);

/// Reads one connection to its end.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    shared: &'s Shared,
    /// The number of the connection.
    connection: u64,
    streams: StreamDelivery<'s>,
}

/// What the socket gives next.
type Heard = Option<Result<tungstenite::Message, WebSocketError>>;

impl<'s> Reader<'s> {
    pub(crate) fn new(shared: &'s Shared, connection: u64) -> Self {
        let streams = StreamDelivery::new(&shared.config, &shared.streams, shared.lost());
        Self { shared, connection, streams }
    }

    /// Reads until the connection ends, and says how it did.
    ///
    /// Subscriptions are told of the connection here, so that one which is not read, and for which
    /// the reader waits, keeps nobody from sending.
    pub(crate) async fn read(mut self, mut socket: SplitStream<Socket>) -> Ending {
        tell(self.shared, Event::Connected).await;
        loop {
            match self.next(&mut socket).await {
                Ok(None) => return Ending::Lost(self.lost("was ended without a close frame")),
                Ok(Some(Ok(tungstenite::Message::Close(frame)))) => {
                    // Where it answers our own goodbye, all is said.
                    if !self.shared.closing.is_cancelled() {
                        // The answer to it goes out as the rest is read.
                        let rest = async { while let Some(Ok(_)) = socket.next().await {} };
                        timeout(FAREWELL, rest).await.ok();
                    }
                    let code = frame.as_ref().map(|frame| frame.code.into());
                    let text = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                    return Ending::Closed { code, text };
                }
                Ok(Some(Ok(message))) => {
                    if let Err(error) = self.take(message).await {
                        return Ending::Lost(error);
                    }
                }
                Ok(Some(Err(error))) => return Ending::Lost(broken(self.shared.hub(), error)),
                Err(error) => return Ending::Lost(error),
            }
        }
    }

    /// Returns what the socket gives, and pings a hub that gives nothing.
    async fn next(&self, socket: &mut SplitStream<Socket>) -> Result<Heard, Error> {
        let config = &self.shared.config;
        if let Ok(heard) = timeout(config.ping_interval, socket.next()).await {
            return Ok(heard);
        }
        // Where the connection is ending there is nothing to push it to, and the socket says so.
        self.shared.outbox.push(self.connection, Outgoing::Ping(NOBODY, None));
        loop {
            let handed_over = self.shared.outbox.messages_handed_over();
            if let Ok(heard) = timeout(config.pong_timeout, socket.next()).await {
                return Ok(heard);
            }
            // The pong comes behind all that was sent, which takes long if the hub waits for slow
            // readers. As long as it takes something, it is there.
            if self.shared.outbox.messages_handed_over() == handed_over {
                return Err(self.lost("did not answer a ping"));
            }
        }
    }

    fn lost(&self, why: &str) -> Error {
        let text = format!("the connection to the hub at {} {why}", self.shared.hub());
        Error::new(ErrorKind::Unavailable, text)
    }

    async fn take(&mut self, message: tungstenite::Message) -> Result<(), Error> {
        match message {
            tungstenite::Message::Binary(bytes) => self.take_message(bytes).await,
            tungstenite::Message::Text(text) => self.take_message(text.into()).await,
            tungstenite::Message::Pong(payload) => {
                self.take_pong(&payload);
                Ok(())
            }
            // Pings are answered by their library, and frames are for those who ask for them.
            _ => Ok(()),
        }
    }

    fn take_pong(&mut self, payload: &[u8]) {
        let Ok(number) = <[u8; 8]>::try_from(payload) else { return };
        let number = u64::from_le_bytes(number);
        if number == LAST_PING {
            self.shared.outbox.say_goodbye();
        } else if let Some(channel) = self.shared.outbox.left(number) {
            // All that came of its streams has come. If it is bound again, they have a gap.
            self.streams.leave(&channel);
        } else {
            self.shared.pings.answer(&number, ());
        }
    }

    async fn take_message(&mut self, bytes: Bytes) -> Result<(), Error> {
        let message = decode(&bytes).map_err(|error| {
            let text = format!("the hub at {} sent what is no message", self.shared.hub());
            Error::with_source(ErrorKind::Protocol, text, error)
        })?;
        match message.opcode {
            Opcode::STREAM_START => self.streams.start(&message),
            Opcode::STREAM_WRITE => self.streams.piece(message).await,
            Opcode::STREAM_END => self.streams.end(&message),
            Opcode::SERVER => {
                let uuid = message.uuid.clone();
                if let Some(unasked) = self.shared.calls.answer(uuid.as_str(), message) {
                    tell(self.shared, Event::Message(unasked)).await;
                }
            }
            _ => tell(self.shared, Event::Message(message)).await,
        }
        Ok(())
    }
}

/// Reads a message, of which only a long body stays where it is.
///
/// A short one is copied: it would keep the whole buffer that it was read into, and mailboxes count
/// no more than its own bytes.
fn decode(bytes: &Bytes) -> Result<Message, conductor_protocol::DecodeError> {
    let message = MessageRef::decode(bytes)?;
    let body = if message.body.len() < READ_BUFFER_BYTES {
        Bytes::copy_from_slice(message.body)
    } else {
        bytes.slice_ref(message.body)
    };
    Ok(Message::with_uuid(message.opcode, message.uuid, message.channel, body))
}

/// Tells all subscriptions; with the policy `Wait` it waits until they have room.
async fn tell(shared: &Shared, event: Event) {
    let bytes = event.bytes();
    for mailbox in &*shared.events.all() {
        mailbox.put_by(shared.config.policy, event.clone(), bytes).await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn a_short_body_keeps_nothing_of_the_buffer_that_it_was_read_into() {
        for (len, is_copied) in [(0, true), (10, true), (READ_BUFFER_BYTES, false)] {
            let mut buffer = BytesMut::new();
            let message = Message::new(Opcode::WRITE, "news", vec![7; len]);
            message.encode(&mut buffer).expect("it has an encoding");
            let buffer = buffer.freeze();
            let decoded = decode(&buffer).expect("it is a message");
            assert_eq!(decoded, message);
            assert_eq!(!buffer.as_ptr_range().contains(&decoded.body.as_ptr()), is_copied, "{len} bytes");
        }
    }
}
