//! Tasks that a panic does not end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;

use super::shared::Shared;

/// How long to wait before a task that panicked is started again.
const WAIT: Duration = Duration::from_secs(1);

/// Does the work of a task, again if it panics, until the end of the store.
pub(super) async fn keep<W: Future<Output = ()>>(shared: &Shared, what: &str, work: impl Fn() -> W) {
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

/// Does the same, as a task of its own.
pub(super) async fn kept<W: Future<Output = ()>>(
    shared: Arc<Shared>,
    what: &'static str,
    work: impl Fn(Arc<Shared>) -> W,
) {
    keep(&shared, what, || work(Arc::clone(&shared))).await;
}
