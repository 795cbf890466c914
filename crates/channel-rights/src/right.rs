//! What there is to be permitted.

/// What somebody may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// Becoming a member, and so receiving its messages.
    Bind,
    /// Writing to its members over a connection.
    Write,
    /// Publishing to its members without being one.
    ///
    /// A hub never asks for it: it is for calls and routes of the program.
    Publish,
    /// Reading what was published before.
    ///
    /// A hub never asks for it: it is for calls and routes of the program.
    History,
}

impl Right {
    /// Every right.
    pub const ALL: &[Self] = &[Self::Bind, Self::Write, Self::Publish, Self::History];
}
