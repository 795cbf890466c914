//! The tasks of a link.

use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::error::Error;

/// Where the tasks of a link run, and how all of them end; a clone is about the same tasks.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    running: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// The tasks will run where this is called.
    pub(crate) fn here() -> Result<Self, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::config("a link to redis must be started inside a tokio runtime"))?;
        Ok(Self { runtime, running: TaskTracker::new(), stop: CancellationToken::new() })
    }

    /// Runs a task until all of them end or the guard is dropped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> DropGuard {
        let stop = self.stop.child_token();
        self.running.spawn_on(stop.clone().run_until_cancelled_owned(task), &self.runtime);
        stop.drop_guard()
    }

    /// Ends all tasks, also those that are begun after this.
    pub(crate) fn stop(&self) {
        // The token of a task that is begun later is a child of this one, and cancelled from the
        // start.
        self.stop.cancel();
        self.running.close();
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        self.running.wait().await;
    }
}
