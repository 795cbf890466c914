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
//! There is one for each sender and channel. What comes without a stream is dropped and counted.

use super::Router;
use crate::connection::StreamBegun;
use crate::protocol::{MessageRef, Opcode};

impl Router<'_> {
    /// Notes what a message of a stream does to it; `false` if the message is dropped.
    pub(super) fn stream(&mut self, message: MessageRef<'_>) -> bool {
        let name = message.channel;
        let why = match message.opcode {
            Opcode::STREAM_START => {
                let (aborted, begun) = self.connection.begin_stream(message, self.hub.bind_limits());
                if let Some(aborted) = aborted {
                    self.hub.metrics.aborted.increment(1);
                    // In the same row, so that every member gets it before the new one begins.
                    self.append(name, &aborted.end());
                }
                match begun {
                    StreamBegun::Begun => return true,
                    StreamBegun::TooMany => "a client has as many streams open as it may have",
                }
            }
            Opcode::STREAM_WRITE if self.connection.has_stream(name) => return true,
            Opcode::STREAM_END if self.connection.end_stream(name) => return true,
            _ => "a piece or an end came without a stream, which may have been aborted",
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

    /// Aborts the stream of a channel to which the client may not write any more: its receivers
    /// would take a stream for whole of which a piece was left out.
    pub(super) fn abort_stream(&mut self, channel: &str) {
        if let Some(aborted) = self.connection.abort_stream(channel) {
            self.hub.metrics.aborted.increment(1);
            self.append(channel, &aborted.end());
        }
    }
}
