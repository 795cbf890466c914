//! What a subscription hears.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;

/// A message, or a notice about whether messages come.
///
/// For one name: `Activated`, then its messages in the order of Redis, until `Disconnected`; then
/// again `Activated`. What was published between the two is lost, as Pub/Sub keeps nothing. What
/// was dropped before it was read is an error of kind [`Lagged`](crate::ErrorKind::Lagged) in the
/// stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Something was published.
    Message(Message),
    /// Redis has confirmed the subscription: what is published from now on comes.
    Activated {
        /// The channel or the pattern.
        name: Bytes,
    },
    /// The connection was lost.
    ///
    /// What is published until the names are activated again is lost as well.
    Disconnected {
        /// The names that were active and are not any more, in alphabetical order.
        ///
        /// With one connection these are all that were active; in a cluster, those of one master.
        names: Arc<[Bytes]>,
        /// Why the connection was lost.
        error: Error,
    },
    /// Redis refuses the name to the user of the connection.
    ///
    /// It is asked for again with the next connection, and when another subscription adds it. Or it
    /// is longer than this Redis takes, which has ended a connection over a name as long. It is not
    /// asked for again, and each connection says so.
    Refused {
        /// The channel or the pattern.
        name: Bytes,
        /// What Redis said, or that the name is too long.
        error: Error,
    },
}

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The channel that it was published on.
    pub channel: Bytes,
    /// What was published.
    pub payload: Bytes,
}
