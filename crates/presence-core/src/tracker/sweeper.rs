//! The loop that ends what is over.

use tokio_util::sync::CancellationToken;

use super::clock::{Millis, millis};
use super::ledger::{Ledger, Transition};
use super::table::Tracker;
use super::{LATENESS, STRIPES};

impl<L: Ledger> Tracker<L> {
    /// Ends what is due, at every [`LATENESS`], until `stop` is cancelled.
    ///
    /// For a task of its owner. It rests while there are no deadlines, as when all devices are
    /// held.
    ///
    /// # Cancel safety
    ///
    /// Dropped and begun again, it goes on with what is over by then.
    pub async fn sweep(&self, stop: &CancellationToken) {
        stop.run_until_cancelled(self.sweep_forever()).await;
    }

    async fn sweep_forever(&self) {
        loop {
            // Not at each tick: a process in which nobody has a deadline does not wake up.
            self.rest().await;
            tokio::time::sleep_until(self.clock().instant(next_sweep(self.clock().now()))).await;
            for stripe in 0..STRIPES {
                while !self.sweep_place(stripe) {
                    // Many deadlines may be over at once. The sweep is cut into pieces, and others
                    // use the stripe and this thread in between.
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Ends what is over in a stripe by now, without waiting for the next look.
    ///
    /// For a process that may have stood still, before it says who is here.
    ///
    /// # Panics
    ///
    /// If `stripe` is not less than [`STRIPES`].
    pub fn expire(&self, stripe: usize) {
        while !self.sweep_place(stripe) {}
    }

    /// Ends some of what is over in a stripe, and says whether that was all.
    fn sweep_place(&self, stripe: usize) -> bool {
        let mut changed = false;
        let done = self.lock(stripe).expire(self.clock().now(), LOOKS_MAX, |name, cause, seen| {
            self.ledger().record(Transition::new(name, cause, seen));
            changed = true;
        });
        if changed {
            self.announce();
        }
        done
    }
}

/// Sweeps fall on multiples of the interval, where deadlines are planned.
fn next_sweep(now: Millis) -> Millis {
    let interval = millis(LATENESS);
    (now / interval + 1) * interval
}

/// How many entries are handled before the stripe is unlocked, which takes some 50 µs.
const LOOKS_MAX: usize = 512;
