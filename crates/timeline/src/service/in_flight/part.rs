//! A part of the room for answers.

use std::sync::Arc;

use metrics::Gauge;
use tokio::sync::OwnedSemaphorePermit;

/// A part of the room, and of what the connection may have, given back when it is dropped.
#[derive(Debug)]
pub(super) struct PermitPart {
    /// `None` for a part of no bytes.
    of_all: Option<OwnedSemaphorePermit>,
    of_connection: Option<OwnedSemaphorePermit>,
    gauge: Gauge,
}

/// There is no room for another answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl PermitPart {
    pub(super) fn new(
        of_all: OwnedSemaphorePermit,
        of_connection: Option<OwnedSemaphorePermit>,
        gauge: Gauge,
    ) -> Self {
        gauge.increment(float(of_all.num_permits()));
        Self { of_all: Some(of_all), of_connection, gauge }
    }

    /// Takes `bytes` of it away, at most all.
    pub(super) fn split(&mut self, bytes: usize) -> Self {
        fn part(of: &mut OwnedSemaphorePermit, bytes: usize) -> Option<OwnedSemaphorePermit> {
            of.split(bytes.min(of.num_permits()))
        }
        // The gauge stays as it is: the two parts have together what this one had.
        Self {
            of_all: self.of_all.as_mut().and_then(|of| part(of, bytes)),
            of_connection: self.of_connection.as_mut().and_then(|of| part(of, bytes)),
            gauge: self.gauge.clone(),
        }
    }

    /// Takes more of the same, if it is there.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let more = |of: &OwnedSemaphorePermit| {
            let bytes = u32::try_from(bytes).map_err(|_| Full)?;
            Arc::clone(of.semaphore()).try_acquire_many_owned(bytes).map_err(|_| Full)
        };
        // Both or none: if the room has no more, what was taken of the share is dropped, and with
        // it given back.
        let of_connection = self.of_connection.as_ref().map(more).transpose()?;
        let of_all = self.of_all.as_ref().map(more).transpose()?;
        self.gauge.increment(float(bytes));
        for (ours, more) in [(&mut self.of_all, of_all), (&mut self.of_connection, of_connection)] {
            if let (Some(ours), Some(more)) = (ours, more) {
                ours.merge(more);
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.of_all.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

impl Drop for PermitPart {
    fn drop(&mut self) {
        self.gauge.decrement(float(self.len()));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a double; beyond 8 PiB the last bytes do not matter"
)]
fn float(bytes: usize) -> f64 {
    bytes as f64
}
