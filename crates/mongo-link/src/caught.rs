//! A panic in a task, as an error.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use crate::calls::joined;
use crate::error::Error;

/// Does the work of a task; a panic in it is a failure like any other.
///
/// A task that ended would leave the state as it was, or a feed silent for good.
pub(crate) async fn caught<T>(
    server: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_panic| {
        let why = "is out of reach, as a task of this process panicked; it is started again";
        tracing::error!("mongodb at {server} {why}");
        Err(Error::unavailable(server, why))
    })
}

/// Waits for what a task says; a panic in it, or the end of its runtime, is a failure as well.
pub(crate) async fn caught_in<T>(server: &str, task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    caught(server, async { joined(task).await.unwrap_or_else(|| Err(Error::closed())) }).await
}

#[cfg(test)]
mod tests {
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn panic_is_a_failure_that_names_the_server() {
        let error = caught::<()>("db:1", async { panic!("the test wants it") }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            error.to_string(),
            "mongodb at db:1 is out of reach, as a task of this process panicked; it is started again"
        );
    }

    async fn broken() -> Result<(), Error> {
        panic!("the test wants it")
    }

    #[tokio::test]
    async fn panic_in_a_task_does_not_end_who_waits_for_it() {
        let task = TaskTracker::new().spawn(broken());
        let error = caught_in("db:1", task).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let task = TaskTracker::new().spawn(async { Ok(1) });
        assert_eq!(caught_in("db:1", task).await.unwrap(), 1);
        let task = TaskTracker::new().spawn(std::future::pending::<Result<(), Error>>());
        task.abort();
        assert_eq!(caught_in("db:1", task).await.unwrap_err().kind(), ErrorKind::Closed);
    }
}
