//! How many calls clients make.

use std::time::Duration;

use tidings::hub::Connection;

use crate::join::client::Client;
use crate::rates::{RateKind, RateLimits};

/// Counts calls: of the connection, of the user, of the address.
pub(in crate::join) struct CallLimits {
    rates: RateLimits,
    /// What one connection may make in a second; 0 for any number.
    per_connection: u32,
}

impl CallLimits {
    pub(in crate::join) fn new(rates: RateLimits, per_connection: u32) -> Self {
        Self { rates, per_connection }
    }

    /// Counts a call; an error says when there is room for it.
    pub(super) fn take(&self, connection: &Connection) -> Result<(), Duration> {
        let Some(client) = Client::of(connection) else { return Ok(()) };
        // The order matters: one connection that calls without an end does not use up what its
        // user, or its neighbours, may call.
        client.take_call(self.per_connection)?;
        client.take(&self.rates, RateKind::Calls, 1)
    }
}
