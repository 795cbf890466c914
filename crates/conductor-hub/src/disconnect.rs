//! Why a connection ended: the catalogue of close codes.

use std::fmt;

/// Makes the type out of its rows, so that no list of it can forget one.
macro_rules! catalogue {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $text:literal, reconnect: $reconnect:literal;)+) => {
        /// Why a connection ended.
        ///
        /// The numbers are those of the WebSocket close frame. Codes below 4000 mean what
        /// RFC 6455 says they mean, the others are ours; a number is never reused. The
        /// table in `docs/close-codes.md` is compared with this file by a test.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Disconnect {
            $($(#[$doc])+ $name,)+
        }

        impl Disconnect {
            /// Every reason, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the code in the close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// Returns the text in the close frame.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Tells whether a client should connect again by itself.
            #[must_use]
            pub const fn reconnect(self) -> bool {
                match self {
                    $(Self::$name => $reconnect,)+
                }
            }
        }
    };
}

catalogue! {
    /// The client said goodbye, or closed its socket.
    Normal = 1000, "normal closure", reconnect: false;
    /// The client broke the rules of the WebSocket protocol.
    ProtocolError = 1002, "protocol error", reconnect: false;
    /// A text is not UTF-8, or a message is not what its length fields say.
    InvalidPayload = 1007, "invalid payload", reconnect: false;
    /// A message is longer than the limit.
    MessageTooBig = 1009, "message too big", reconnect: false;
    /// The hub, or a hook of it, failed.
    InternalError = 1011, "internal error", reconnect: true;
    /// The server restarts; the client should come back, after a random delay.
    Restart = 1012, "service restart", reconnect: true;
    /// The client did not read what was sent to it.
    SlowReader = 4000, "slow reader", reconnect: true;
    /// The client did not answer a ping.
    NoPong = 4001, "no pong", reconnect: true;
    /// The client used an opcode that only servers may use.
    ForbiddenOpcode = 4002, "forbidden opcode", reconnect: false;
    /// The client is bound to as many channels as it may be, in number or in bytes.
    TooManyChannels = 4003, "too many channels", reconnect: false;
    /// The program that runs the hub ended the connection.
    Kicked = 4004, "kicked", reconnect: false;
    /// The name of a channel is longer than the limit.
    NameTooLong = 4005, "channel name too long", reconnect: false;
    /// The client did not finish a message in time, or the hub has no room for it.
    Unfinished = 4006, "unfinished message", reconnect: true;
    /// The channels of all clients have no room, and the client was bound to most of them.
    NoRoomForChannels = 4007, "no room for channels", reconnect: true;
    /// The time of the login is over, and it was not renewed.
    Expired = 4200, "login expired", reconnect: true;
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
}
