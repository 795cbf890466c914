//! A node that can die in the middle of what it does.

use timeline::distributed::Config;
use timeline::{GroupSent, NewGroupMessage, Result, Timeline};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::scene::started;

/// A node with a runtime of its own, so that its tasks stop where they are when it dies.
///
/// It says nothing to anybody then, as a process that was killed.
pub(super) struct Mortal {
    // `None` once it has died.
    runtime: Option<Runtime>,
    timeline: Timeline,
    sends: JoinSet<Result<GroupSent>>,
}

impl Mortal {
    pub(super) async fn start(config: Config) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut starting = JoinSet::new();
        starting.spawn_on(started(config), runtime.handle());
        let timeline = starting.join_next().await.unwrap().unwrap();
        Self { runtime: Some(runtime), timeline, sends: JoinSet::new() }
    }

    /// Begins to send.
    pub(super) fn send_group(&mut self, message: NewGroupMessage) {
        let timeline = self.timeline.clone();
        let send = async move { timeline.send_group(message).await };
        self.sends.spawn_on(send, self.runtime.as_ref().unwrap().handle());
    }

    /// Stops all that it does; nobody was answered before.
    pub(super) fn die(&mut self) {
        assert!(self.sends.try_join_next().is_none(), "a send was answered");
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        // A runtime that is dropped by a task waits, which it must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
