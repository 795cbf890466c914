//! What binds connections to channels, and unbinds them.

/// What bound a connection to a channel, or unbound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BindCause {
    /// The admission named the channel.
    Admission,
    /// The client asked for it.
    Client,
    /// The program asked for it.
    ///
    /// It did so by [`Hub::bind`](crate::Hub::bind) or [`Hub::unbind`](crate::Hub::unbind).
    Server,
    /// The connection has ended.
    End,
}
