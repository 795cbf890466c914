//! The opcodes of the protocol.

use std::fmt;

/// What a message asks for, a `u16` on the wire.
///
/// Unknown numbers decode too: a server ignores them, so that newer clients
/// keep working with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Opcode(u16);

impl Opcode {
    /// Joins a channel, from client to server.
    pub const BIND: Self = Self(0);
    /// Leaves a channel, from client to server.
    pub const UNBIND: Self = Self(1);
    /// Carries a message to the other members of a channel, both ways.
    pub const WRITE: Self = Self(2);
    /// Carries a message between one client and the server, both ways.
    pub const SERVER: Self = Self(3);
    /// Removes a connection from all channels.
    ///
    /// It is never accepted from a client.
    pub const CLEAN_UP: Self = Self(4);
    /// Opens a stream on a channel, both ways.
    pub const STREAM_START: Self = Self(5);
    /// Ends a stream on a channel, both ways.
    pub const STREAM_END: Self = Self(6);
    /// Carries one piece of a stream, both ways.
    pub const STREAM_WRITE: Self = Self(7);
    /// Asks a sister server how many sisters it has.
    ///
    /// It is never accepted from a client.
    pub const META_QUERY: Self = Self(8);
    /// Answers a meta query.
    ///
    /// It is never accepted from a client.
    pub const META_QUERY_RESPONSE: Self = Self(9);

    /// Returns the opcode with the given number on the wire.
    #[must_use]
    pub const fn from_wire(number: u16) -> Self {
        Self(number)
    }

    /// Returns the number on the wire.
    #[must_use]
    pub const fn to_wire(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BIND => f.write_str("Bind"),
            Self::UNBIND => f.write_str("Unbind"),
            Self::WRITE => f.write_str("Write"),
            Self::SERVER => f.write_str("Server"),
            Self::CLEAN_UP => f.write_str("CleanUp"),
            Self::STREAM_START => f.write_str("StreamStart"),
            Self::STREAM_END => f.write_str("StreamEnd"),
            Self::STREAM_WRITE => f.write_str("StreamWrite"),
            Self::META_QUERY => f.write_str("MetaQuery"),
            Self::META_QUERY_RESPONSE => f.write_str("MetaQueryResponse"),
            Self(unknown) => write!(f, "Opcode({unknown})"),
        }
    }
}
