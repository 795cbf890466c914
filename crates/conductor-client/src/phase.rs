//! How a client is: away, connected or over.

use crate::error::Error;

/// How a client is.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// It has no connection, and tries to get one; it has the last error, if there was one.
    Away(Option<Error>),
    /// It has its connection of this number; each has the next one.
    Connected(u64),
    /// It is over, and why calls fail from now on.
    Over(Error),
}
