//! What one client has used of its rates.

use std::time::Duration;

use tokio::time::Instant;

use crate::gcra::Gcra;
use crate::protocol::Opcode;
use crate::{Rate, RateOf, Rates};

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

    /// Counts a message; if that is more than a rate allows, returns of what it is too much, and
    /// after which time it is not.
    pub(crate) fn count(
        &mut self,
        rates: &Rates,
        opcode: Opcode,
        bytes: usize,
        now: Instant,
    ) -> Result<(), (RateOf, Duration)> {
        let take = |used: &mut Gcra, rate: Option<Rate>, amount, of| match rate {
            Some(rate) => used.take(rate, amount, now).map_err(|after| (of, after)),
            None => Ok(()),
        };
        take(&mut self.messages, rates.messages, 1, RateOf::Messages)?;
        take(&mut self.bytes, rates.bytes, bytes, RateOf::Bytes)?;
        if opcode == Opcode::BIND {
            take(&mut self.binds, rates.binds, 1, RateOf::Binds)?;
        }
        Ok(())
    }
}
