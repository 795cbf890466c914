//! What one client has used of its rates.

use tokio::time::Instant;

use crate::gcra::Gcra;
use crate::protocol::Opcode;
use crate::{Rate, Rates};

/// What one client has used of its rates. There is none while none is configured.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    messages: Gcra,
    bytes: Gcra,
    binds: Gcra,
}

impl Meter {
    /// Creates the meter of a connection, if its hub has rates.
    pub(crate) fn of(rates: &Rates) -> Option<Box<Self>> {
        (*rates != Rates::default()).then(Box::default)
    }

    /// Counts a message; if that is more than a rate allows, returns of what it is too much.
    pub(crate) fn count(
        &mut self,
        rates: &Rates,
        opcode: Opcode,
        bytes: usize,
        now: Instant,
    ) -> Result<(), &'static str> {
        let take = |used: &mut Gcra, rate: Option<Rate>, amount, of| match rate {
            Some(rate) if !used.take(rate, amount, now) => Err(of),
            _ => Ok(()),
        };
        take(&mut self.messages, rates.messages, 1, "messages")?;
        take(&mut self.bytes, rates.bytes, bytes, "bytes")?;
        if opcode == Opcode::BIND {
            take(&mut self.binds, rates.binds, 1, "binds")?;
        }
        Ok(())
    }
}
