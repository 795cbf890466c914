//! A panic in a task, as an error.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use redis::{RedisError, RedisResult};

/// Does the work of a task; a panic in it is a failure like any other.
///
/// If the task ended by it, calls would wait for a connection that nobody makes.
/// `server` names whose connection it is, for the log.
pub(crate) async fn caught<T>(
    server: impl FnOnce() -> String,
    work: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    #[cfg(test)]
    let work = told::or_panic(work);
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_panic| {
        let why = "the task that keeps the connection panicked; it is started again";
        tracing::error!(server = server(), "{why}");
        Err(RedisError::from((redis::ErrorKind::Client, why)))
    })
}

/// Panics that a test wants.
#[cfg(test)]
pub(crate) mod told {
    use std::cell::Cell;

    thread_local! {
        static PANICS: Cell<u32> = const { Cell::new(0) };
    }

    /// Has work of this thread panic as often when it begins.
    pub(crate) fn panic_times(times: u32) {
        PANICS.set(times);
    }

    pub(super) async fn or_panic<T>(work: impl Future<Output = T>) -> T {
        let left = PANICS.get();
        PANICS.set(left.saturating_sub(1));
        assert!(left == 0, "the test wants it");
        work.await
    }
}
