//! The keyspace layout: the calls.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use presence_core::feed::LogReader;
use presence_core::{
    Backend, BatchError, Cursor, Device, Error, ErrorKind, Events, Failure, Id, IdPage, LastSeen, Since,
    State, Status,
};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::feed::wall_now;
use super::key_events::KeyEvents;
use super::listener::{self, Listener};
use super::shared::{Question, Shared};
use super::store::{KeyStore, Remaining};
use super::subscription::Subscription;
use super::{auditor, refresher, trial};
use crate::connection::Link;
use crate::kept::kept;
use crate::policy::{self, EvictableKeys};
use crate::version;

/// Presence in the keys and notifications of the Go package.
///
/// See the [module documentation](super) for what it promises, which is less than [`Backend`] asks
/// for.
#[derive(Debug)]
pub struct Keyspace {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    /// The task that ends the others.
    ending: TaskTracker,
}

impl Keyspace {
    /// Connects to Redis, and listens from here on.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is wrong, if Redis is a cluster or tells too
    /// little of its keys, or outside a tokio runtime; [`Unavailable`](ErrorKind::Unavailable) if
    /// Redis does not answer.
    pub async fn start(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let runtime = Handle::try_current().map_err(|source| {
            Error::with_source(ErrorKind::Config, "presence must be started inside a tokio runtime", source)
        })?;
        let link = Link::start(config.link.clone()).await?;
        if link.is_cluster() {
            let message = "the keyspace layout does not work with a redis cluster; use the leases layout, or a single \
                 redis";
            return Err(Error::new(ErrorKind::Config, message));
        }
        version::check(&link, version::KEYSPACE).await?;
        let store = KeyStore::new(link, &config);
        let session = Box::pin(KeyEvents::open(&store, &config)).await?;
        let (shared, questions) = Shared::new(config, store);
        let shared = Arc::new(shared);
        // The round begins here, as the first call may come before the first turn of the listener.
        shared.feed.begin_round(false);
        let keyspace = Self { shared, tasks: TaskTracker::new(), ending: TaskTracker::new() };
        keyspace.spawn(session, questions, &runtime);
        Ok(keyspace)
    }

    fn spawn(&self, session: KeyEvents, questions: mpsc::Receiver<Question>, runtime: &Handle) {
        let listener = Arc::new(Listener::new(Arc::clone(&self.shared), session, questions));
        self.keep(listener::PART, runtime, move |_| Arc::clone(&listener).run());
        self.keep(auditor::PART, runtime, auditor::run);
        self.keep(refresher::PART, runtime, refresher::run);
        self.keep(trial::PART, runtime, trial::run);
        self.tasks.close();
        // A task of its own, so that the end comes also if nobody waits for it.
        let (shared, tasks) = (Arc::clone(&self.shared), self.tasks.clone());
        let end = async move {
            shared.stop_after_closing().await;
            tasks.wait().await;
        };
        self.ending.spawn_on(end, runtime);
        self.ending.close();
    }

    /// Runs a task until the stop, and begins it again when it panics.
    fn keep<F>(
        &self,
        part: &'static str,
        runtime: &Handle,
        mut run: impl FnMut(Arc<Shared>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (shared, told) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        let begin = move || run(Arc::clone(&shared));
        let tell = move |why: Option<String>| {
            // Of several Redis it says which.
            let why = why.map(|why| format!("on {}, {why}", told.store.link.address()));
            if let (listener::PART, Some(why)) = (part, &why) {
                // Calls that wait to know whether everything was heard get an error at once.
                told.feed.lose(Error::new(ErrorKind::Unavailable, why.clone()));
            }
            told.feed.health.part(part, why);
        };
        self.tasks.spawn_on(kept(part, self.shared.feed.stop.clone(), begin, tell), runtime);
    }
}

#[async_trait]
impl Backend for Keyspace {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.shared.check_open().map_err(|error| BatchError::all(ids, &error))?;
        self.shared.store.beat(ids).await
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.shared.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let _keeping = self.shared.keeping.read().await;
        let ended = self.shared.store.end(ids).await;
        match &ended {
            Ok(()) => self.shared.feed.held.end(ids),
            Err(error) => {
                let ended: Vec<Id> = ids.iter().filter(|id| !error.has(id.as_str())).cloned().collect();
                self.shared.feed.held.end(&ended);
            }
        }
        ended
    }

    async fn beat_device(&self, id: &Id, _device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        // The key knows no devices: it lives until the last deadline of all.
        Ok(self.shared.store.beat(std::slice::from_ref(id)).await?)
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        let fresh = self.shared.feed.held.hold(id, device);
        if let Err(error) = self.shared.store.beat(std::slice::from_ref(id)).await {
            if fresh.is_some() {
                self.shared.feed.held.release(id, device);
            }
            return Err(error.into());
        }
        // A departure from before this call may still be on its way, and must not end the new
        // device. So all that was told before is heard first. If the listener hears nothing, no
        // departure can end it either.
        match if fresh.is_some() { self.shared.hear().await } else { Ok(()) } {
            Err(error) if error.kind() == ErrorKind::Closed => Err(error),
            _ => Ok(()),
        }
    }

    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        // Its key is left to expire: another process may keep the id online, and nothing in Redis
        // would tell.
        self.shared.feed.held.release(id, device);
        Ok(())
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.shared.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        let statuses = self.keep_held_online(ids, self.shared.store.status(ids).await).await;
        match self.shared.feed.health.unsure() {
            Some(error) => unsure(ids, statuses, &error),
            None => statuses,
        }
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.shared.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        let (remaining, failures) = self.shared.store.remaining(ids).await;
        let held = |(id, remaining): (&Id, &Option<Remaining>)| {
            *remaining == Some(Remaining::Absent) && self.shared.feed.held.has_firm(id)
        };
        if ids.iter().zip(&remaining).any(held) {
            // Somebody may have said that it is offline. Otherwise it is held, whether that can be
            // heard or not.
            drop(self.shared.hear().await);
        }
        let now = wall_now();
        let seen = |(id, remaining): (&Id, Option<Remaining>)| match remaining? {
            Remaining::Absent if self.shared.feed.held.has_firm(id) => Some(now),
            Remaining::Absent => self.shared.feed.state().remembered.seen(id),
            Remaining::Unlimited => Some(now),
            Remaining::Time(_) if self.shared.feed.held.has(id) => Some(now),
            Remaining::Time(left) => now.checked_sub(self.shared.config.key_ttl().saturating_sub(left)),
        };
        let seen: Vec<LastSeen> = ids.iter().zip(remaining).map(seen).collect();
        if failures.is_empty() { Ok(seen) } else { Err(BatchError::new(seen, failures)) }
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        self.shared.check_open()?;
        if cursor.shard() > 1 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the cursor comes from another backend; list again from the first page",
            ));
        }
        self.shared.know().await?;
        self.shared.feed.check_certain()?;
        // The first page has no hash to go on from.
        let after = (cursor.shard() == 1).then_some(cursor.offset());
        let page = self.shared.feed.state().mirror.list_by_hash(after, limit);
        let next =
            if page.len() < limit { None } else { page.last().map(|hashed| Cursor::new(1, hashed.hash)) };
        Ok(IdPage::new(page.into_iter().map(|hashed| hashed.id).collect(), next))
    }

    async fn count(&self) -> Result<u64, Error> {
        self.shared.check_open()?;
        self.shared.know().await?;
        self.shared.feed.check_certain()?;
        Ok(self.shared.feed.state().mirror.len() as u64)
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        self.shared.check_open()?;
        // A stream begins with what happens from here on, not with what is on its way.
        self.shared.hear().await?;
        Ok(Events::new(LogReader::stream(Subscription::new(Arc::clone(&self.shared.feed)), since)))
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.feed.health.state()
    }

    async fn warnings(&self) -> Result<Vec<String>, Error> {
        self.shared.check_open()?;
        policy::warnings(&self.shared.store.link, EvictableKeys::All).await
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.shared.close();
        timeout(grace, self.ending.wait()).await.is_ok()
    }
}

impl Keyspace {
    /// Does not let ids be called offline that are held here, whose keys were lost and are yet to
    /// be made again.
    async fn keep_held_online(
        &self,
        ids: &[Id],
        statuses: Result<Vec<Status>, BatchError<Vec<Status>>>,
    ) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        let held = &self.shared.feed.held;
        let (mut statuses, mut failures) = parts(statuses);
        let is_held = |index: &usize| statuses[*index] == Status::Offline && held.has_firm(&ids[*index]);
        let missing: Vec<usize> = (0..ids.len()).filter(is_held).collect();
        if !missing.is_empty() {
            // Somebody may have said that they are offline: that is on its way, and ends the
            // devices.
            let heard = self.shared.hear().await;
            let unknown = heard.err().or_else(|| self.shared.feed.health.unsure());
            for index in missing.into_iter().filter(|index| held.has_firm(&ids[*index])) {
                match &unknown {
                    None => statuses[index] = Status::Online,
                    Some(error) => {
                        statuses[index] = Status::Unknown;
                        failures.push(Failure::new(index, ids[index].as_str(), error.clone()));
                    }
                }
                held.lose(&ids[index]);
            }
        }
        whole(statuses, failures)
    }
}

/// Takes back that ids are offline, which nobody can know while keys are not renewed.
fn unsure(
    ids: &[Id],
    statuses: Result<Vec<Status>, BatchError<Vec<Status>>>,
    error: &Error,
) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
    let (mut statuses, mut failures) = parts(statuses);
    for (index, status) in statuses.iter_mut().enumerate().filter(|(_, status)| **status == Status::Offline) {
        *status = Status::Unknown;
        failures.push(Failure::new(index, ids[index].as_str(), error.clone()));
    }
    whole(statuses, failures)
}

fn parts(statuses: Result<Vec<Status>, BatchError<Vec<Status>>>) -> (Vec<Status>, Vec<Failure>) {
    match statuses {
        Ok(statuses) => (statuses, Vec::new()),
        Err(error) => error.into_parts(),
    }
}

fn whole(statuses: Vec<Status>, failures: Vec<Failure>) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
    if failures.is_empty() { Ok(statuses) } else { Err(BatchError::new(statuses, failures)) }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        self.shared.close();
    }
}

#[cfg(test)]
mod tests {
    use presence_core::Update;
    use test_support::{Redis, require};

    use super::super::Notifications;
    use super::*;
    use crate::kept::told;

    const SOON: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_task_that_panics_is_told_and_begun_again_while_no_call_waits_for_it() {
        let Some(redis) = require(Redis::private().await) else { return };
        let config = Config::new(redis.url()).notifications(Notifications::Set);
        let keyspace = Keyspace::start(config).await.unwrap();
        let (mut state, tab) = (keyspace.state(), Device::new("tab").unwrap());
        let alice = [Id::new("alice").unwrap()];
        keyspace.hold_device(&alice[0], &tab).await.unwrap();
        for part in [listener::PART, auditor::PART, refresher::PART, trial::PART] {
            timeout(SOON, state.wait_for(State::is_well)).await.unwrap().unwrap();
            told::panic_in(part);
            let told = |state: &State| state.to_string().contains(part);
            let down = timeout(SOON, state.wait_for(told)).await.unwrap().unwrap().clone();
            assert!(matches!(down, State::Down { .. }), "{down}");
            assert!(down.to_string().contains(&format!(":{}", redis.port())), "{down}");
            let counted = timeout(SOON, keyspace.count()).await.expect("an answer");
            assert!(counted.is_ok() || part == listener::PART, "{part}: {counted:?}");
            assert_eq!(keyspace.status(&alice).await.unwrap(), [Status::Online], "{part}");
        }
        timeout(SOON, state.wait_for(State::is_well)).await.unwrap().unwrap();
        let mut events = keyspace.events(Since::Now).await.unwrap();
        keyspace.offline(&alice).await.unwrap();
        let gone = |update: &Update| matches!(update, Update::Change(event) if event.id == alice[0]);
        while !timeout(SOON, events.next()).await.unwrap().unwrap().is_ok_and(|update| gone(&update)) {}
        assert!(keyspace.shutdown(SOON).await);
        assert_eq!(*state.borrow(), State::closed());
    }
}
