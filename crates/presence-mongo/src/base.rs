//! The handle of a base, which owns all tasks.
//!
//! | task | one for each | what it has | when it fails |
//! |---|---|---|---|
//! | `clock/prober.rs` | base | the reading of the server's clock, and since when everybody could write | the clock is reckoned on; slots that were not healthy declare nobody dead |
//! | `listener.rs` | base | the change stream | watchers poll; what may have been missed is read |
//! | `pruner.rs` | base | nothing | the next time comes |
//! | `registrar.rs` | namespace | those whom it gives numbers, taken from the local beings | it tries again until the time of a start is up |
//! | `batcher.rs` | namespace | the flush that it writes, taken from the local beings | it tries again within the slot, and pingers say why |
//! | `reader.rs` | namespace | the window and who is alive, while somebody watches | the last state is kept, and streams are told once |
//!
//! A task that panics is begun again. What handles and tasks share is under locks that are held for
//! one method: the local beings (pingers), the watch table (watchers), the change buffer (change
//! stream) and the clock.

use std::sync::Arc;
use std::time::Duration;

use mongo_link::Link;
use presence_core::tracker::keep_running;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::namespace::Namespace;
use crate::pruner::{self, Pruned};
use crate::shared::Shared;
use crate::space::Space;
use crate::{batcher, clock, listener, reader, registrar};

/// The collections that pingers and watchers share, in one namespace.
///
/// One for a process: its pingers share their writes, its watchers their reads and one change
/// stream, in whatever namespaces. Cloning gives another handle of the same. Pingers, watchers and
/// streams keep it alive; when the last of all these is dropped it ends as by
/// [`shutdown`](Self::shutdown), without anybody waiting for it.
#[derive(Debug, Clone)]
pub struct Base {
    shared: Arc<Shared>,
    space: Arc<Space>,
    _end: Arc<EndOnDrop>,
}

#[derive(Debug)]
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.closing.cancel();
        self.0.end.cancel();
    }
}

impl Base {
    /// Connects to the database and reads its clock.
    ///
    /// With [`WhenAway::Join`](crate::WhenAway::Join) it does not wait for a database that is away:
    /// pingers that are started meanwhile fail, and watchers say `Unavailable` until it is there.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is wrong, the log-in is refused, or outside a
    /// tokio runtime; [`Unavailable`](ErrorKind::Unavailable) if the database is away.
    pub async fn start(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let runtime = Handle::try_current().map_err(|_none| {
            Error::new(ErrorKind::Config, "the base must be started inside a tokio runtime")
        })?;
        let namespace = config.first_namespace()?;
        let link = Link::start(config.link.clone())
            .await
            .map_err(|error| Error::of_link("the link to the database cannot be started", error))?;
        // A link that is not well joins later.
        let is_well = link.state().borrow().is_well();
        let shared = Arc::new(Shared::new(config, link, runtime));
        let end = Arc::new(EndOnDrop(Arc::clone(&shared)));
        if is_well {
            look(&shared).await?;
        }
        run_tasks(&shared);
        let space = space(&shared, &namespace);
        Ok(Self { shared, space, _end: end })
    }

    /// Returns the handle of another namespace of this base.
    ///
    /// It shares the link and the change stream.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the name has not 1 to 128 bytes, or has colons
    /// or control characters; [`Closed`](ErrorKind::Closed) after [`shutdown`](Self::shutdown).
    pub fn namespace(&self, name: impl AsRef<str>) -> Result<Self, Error> {
        let namespace = Namespace::named(name.as_ref())?;
        if self.shared.closing.is_cancelled() {
            return Err(Error::shut_down());
        }
        Ok(Self { space: space(&self.shared, &namespace), ..self.clone() })
    }

    /// Removes what is old of this namespace: time slots and superseded beings.
    ///
    /// It may be called by any process at any time: nobody who lives is harmed. It is done every
    /// [`prune_interval`](Config::prune_interval) by itself. For the first four slots of a base,
    /// and after one in which not everybody could write, it keeps ten slots instead of three, and
    /// all beings that pinged in one of them.
    ///
    /// Slots that lie ahead, after the server's clock was set back, go as well, except where the
    /// address leads to routers: each has a clock of its own.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) or [`Refused`](ErrorKind::Refused) as the database
    /// says.
    pub async fn prune(&self) -> Result<Pruned, Error> {
        pruner::prune(&self.shared, &self.space).await.map(|pruning| pruning.pruned)
    }

    /// Removes all documents of this namespace but its counter, and says how many.
    ///
    /// It is for a namespace that nobody uses any more: pingers that still run would not be seen
    /// until they are started again.
    ///
    /// # Errors
    ///
    /// As [`prune`](Self::prune).
    pub async fn clear(&self) -> Result<Pruned, Error> {
        let (slots, beings) = self.shared.store.clear(&self.space.namespace).await?;
        Ok(Pruned { slots, beings })
    }

    /// Ends all pingers and watchers, and says whether that was over within `grace`.
    ///
    /// Pingers end silently. Starts and kills that are under way are finished; those that are not
    /// within `grace` fail with [`Unavailable`](ErrorKind::Unavailable). Streams end after what was
    /// read.
    ///
    /// # Cancel safety
    ///
    /// It has begun when it is first polled, and goes on if it is dropped.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        let until = Instant::now() + grace;
        self.shared.closing.cancel();
        self.shared.spaces().iter().for_each(|space| space.close());
        self.shared.tasks.close();
        let all_ended = timeout_at(until, self.shared.tasks.wait()).await.is_ok();
        self.shared.end.cancel();
        self.shared.spaces().iter().for_each(|space| space.beings.abandon());
        let left = until.saturating_duration_since(Instant::now());
        self.shared.link.shutdown(left).await && all_ended
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }
}

/// Reads the clock for the first time. A database that went away just now is waited for as later.
async fn look(shared: &Shared) -> Result<(), Error> {
    match clock::look(&shared.clock, &shared.link).await {
        Err(error) if error.kind() != ErrorKind::Unavailable => Err(error),
        _ => Ok(()),
    }
}

/// Returns the space of a namespace, whose tasks run.
fn space(shared: &Arc<Shared>, namespace: &Namespace) -> Arc<Space> {
    let (space, is_new) = shared.space(namespace);
    if is_new {
        let parts = || (Arc::clone(shared), Arc::clone(&space));
        let (with, of) = parts();
        spawn(shared, "the task that numbers pingers", move || {
            registrar::run(Arc::clone(&with), Arc::clone(&of))
        });
        let (with, of) = parts();
        spawn(shared, "the task that pings", move || batcher::run(Arc::clone(&with), Arc::clone(&of)));
        let (with, of) = parts();
        spawn(shared, "the task that watches", move || reader::run(Arc::clone(&with), Arc::clone(&of)));
        // A shutdown in between has not seen it.
        if shared.closing.is_cancelled() {
            space.close();
        }
    }
    space
}

fn run_tasks(shared: &Arc<Shared>) {
    let with = Arc::clone(shared);
    spawn(shared, "the task that reads the clock", move || {
        let with = Arc::clone(&with);
        async move {
            let probing = clock::run(Arc::clone(&with.clock), with.link.clone());
            with.closing.run_until_cancelled(probing).await;
        }
    });
    let with = Arc::clone(shared);
    spawn(shared, "the task that follows changes", move || listener::run(Arc::clone(&with)));
    let with = Arc::clone(shared);
    spawn(shared, "the task that prunes", move || pruner::run(Arc::clone(&with)));
}

/// Runs a task until the base ends; one that panics is begun again.
fn spawn<F>(shared: &Arc<Shared>, part: &'static str, mut begin: impl FnMut() -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let end = shared.end.clone();
    let work = move || {
        let (end, work) = (end.clone(), begin());
        async move {
            end.run_until_cancelled(work).await;
        }
    };
    let tell = |why: Option<String>| {
        if let Some(why) = why {
            tracing::error!("{why}");
        }
    };
    let kept = keep_running(part, shared.closing.clone(), work, tell);
    shared.tasks.spawn_on(kept, &shared.runtime);
}
