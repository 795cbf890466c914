//! Watches the long-lived task of a part, so that it does not end unnoticed.
//!
//! ```text
//! ends or panics before the stop ──► started again ──► too often ──► the part has failed, and says why
//! ```

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::restarts::restarted;
use crate::{Error, ErrorKind};

/// The tasks of one part; those of all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Why the part cannot go on.
    failed: watch::Sender<Option<Error>>,
    /// Stops the tasks when the last clone is dropped. The tasks themselves hold none, or they
    /// would never end.
    _last: Arc<DropGuard>,
}

impl Tasks {
    /// The tasks will run where this is called.
    pub(crate) fn new() -> Result<Self, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::new(
                ErrorKind::Config,
                "a part of tidings-join must be started inside a tokio runtime",
            ));
        }
        metrics::describe_counter!(
            "tidings_part_restarts_total",
            "How often a part ended unexpectedly and was started again"
        );
        let stop = CancellationToken::new();
        let _last = Arc::new(stop.clone().drop_guard());
        Ok(Self { tracker: TaskTracker::new(), stop, failed: watch::Sender::new(None), _last })
    }

    /// Runs a task that is started again when it ends before the stop.
    pub(crate) fn keep<F>(&self, part: &'static str, make: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, failed) = (self.stop.clone(), self.failed.clone());
        self.tracker.spawn(async move {
            if let Some(why) = restarted(part, &stop, make).await {
                failed.send_replace(Some(Error::new(ErrorKind::Failed, why)));
            }
        });
    }

    /// Waits until a task is not started again, and returns why.
    pub(crate) async fn failed(&self) -> Error {
        let mut failed = self.failed.subscribe();
        match failed.wait_for(Option::is_some).await.map(|error| error.clone()) {
            Ok(Some(error)) => error,
            // The sender is ours, so there is always something to wait for.
            Ok(None) | Err(_) => pending().await,
        }
    }

    /// Stops the tasks and waits for them; returns whether they ended within `grace`.
    pub(crate) async fn shutdown(&self, grace: Duration) -> bool {
        // The order matters: a tracker that is not closed is waited for even when it is empty.
        self.stop.cancel();
        self.tracker.close();
        timeout(grace, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::*;
    use crate::restarts::OFTEN;

    fn fail() {
        panic::resume_unwind(Box::new("a test wants it"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_ends_is_started_again() {
        let tasks = Tasks::new().unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let (counted, stop) = (Arc::clone(&runs), tasks.stop.clone());
        tasks.keep("a part", move || {
            let (run, stop) = (counted.fetch_add(1, Ordering::SeqCst), stop.clone());
            async move {
                match run {
                    0 => fail(),
                    1 => {}
                    _ => stop.cancelled().await,
                }
            }
        });
        assert!(timeout(OFTEN, tasks.failed()).await.is_err());
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        assert!(tasks.shutdown(OFTEN).await && tasks.shutdown(OFTEN).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_again_and_again_fails_with_a_reason() {
        let tasks = Tasks::new().unwrap();
        tasks.keep("the follower", || async {});
        let error = timeout(OFTEN, tasks.failed()).await.unwrap();
        assert_eq!(error.to_string(), "the follower ended by itself, as it did 5 times within a minute");
        assert_eq!(error.kind(), ErrorKind::Failed);
        // Whoever asks later hears the same.
        assert_eq!(tasks.failed().await.to_string(), error.to_string());
        assert!(tasks.shutdown(OFTEN).await);
    }

    #[tokio::test(start_paused = true)]
    async fn rare_ends_are_no_failure() {
        let tasks = Tasks::new().unwrap();
        tasks.keep("a part", || sleep(OFTEN / 4));
        assert!(timeout(OFTEN * 20, tasks.failed()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_handle_takes_the_tasks_along() {
        let tasks = Tasks::new().unwrap();
        let (tracker, stop) = (tasks.tracker.clone(), tasks.stop.clone());
        tasks.keep("a part", move || stop.clone().cancelled_owned());
        let clone = tasks.clone();
        drop(tasks);
        assert!(!clone.stop.is_cancelled());
        drop(clone);
        tracker.close();
        timeout(OFTEN, tracker.wait()).await.unwrap();
    }

    #[test]
    fn outside_a_runtime_there_are_none() {
        assert_eq!(Tasks::new().unwrap_err().kind(), ErrorKind::Config);
    }
}
