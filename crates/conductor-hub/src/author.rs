//! Who wrote a message.

use std::sync::Arc;

use crate::{Connection, ConnectionId};

/// Who wrote a message, as hooks hear of it.
///
/// They are [`Storage`](crate::Storage) and [`Deliveries`](crate::Deliveries).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Author<'a> {
    /// A client of this hub.
    ///
    /// Or the program in its name, by [`Hub::write`](crate::Hub::write).
    Connection(&'a Arc<Connection>),
    /// The program itself.
    ///
    /// By [`Hub::publish`](crate::Hub::publish) and the like.
    Server,
    /// Somebody at another hub, where it was decided that they may write.
    #[non_exhaustive]
    Sister {
        /// The number of that hub, which is another one each time that it starts.
        node: u128,
        /// Who it is there; `None` is the program.
        sender: Option<Sender<'a>>,
    },
}

impl<'a> Author<'a> {
    /// Returns whose uuids its messages are compared with; the program has none.
    #[must_use]
    pub fn sender(&self) -> Option<Sender<'a>> {
        match *self {
            Self::Connection(connection) => Some(connection.sender()),
            Self::Server => None,
            Self::Sister { sender, .. } => sender,
        }
    }
}

/// Whose messages are compared with each other, by their uuids.
///
/// A user has one on all connections, and on all hubs that know them by the same name: a message
/// that is repeated after a reconnect is recognised. The hub takes it from the admission, so no
/// client can pass for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sender<'a> {
    /// A user, on whichever connection.
    User(&'a str),
    /// A connection without a user.
    Connection(ConnectionId),
    /// A connection without a user at another hub.
    #[non_exhaustive]
    SisterConnection {
        /// The number of that hub, which is another one each time that it starts.
        node: u128,
        /// The number of the connection there.
        connection: u64,
    },
}

impl Connection {
    /// Returns whose uuids its messages are compared with.
    #[must_use]
    pub fn sender(&self) -> Sender<'_> {
        self.user().map_or_else(|| Sender::Connection(self.id()), Sender::User)
    }
}
