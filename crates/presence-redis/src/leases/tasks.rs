//! The tasks of the layout, which are started again when they panic.
//!
//! ```text
//!  for each shard of a space: a writer, whose next run has another name in the shard
//!  for each space: the sweep, and followers once there are streams
//!  for the process: its mail, and the clock that says how long it was awake
//! ```

use std::sync::Arc;

use presence_core::{Error, ErrorKind};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backend::Leases;
use super::follower::{Followed, Follower};
use super::mail;
use super::shared::Shared;
use super::space::Space;
use super::writer::ShardWriter;
use crate::kept::kept;

impl Leases {
    /// Runs what the process has once.
    pub(super) fn keep_process(&self) {
        let (rooms, last) = (Arc::clone(&self.rooms), mail::LastRead::default());
        self.keep(MAIL, 0, &self.shared, move |shared| {
            mail::run(shared, Arc::clone(&rooms), Arc::clone(&last))
        });
        self.keep(CLOCK, 0, &self.shared, |shared| async move {
            shared.closing.run_until_cancelled(shared.awake_clock.beat()).await;
        });
    }

    /// Runs what keeps a space.
    pub(super) fn keep_space<S: Space>(&self, shared: &Arc<Shared<S>>) {
        for number in 0..shared.shards.len() {
            let writer = Arc::new(Mutex::new(ShardWriter::new(Arc::clone(shared), number)));
            self.keep(WRITER, number, shared, move |_| {
                let writer = Arc::clone(&writer);
                async move { writer.lock().await.run().await }
            });
        }
        self.keep(SWEEP, 0, shared, |shared| async move { shared.tracker.sweep(&shared.closing).await });
    }

    /// Runs what reads the logs of a space for streams.
    pub(super) fn keep_followers<S: Followed>(&self, shared: &Arc<Shared<S>>) {
        for (number, follower) in Follower::all(shared, &self.drain).into_iter().enumerate() {
            let follower = Arc::new(Mutex::new(follower));
            let begin = move |_| {
                let follower = Arc::clone(&follower);
                async move { follower.lock().await.run().await }
            };
            self.keep_until(&self.followers, &self.drain, (FOLLOWER, number), shared, begin);
        }
    }

    fn keep<S: Space, F>(
        &self,
        part: &'static str,
        number: usize,
        shared: &Arc<Shared<S>>,
        run: impl FnMut(Arc<Shared<S>>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.keep_until(&self.tasks, &shared.closing, (part, number), shared, run);
    }

    fn keep_until<S: Space, F>(
        &self,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        (part, number): (&'static str, usize),
        shared: &Arc<Shared<S>>,
        mut run: impl FnMut(Arc<Shared<S>>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (shared, told) = (Arc::clone(shared), Arc::clone(shared));
        let begin = move || run(Arc::clone(&shared));
        let tell = move |why: Option<String>| {
            // Of several tasks of this kind, and of several Redis, it says which.
            let why = why.map(|why| match part {
                WRITER => {
                    let server = told.shards[number].server();
                    format!("for shard {number} of {} on redis at {server}, {why}", S::KIND)
                }
                _ => format!("on {}, {why}", told.link.address()),
            });
            if let (WRITER, Some(why)) = (part, &why) {
                // Calls that wait for the writer get the error.
                told.shards[number].failed(&Error::new(ErrorKind::Unavailable, why.clone()));
            }
            told.health.part((part, S::KIND, number), why);
        };
        tasks.spawn_on(kept(part, stop.clone(), begin, tell), &self.runtime);
    }
}

/// What the tasks are called in a state.
const WRITER: &str = "the task that writes to a shard";
const SWEEP: &str = "the task that reports who has fallen silent";
const FOLLOWER: &str = "the task that reads events";
const MAIL: &str = "the task that reads messages of other processes";
const CLOCK: &str = "the task that counts the time awake";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use presence_core::{Backend, Cause, Device, Event, Events, Id, Since, State, Status, Update};
    use test_support::{Redis, require};
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::kept::told;
    use crate::leases::Config;

    const SOON: Duration = Duration::from_secs(60);

    fn names(leases: &Leases) -> Vec<String> {
        let name = |shard: &super::super::shard::Shard| {
            shard.status().borrow().registration.as_ref().map(|known| known.process.clone())
        };
        leases.shared.shards.iter().filter_map(name).collect()
    }

    async fn change(events: &mut Events) -> Event {
        loop {
            if let Ok(Update::Change(event)) = timeout(SOON, events.next()).await.unwrap().unwrap() {
                return event;
            }
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_told_and_begun_again_while_no_call_waits_for_it() {
        let Some(redis) = require(Redis::private().await) else { return };
        let config = Config::new(redis.url()).grace(Duration::from_millis(100));
        let leases = Leases::start(config).await.unwrap();
        let (mut state, tab) = (leases.state(), Device::new("tab").unwrap());
        let (alice, bob) = ([Id::new("alice").unwrap()], [Id::new("bob").unwrap()]);
        leases.hold_device(&alice[0], &tab).await.unwrap();
        let mut events = leases.events(Since::Now).await.unwrap();
        for part in [WRITER, SWEEP, FOLLOWER, MAIL, CLOCK] {
            timeout(SOON, state.wait_for(State::is_well)).await.unwrap().unwrap();
            told::panic_in(part);
            let told = |state: &State| state.to_string().contains(part);
            let down = timeout(SOON, state.wait_for(told)).await.unwrap().unwrap().clone();
            assert!(matches!(down, State::Down { .. }), "{down}");
            assert!(down.to_string().contains(&format!(":{}", redis.port())), "{down}");
            for _ in 0..3 {
                let beat = timeout(SOON, leases.online(&bob)).await.expect("an answer");
                let kind = beat.err().map(|error| error.kind());
                assert!(matches!(kind, None | Some(ErrorKind::Unavailable)), "{part}: {kind:?}");
            }
            let statuses = leases.status(&alice).await;
            let status = statuses.unwrap_or_else(|error| error.partial().clone());
            assert_ne!(status, [Status::Offline], "{part}");
        }
        timeout(SOON, state.wait_for(State::is_well)).await.unwrap().unwrap();
        let names = names(&leases);
        assert!(names.iter().all(|name| *name == names[0]), "what was written is in another name: {names:?}");
        leases.online(&bob).await.unwrap();
        assert_eq!(leases.status(&[alice[0].clone(), bob[0].clone()]).await.unwrap(), [Status::Online; 2]);
        leases.offline(&bob).await.unwrap();
        // All that was told: bob came and went, and alice never left.
        let gone = |update: &Update| matches!(update, Update::Change(event) if event.id == bob[0] && event.status == Status::Offline);
        loop {
            let Ok(update) = timeout(SOON, events.next()).await.unwrap().unwrap() else { continue };
            assert!(!matches!(&update, Update::Change(event) if event.id == alice[0]), "{update:?}");
            if gone(&update) {
                break;
            }
        }
        // What was written before the panic can be taken back at once.
        let asked = Instant::now();
        leases.end_device(&alice[0], &tab).await.unwrap();
        let event = change(&mut events).await;
        assert_eq!((&event.id, event.status, event.cause), (&alice[0], Status::Offline, Cause::Ended));
        assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
        assert!(leases.shutdown(SOON).await);
        assert_eq!(*state.borrow(), State::closed());
        while timeout(SOON, events.next()).await.expect("the end").is_some() {}
    }
}
