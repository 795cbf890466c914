//! Why a connection ended: the catalogue of close codes.

mod program_code;

use std::fmt;

pub use self::program_code::ProgramCode;
use crate::{Error, Reconnect};

/// Makes the type out of its rows, so that no list of it can forget one.
macro_rules! catalogue {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $text:literal, reconnect: $reconnect:ident;)+) => {
        /// Why a connection ended.
        ///
        /// The numbers are those of the WebSocket close frame. Codes below 4000 mean what
        /// RFC 6455 says they mean, the others are ours; a number is never reused. The
        /// table in `docs/close-codes.md` is compared with this file by a test.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Disconnect {
            $($(#[$doc])+ $name,)+
            /// A reason of the program's own, made by [`program`](Self::program).
            Program(ProgramCode),
        }

        impl Disconnect {
            /// Every reason of the hub's, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the code in the close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$name => $code,)+
                    Self::Program(program) => program.code(),
                }
            }

            /// Returns the text in the close frame.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Program(program) => program.text(),
                }
            }

            /// Tells whether a client should connect again by itself.
            #[must_use]
            pub const fn reconnect(self) -> Reconnect {
                match self {
                    $(Self::$name => Reconnect::$reconnect,)+
                    Self::Program(program) => Reconnect::of_code(program.code()),
                }
            }
        }
    };
}

// The ranges of `reconnect.rs` decide which number a new code gets.
catalogue! {
    /// The client said goodbye, or closed its socket.
    Normal = 1000, "normal closure", reconnect: Never;
    /// The client broke the rules of the WebSocket protocol.
    ProtocolError = 1002, "protocol error", reconnect: Never;
    /// A text is not UTF-8, or a message is not what its length fields say.
    InvalidPayload = 1007, "invalid payload", reconnect: Never;
    /// A message is longer than the limit.
    MessageTooBig = 1009, "message too big", reconnect: Never;
    /// The hub, or a hook of it, failed.
    InternalError = 1011, "internal error", reconnect: Backoff;
    /// The server restarts; the client should come back, after a random delay.
    Restart = 1012, "service restart", reconnect: Backoff;
    /// The client did not read what was sent to it.
    SlowReader = 4000, "slow reader", reconnect: Backoff;
    /// The client did not answer a ping.
    NoPong = 4001, "no pong", reconnect: Backoff;
    /// The client used an opcode that only servers may use.
    ForbiddenOpcode = 4002, "forbidden opcode", reconnect: Never;
    /// The client is bound to as many channels as it may be, in number or in bytes.
    TooManyChannels = 4003, "too many channels", reconnect: Never;
    /// The program that runs the hub ended the connection.
    Kicked = 4004, "kicked", reconnect: Never;
    /// The client did not finish a message in time, or the hub has no room for it.
    Unfinished = 4100, "unfinished message", reconnect: Backoff;
    /// The channels of all clients have no room, and the client was bound to most of them.
    NoRoomForChannels = 4101, "no room for channels", reconnect: Backoff;
    /// The client asks for more than it may in this time.
    RateLimited = 4102, "too many requests", reconnect: Backoff;
    /// The login of the client has expired; with a new one it may come back at once.
    Expired = 4200, "login expired", reconnect: AtOnce;
    /// The name of a channel is longer than the limit.
    NameTooLong = 4300, "channel name too long", reconnect: Never;
    /// The login of the client was revoked.
    Revoked = 4301, "login revoked", reconnect: Never;
    /// The client did not log in within the time it has for that.
    LoginTimeout = 4302, "no login", reconnect: Never;
    /// The uuid of a stream is longer than the limit.
    StreamUuidTooLong = 4303, "stream uuid too long", reconnect: Never;
}

impl Disconnect {
    /// Returns a reason of the program's own, with a code from 4900 to 4999.
    ///
    /// A client that does not know the code stays away. A code has one text in a process, the one
    /// that it was given first.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the code is out of that range, has
    /// another text already, or the text has more than 123 bytes, which a close frame cannot carry.
    pub fn program(code: u16, text: &'static str) -> Result<Self, Error> {
        ProgramCode::new(code, text).map(Self::Program)
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code(), self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_used_twice() {
        let codes: Vec<u16> = Disconnect::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.is_sorted_by(|code, next| code < next), "{codes:?}");
    }

    #[test]
    fn a_reason_says_of_coming_back_what_its_code_says() {
        for reason in Disconnect::ALL {
            assert_eq!(reason.reconnect(), Reconnect::of_code(reason.code()), "{reason}");
        }
    }
}
