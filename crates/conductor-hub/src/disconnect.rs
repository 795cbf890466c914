//! Why a connection ended: the catalogue of close codes.

use std::fmt;

/// Why a connection ended.
///
/// The numbers are those of the WebSocket close frame. Codes below 4000 mean what
/// RFC 6455 says they mean, the others are ours; a number is never reused. The
/// table in `docs/close-codes.md` is compared with this file by a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disconnect {
    /// The client said goodbye, or closed its socket.
    Normal,
    /// The client broke the rules of the WebSocket protocol.
    ProtocolError,
    /// A text is not UTF-8, or a message is not what its length fields say.
    InvalidPayload,
    /// A message is longer than the limit.
    MessageTooBig,
    /// The hub, or a hook of it, failed.
    InternalError,
    /// The server restarts; the client should come back, after a random delay.
    Restart,
    /// The client did not read what was sent to it.
    SlowReader,
    /// The client did not answer a ping.
    NoPong,
    /// The client used an opcode that only servers may use.
    ForbiddenOpcode,
    /// The client is bound to as many channels as it may be, in number or in bytes.
    TooManyChannels,
    /// The program that runs the hub ended the connection.
    Kicked,
    /// The name of a channel is longer than the limit.
    NameTooLong,
    /// The client did not finish a message in time, or the hub has no room for it.
    Unfinished,
}

impl Disconnect {
    /// Every reason, in the order of the codes.
    pub const ALL: [Self; 13] = [
        Self::Normal,
        Self::ProtocolError,
        Self::InvalidPayload,
        Self::MessageTooBig,
        Self::InternalError,
        Self::Restart,
        Self::SlowReader,
        Self::NoPong,
        Self::ForbiddenOpcode,
        Self::TooManyChannels,
        Self::Kicked,
        Self::NameTooLong,
        Self::Unfinished,
    ];

    /// Returns the code in the close frame.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::ProtocolError => 1002,
            Self::InvalidPayload => 1007,
            Self::MessageTooBig => 1009,
            Self::InternalError => 1011,
            Self::Restart => 1012,
            Self::SlowReader => 4000,
            Self::NoPong => 4001,
            Self::ForbiddenOpcode => 4002,
            Self::TooManyChannels => 4003,
            Self::Kicked => 4004,
            Self::NameTooLong => 4005,
            Self::Unfinished => 4006,
        }
    }

    /// Returns the text in the close frame.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Normal => "normal closure",
            Self::ProtocolError => "protocol error",
            Self::InvalidPayload => "invalid payload",
            Self::MessageTooBig => "message too big",
            Self::InternalError => "internal error",
            Self::Restart => "service restart",
            Self::SlowReader => "slow reader",
            Self::NoPong => "no pong",
            Self::ForbiddenOpcode => "forbidden opcode",
            Self::TooManyChannels => "too many channels",
            Self::Kicked => "kicked",
            Self::NameTooLong => "channel name too long",
            Self::Unfinished => "unfinished message",
        }
    }

    /// Tells whether a client should connect again by itself.
    #[must_use]
    pub const fn reconnect(self) -> bool {
        matches!(
            self,
            Self::InternalError | Self::Restart | Self::SlowReader | Self::NoPong | Self::Unfinished
        )
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.text())
    }
}
