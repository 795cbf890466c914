//! Watches every long-lived task of the server, so that none ends unnoticed.
//!
//! ```text
//!          ends or panics before the stop
//! kept   ─────────────────────────────────► started again ──► too often ──► the server stops and says why
//! needed ─────────────────────────────────────────────────────────────────► the server stops and says why
//! ```
//!
//! Parts of other crates start their own tasks again. The server stops when one of them says that
//! it cannot.

use tidings::join::restarts::{end_of, restarted};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Owns tasks until `stop`.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Why the server cannot go on.
    fatal: watch::Sender<Option<String>>,
}

impl Supervisor {
    /// Creates a supervisor without tasks.
    pub(crate) fn new() -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self { tasks, stop, fatal: watch::Sender::new(None) }
    }

    /// Returns the tracker of short-lived tasks, which end with the stop, too.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Returns the token that tells the tasks to end.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a task that starts again when it ends before its time.
    pub(crate) fn keep<F>(&self, part: &'static str, make: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let this = self.clone();
        self.tasks.spawn(async move {
            if let Some(why) = restarted(part, &this.stop, make).await {
                this.give_up(why);
            }
        });
    }

    /// Runs a task that cannot be started again: its end before its time ends the server.
    pub(crate) fn need(&self, part: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let this = self.clone();
        self.tasks.spawn(async move {
            if let Some(why) = end_of(task, &this.stop).await {
                this.give_up(format!("{part} {why}"));
            }
        });
    }

    /// Stops the server when a part that watches its own tasks says why it cannot go on.
    pub(crate) fn heed(&self, failed: impl Future<Output = String> + Send + 'static) {
        let this = self.clone();
        self.tasks.spawn(async move {
            if let Some(reason) = this.stop.run_until_cancelled(failed).await {
                this.give_up(reason);
            }
        });
    }

    /// Stops the server, which cannot go on.
    pub(crate) fn give_up(&self, reason: String) {
        // The first reason stays: those that come later mostly follow from it.
        self.fatal.send_if_modified(|fatal| {
            let first = fatal.is_none();
            fatal.get_or_insert(reason);
            first
        });
    }

    /// Waits for the reason why the server cannot go on.
    pub(crate) async fn fatal(&self) -> String {
        let mut fatal = self.fatal.subscribe();
        let reason = fatal.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Within this time a task may end four times.
    const OFTEN: Duration = Duration::from_secs(60);

    fn fail() {
        panic::resume_unwind(Box::new("a test wants it"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_task_that_panics_or_ends_is_started_again() {
        let supervisor = Supervisor::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let (counted, stop) = (Arc::clone(&runs), supervisor.stop().clone());
        supervisor.keep("a part", move || {
            let (run, stop) = (counted.fetch_add(1, Ordering::SeqCst), stop.clone());
            async move {
                match run {
                    0 => fail(),
                    1 => {}
                    _ => stop.cancelled().await,
                }
            }
        });
        assert!(timeout(OFTEN, supervisor.fatal()).await.is_err());
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        supervisor.stop().cancel();
        supervisor.tasks().close();
        supervisor.tasks().wait().await;
        assert!(timeout(OFTEN, supervisor.fatal()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_again_and_again_stops_the_server_with_a_reason() {
        let supervisor = Supervisor::new();
        supervisor.keep("the follower", || async {});
        let reason = timeout(OFTEN, supervisor.fatal()).await.unwrap();
        assert_eq!(reason, "the follower ended by itself, as it did 5 times within a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn rare_ends_are_no_reason_to_stop() {
        let supervisor = Supervisor::new();
        supervisor.keep("a part", || tokio::time::sleep(OFTEN / 4));
        assert!(timeout(OFTEN * 20, supervisor.fatal()).await.is_err());
    }

    #[tokio::test]
    async fn the_failure_of_a_part_stops_the_server_unless_it_stops_anyway() {
        let supervisor = Supervisor::new();
        supervisor.heed(std::future::pending());
        supervisor.heed(async { "the webhook is lost".to_owned() });
        assert_eq!(supervisor.fatal().await, "the webhook is lost");
        supervisor.stop().cancel();
        supervisor.tasks().close();
        supervisor.tasks().wait().await;
    }

    #[tokio::test]
    async fn the_end_of_a_needed_task_stops_the_server_with_a_reason() {
        let supervisor = Supervisor::new();
        supervisor.need("the calls", async { fail() });
        assert_eq!(supervisor.fatal().await, "the calls panicked: a test wants it");
    }
}
