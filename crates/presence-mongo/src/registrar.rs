//! The task that gives numbers to those who start, and writes their documents.
//!
//! All who wait are served by one step of the counter and one insert, and those who come meanwhile
//! by the next. It keeps no ping waiting: that is another task.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::error::{Error, ErrorKind};
use crate::newcomer::Newcomer;
use crate::shared::Shared;
use crate::slots::{Sequence, TimeSlot};
use crate::space::Space;

/// How many are served at once.
const NEWCOMERS_MAX: usize = 100_000;

/// How often those are numbered again whose number another key has.
const ROUNDS: usize = 5;

/// Serves newcomers until the base is closed and nobody waits any more.
pub(crate) async fn run(shared: Arc<Shared>, space: Arc<Space>) {
    let mut backoff = shared.backoff();
    loop {
        let newcomers = space.beings.waiting(NEWCOMERS_MAX);
        if newcomers.is_empty() {
            if space.beings.is_over() {
                return;
            }
            space.beings.newcomers.notified().await;
            continue;
        }
        match numbers(&shared, &space, &newcomers).await {
            Ok((slot, sequences)) => {
                backoff.reset();
                space.beings.numbered(sequences.into_iter().zip(newcomers).collect(), slot);
            }
            Err(error) => {
                tracing::debug!(namespace = %space.namespace, "{error:#}");
                space.beings.put_back(newcomers, Instant::now(), &error);
                sleep(backoff.failed()).await;
            }
        }
    }
}

/// Takes numbers and writes the documents.
///
/// A number that another key has comes from a counter that was set back, by a restore perhaps: its
/// bits would be taken for those of the other. The counter is raised above all that there are.
///
/// The numbers are returned with the slot in which this began. It fails while the server's clock is
/// not known, as nobody can ping then.
async fn numbers(
    shared: &Shared,
    space: &Space,
    newcomers: &[Newcomer],
) -> Result<(TimeSlot, Vec<Sequence>), Error> {
    let slot = shared.clock.slot()?;
    let mut numbers: Vec<Option<Sequence>> = vec![None; newcomers.len()];
    let mut open: Vec<usize> = (0..newcomers.len()).collect();
    for _ in 0..ROUNDS {
        let first = shared.store.take_numbers(&space.namespace, open.len()).await?;
        let beings: Vec<_> = (first..)
            .zip(&open)
            .filter_map(|(number, index)| Some((Sequence::new(number)?, Arc::clone(&newcomers[*index].key))))
            .collect();
        let others = shared.store.insert_beings(&space.namespace, &beings).await?;
        for ((sequence, _), index) in beings.iter().zip(&open) {
            numbers[*index] = Some(*sequence);
        }
        if others.is_empty() {
            let all: Option<Vec<_>> = numbers.into_iter().collect();
            return all.map(|all| (slot, all)).ok_or_else(taken);
        }
        tracing::warn!(namespace = %space.namespace, count = others.len(), "numbers for new beings were taken already; they get others");
        shared.store.raise_numbers(&space.namespace).await?;
        open = others.into_iter().map(|at| open[at]).collect();
    }
    Err(taken())
}

fn taken() -> Error {
    let message = "the counter of beings gives out numbers that are taken; others change its document";
    Error::new(ErrorKind::Protocol, message)
}
