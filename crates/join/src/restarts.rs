//! What becomes of a long-lived task that ends before its time.
//!
//! ```text
//! ends or panics before the stop ──► started again ──► too often ──► given up, with the reason
//! ```
//!
//! The tasks of this crate live by this rule, and those of the server.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a task that ended waits to be started again, so that one that ends at once burns no
/// core.
const AGAIN: Duration = Duration::from_millis(100);
/// A task that ended this often within [`OFTEN`] is not started again.
const ENDS_MAX: usize = 5;
/// See [`ENDS_MAX`].
pub(crate) const OFTEN: Duration = Duration::from_secs(60);

/// Runs a task until `stop`, and starts it again when it ends before.
///
/// Each start is counted in `tidings_part_restarts_total`. It returns why the task is not started
/// again: it ended five times within a minute. After the stop it returns `None`.
pub async fn restarted<F>(
    part: &'static str,
    stop: &CancellationToken,
    mut make: impl FnMut() -> F,
) -> Option<String>
where
    F: Future<Output = ()>,
{
    let mut ends = VecDeque::new();
    while let Some(why) = end_of(make(), stop).await {
        metrics::counter!("tidings_part_restarts_total", "part" => part).increment(1);
        let now = Instant::now();
        ends.push_back(now);
        // The oldest end leaves the list here in any case, so that it never has more than these.
        if ends.len() == ENDS_MAX && ends.pop_front().is_some_and(|first| now - first < OFTEN) {
            return Some(format!("{part} {why}, as it did {ENDS_MAX} times within a minute"));
        }
        tracing::error!(part, "{part} {why}; it is started again");
        stop.run_until_cancelled(sleep(AGAIN)).await;
    }
    None
}

/// Runs a task once, and returns how it ended; `None` if the stop ended it.
pub async fn end_of(task: impl Future<Output = ()>, stop: &CancellationToken) -> Option<String> {
    let ended = AssertUnwindSafe(task).catch_unwind().await;
    // The token is read after the task has ended: one that the stop ends may take its time, and one
    // that panics meanwhile is not started again.
    if stop.is_cancelled() {
        return None;
    }
    Some(match ended {
        Ok(()) => "ended by itself".to_owned(),
        Err(panic) => format!("panicked: {}", panic_message(panic.as_ref())),
    })
}

/// Returns what a panic says.
#[must_use]
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
