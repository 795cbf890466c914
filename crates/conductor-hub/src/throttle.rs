//! The hook that bounds what clients send over several connections.

use std::sync::Arc;
use std::time::Duration;

use crate::protocol::Opcode;
use crate::{Connection, RateOf};

/// Says when a client sends too much, counted over more than its connection.
///
/// By user or by address, for example: what one connection sends is bounded by
/// [`Config::rates`](crate::Config::rates), at less expense.
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Throttle: Send + Sync {
    /// Counts one message of a client.
    ///
    /// It is called once for each message, of any opcode, before any other hook is asked about it
    /// and behind the rates of the [`Config`](crate::Config), so it must not block. `bytes` are all
    /// that the message has, with its uuid and channel name. Control frames are no messages. A
    /// connection that [awaits its login](Connection::is_awaiting_login) has no user yet.
    ///
    /// # Errors
    ///
    /// That it is too much: the message is dropped, and the connection is closed with code 4102.
    fn take(&self, connection: &Connection, opcode: Opcode, bytes: usize) -> Result<(), RateExceeded>;

    /// Hears that a client has exceeded one of the rates.
    ///
    /// They are those of the [`Config`](crate::Config).
    ///
    /// The connection is closed with code 4102 behind it, and what is sent to it here comes before
    /// that, if its client reads. So it can say when to come back, which the close does not. It
    /// must not block.
    fn exceeded(&self, connection: &Connection, of: RateOf, exceeded: RateExceeded) {}
}

/// Asks the hook that it shares.
impl<T: Throttle + ?Sized> Throttle for Arc<T> {
    fn take(&self, connection: &Connection, opcode: Opcode, bytes: usize) -> Result<(), RateExceeded> {
        (**self).take(connection, opcode, bytes)
    }

    fn exceeded(&self, connection: &Connection, of: RateOf, exceeded: RateExceeded) {
        (**self).exceeded(connection, of, exceeded);
    }
}

/// A client has sent more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "when it may go on is all that there is to say")]
pub struct RateExceeded {
    /// After which time it may go on.
    pub retry_after: Duration,
}
