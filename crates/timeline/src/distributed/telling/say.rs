//! The task that tells the other nodes what this one has written.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::metrics;
use super::way::Way;
use crate::distributed::shared::Shared;

/// The first wait after a failure, and the longest.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long the last words may take at the end of the store.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long calls that are still under way are waited for between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Says what there is to say until the end of the store, and then the last of it.
pub(super) async fn run(shared: &Shared, way: &Way) {
    while !shared.stop.is_cancelled() {
        tokio::select! {
            () = shared.teller.has_outgoing() => {}
            () = shared.stop.cancelled() => break,
        }
        for text in shared.teller.take_outgoing() {
            say(shared, way, &text).await;
        }
    }
    say_last_words(shared, way).await;
}

/// Says something, again and again until the others have it or the store ends.
///
/// What becomes new meanwhile waits, and then goes together.
async fn say(shared: &Shared, way: &Way, text: &str) {
    let mut wait = WAIT_FIRST;
    let mut is_told = false;
    while let Err(error) = way.say(text).await {
        metrics::failed();
        if shared.stop.is_cancelled() {
            return;
        }
        if is_told {
            tracing::debug!("the other nodes of the timeline store are still not told: {error:#}");
        } else {
            shared.teller.hearing().is_unheard(&error);
        }
        is_told = true;
        tokio::select! {
            () = sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)) => wait = (wait * 2).min(WAIT_MAX),
            () = shared.stop.cancelled() => {}
        }
    }
    metrics::said();
    if is_told {
        shared.teller.hearing().is_heard();
    }
}

/// Says what calls that were under way have left to say.
async fn say_last_words(shared: &Shared, way: &Way) {
    let end = Instant::now() + LAST_WORDS;
    while Instant::now() < end {
        for text in shared.teller.take_outgoing() {
            match timeout_at(end, way.say(&text)).await {
                Ok(Ok(())) => metrics::said(),
                // The others find it in the store.
                Ok(Err(error)) => {
                    tracing::debug!("the other nodes of the timeline store miss the last words: {error:#}");
                    return;
                }
                Err(_elapsed) => return,
            }
        }
        // This task is one of them.
        if shared.tasks.len() <= 1 {
            return;
        }
        if timeout(PAUSE, shared.teller.has_outgoing()).await.is_err() {
            tracing::trace!("calls are still under way");
        }
    }
}
