//! The tasks of a teller.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;

use super::teller::Telling;
use super::way::Way;
use super::{catch_up, metrics, poll, say};
use crate::distributed::shared::Shared;

/// How long to wait before a task that panicked is started again.
const WAIT: Duration = Duration::from_secs(1);

/// Hears the other nodes and tells them, until the end of the store; then ends the observer.
pub(in crate::distributed) async fn run(shared: Arc<Shared>, telling: Telling) {
    metrics::describe();
    let way = Way::of(&shared);
    tokio::join!(
        keep(&shared, "hears the other nodes", || way.hear(&shared)),
        keep(&shared, "tells the other nodes", || say::run(&shared, &way)),
        keep(&shared, "looks at the inboxes that are watched", || poll::run(&shared)),
        keep(&shared, "reads for the observer", || catch_up::run(&shared)),
    );
    // The order matters: whatever was to be told has been handed over.
    shared.teller.end();
    telling.observer.close();
    telling.observer.wait().await;
}

/// Does the work of a task, again if it panics, until the end of the store.
async fn keep<W: Future<Output = ()>>(shared: &Shared, what: &str, work: impl Fn() -> W) {
    // Boxed, as some of it is large and there is one of each.
    while AssertUnwindSafe(Box::pin(work())).catch_unwind().await.is_err() {
        tracing::error!(
            "the task of the timeline store that {what} panicked, and is started again in a second; please \
             report this"
        );
        tokio::select! {
            () = sleep(WAIT) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}
