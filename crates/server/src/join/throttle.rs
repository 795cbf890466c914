//! What is counted over the connections of a user and of an address.

use tidings::hub::protocol::Opcode;
use tidings::hub::{Connection, RateExceeded, Throttle};

use super::client::Client;
use crate::rates::{RateKind, RateLimits};

/// Counts messages, bytes and binds for users and addresses.
///
/// The hub counts those of one connection by itself. Calls are counted by their handler, which
/// refuses them and leaves the connection open.
pub(super) struct ServerThrottle(pub(super) RateLimits);

impl Throttle for ServerThrottle {
    fn take(&self, connection: &Connection, opcode: Opcode, bytes: usize) -> Result<(), RateExceeded> {
        let Some(client) = Client::of(connection) else { return Ok(()) };
        let count = |kind, cost| client.take(&self.0, kind, cost).map_err(|_again| RateExceeded);
        count(RateKind::Bytes, u32::try_from(bytes).unwrap_or(u32::MAX))?;
        match opcode {
            Opcode::SERVER => Ok(()),
            Opcode::BIND | Opcode::UNBIND => count(RateKind::Binds, 1),
            _ => count(RateKind::Messages, 1),
        }
    }
}
