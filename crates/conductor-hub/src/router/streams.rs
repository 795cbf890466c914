//! The streams of the client whose messages are routed.
//!
//! ```text
//!             StreamStart                  StreamEnd
//! no stream ──────────────► open ─────────────────────────────────► no stream
//!                            │ ▲ StreamWrite
//!                            └─┘
//!                            │ the sender begins another, is lost, leaves the channel, or may not
//!                            │ write any more: the others get a StreamEnd with the body `aborted`
//!                            └────────────────────────────────────► no stream
//! ```
//!
//! There is one for each sender and channel. What comes without a stream is dropped and counted,
//! and so is what has the uuid of a stream of somebody else in the channel, here or at a sister:
//! whoever follows that one would take it for a piece of it. A piece or an end with a uuid of its
//! own, as the original's clients send, is of the stream that is open, unless that has had a piece
//! with its own uuid, or it is of the stream before: then it is of none, and changes nothing.

use super::Router;
use crate::connection::{AbortedStream, StreamBegun, StreamPart};
use crate::protocol::{MessageRef, Opcode};
use crate::stream_permits::StreamOwner;

impl Router<'_> {
    /// Notes what a message of a stream does to it; `false` if the message is dropped.
    pub(super) fn stream(&mut self, message: MessageRef<'_>) -> bool {
        let name = message.channel;
        let why = match message.opcode {
            Opcode::STREAM_START => {
                let (limits, permits) = (self.hub.bind_limits(), &self.hub.streams);
                // The sender may use its uuid again: members hear of the end first.
                let uuid = permits.name(name, message.uuid);
                let mut own = self.row.as_mut().zip(uuid).and_then(|(row, uuid)| row.take_ended(uuid));
                let (aborted, begun) = self.connection.begin_stream(message, limits, permits, &mut own);
                if let Some(row) = &mut self.row {
                    row.ended.extend(own);
                }
                if let Some(aborted) = aborted {
                    // In the same row, so that every member gets it before the new one begins.
                    self.end(aborted);
                }
                match begun {
                    StreamBegun::Begun => {
                        // It may be this very connection that is ended to make room. Its task finds
                        // that out, and tells the members of the end.
                        self.hub.make_room_for_binds();
                        return true;
                    }
                    StreamBegun::OfAnother => "a stream has the uuid of one that somebody else has open",
                    StreamBegun::TooMany => "a client has as many streams open as it may have",
                }
            }
            _ => match self.connection.stream_part(message, &self.hub.streams) {
                StreamPart::OfNone => "a piece or an end came without a stream, which may have been aborted",
                StreamPart::Unnamed | StreamPart::Stray if self.is_of_another(message) => {
                    // Its own stream now lacks a piece.
                    self.abort_stream(name);
                    "a piece or an end has the uuid of a stream that somebody else has open"
                }
                StreamPart::Named | StreamPart::Unnamed => {
                    if message.opcode == Opcode::STREAM_END {
                        self.ended = self.connection.abort_stream(name).and_then(|ended| ended.permit);
                    }
                    return true;
                }
                StreamPart::Stray => "a piece or an end has another uuid than the stream that is open",
            },
        };
        self.hub.metrics.denied.increment(1);
        tracing::debug!(
            connection = %self.connection.id(),
            opcode = ?message.opcode,
            channel = name,
            "{why}; the message is dropped"
        );
        false
    }

    /// Tells whether a message has the uuid of somebody else's stream. The original's clients give
    /// each piece a uuid of its own, which is that of no stream.
    fn is_of_another(&self, message: MessageRef<'_>) -> bool {
        let owner = StreamOwner::Connection(self.connection.id());
        self.hub.streams.is_of_another(message.channel, message.uuid, owner)
    }

    /// Aborts the stream of a channel to which the client may not write any more: its receivers
    /// would take a stream for whole of which a piece was left out.
    pub(super) fn abort_stream(&mut self, channel: &str) {
        if let Some(aborted) = self.connection.abort_stream(channel) {
            self.end(aborted);
        }
    }

    /// Ends a stream for its receivers.
    fn end(&mut self, aborted: AbortedStream) {
        self.hub.metrics.aborted.increment(1);
        let end = aborted.end();
        self.ended = aborted.permit;
        self.append(&aborted.channel, &end);
    }
}
