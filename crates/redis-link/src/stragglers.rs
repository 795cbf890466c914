//! Asking several side by side, without waiting for the last.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

/// How long others are waited for after the first who answers.
pub(crate) const STRAGGLER_WAIT: Duration = Duration::from_millis(100);

/// The next of several that are under way; `None` if there is none, or nobody waits any longer.
pub(crate) async fn next_until<F: Future>(
    running: &mut FuturesUnordered<F>,
    until: Option<Instant>,
) -> Option<F::Output> {
    match until {
        None => running.next().await,
        Some(until) => tokio::select! {
            next = running.next() => next,
            () = sleep_until(until) => None,
        },
    }
}
