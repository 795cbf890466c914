//! What is counted over the connections of a user and of an address.

use std::time::Duration;

use tidings::hub::protocol::Opcode;
use tidings::hub::{Connection, RateExceeded, RateOf, Throttle};

use super::calls::{message_of, too_many};
use super::client::Client;
use crate::rates::{RateKind, RateLimits};

/// Counts messages, bytes and binds for users and addresses.
///
/// The hub counts those of one connection by itself, and says here when one has exceeded them.
/// Calls are messages, too; their handler counts them once more, refuses one too many, and leaves
/// the connection open.
pub(super) struct ServerThrottle(pub(super) RateLimits);

impl Throttle for ServerThrottle {
    fn take(&self, connection: &Connection, opcode: Opcode, bytes: usize) -> Result<(), RateExceeded> {
        let Some(client) = Client::of(connection) else { return Ok(()) };
        let count = |kind, cost| {
            client.take(&self.0, kind, cost).map_err(|retry_after| {
                tell(connection, kind, retry_after);
                RateExceeded { retry_after }
            })
        };
        // As the hub counts those of one connection: a message is one whatever it asks for.
        count(RateKind::Messages, 1)?;
        count(RateKind::Bytes, u32::try_from(bytes).unwrap_or(u32::MAX))?;
        if opcode == Opcode::BIND { count(RateKind::Binds, 1) } else { Ok(()) }
    }

    fn exceeded(&self, connection: &Connection, of: RateOf, exceeded: RateExceeded) {
        let kind = match of {
            RateOf::Messages => RateKind::Messages,
            RateOf::Bytes => RateKind::Bytes,
            RateOf::Binds => RateKind::Binds,
        };
        tell(connection, kind, exceeded.retry_after);
    }
}

/// Tells a client of what it sent too much, and when to come back: the close behind it does not.
fn tell(connection: &Connection, kind: RateKind, again: Duration) {
    let message = message_of(String::new(), too_many(kind, again).to_string());
    if let Err(error) = connection.send(&message) {
        tracing::debug!(connection = %connection.id(), %error, "a client does not hear why it is closed");
    }
}
