//! The opcodes of the protocol.

use std::fmt;

/// What a message asks for, a `u16` on the wire.
///
/// Unknown numbers decode too: a server ignores them, so that newer clients
/// keep working with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Opcode(u16);

/// Makes the constants out of their rows, so that no list of them can forget one.
macro_rules! opcodes {
    ($($(#[$doc:meta])+ $constant:ident = $number:literal, $name:literal;)+) => {
        impl Opcode {
            $($(#[$doc])+ pub const $constant: Self = Self($number);)+

            /// Every opcode that has a meaning, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$constant),+];
        }

        impl fmt::Debug for Opcode {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$constant => out.write_str($name),)+
                    Self(unknown) => write!(out, "Opcode({unknown})"),
                }
            }
        }
    };
}

opcodes! {
    /// Joins a channel, from client to server.
    BIND = 0, "Bind";
    /// Leaves a channel, from client to server.
    UNBIND = 1, "Unbind";
    /// Carries a message to the other members of a channel, both ways.
    WRITE = 2, "Write";
    /// Carries a message between one client and the server, both ways.
    SERVER = 3, "Server";
    /// Removes a connection from all channels.
    ///
    /// It is never accepted from a client.
    CLEAN_UP = 4, "CleanUp";
    /// Opens a stream on a channel, both ways.
    STREAM_START = 5, "StreamStart";
    /// Ends a stream on a channel, both ways.
    STREAM_END = 6, "StreamEnd";
    /// Carries one piece of a stream, both ways.
    STREAM_WRITE = 7, "StreamWrite";
    /// Asks a sister server how many sisters it has.
    ///
    /// It is never accepted from a client.
    META_QUERY = 8, "MetaQuery";
    /// Answers a meta query.
    ///
    /// It is never accepted from a client.
    META_QUERY_RESPONSE = 9, "MetaQueryResponse";
}

impl Opcode {
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

    /// Returns whether a client asks for something in a channel with it.
    #[must_use]
    pub const fn is_of_channels(self) -> bool {
        matches!(self, Self::BIND | Self::UNBIND) || self.is_for_members()
    }

    /// Returns whether a message with it is delivered to the members of its channel.
    #[must_use]
    pub const fn is_for_members(self) -> bool {
        matches!(self, Self::WRITE | Self::STREAM_START | Self::STREAM_WRITE | Self::STREAM_END)
    }
}
