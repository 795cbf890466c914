//! What both multiplexers have in common: names, tasks, and their end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::caught::panicked;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::metrics::Metrics;
use crate::mode::{Mode, Switch};
use crate::random::Dice;
use crate::registry::{Loss, NameRoutes, Registry};
use crate::server::Server;
use crate::sink::{NoticeOutcome, Receiver, Sink};

/// A multiplexer's handle; the last one that is dropped ends it.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tasks: TaskTracker,
    _end: Arc<CloseOnDrop>,
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.switch.end();
    }
}

/// What handles and tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Whom the multiplexer is connected to, a cluster as a whole.
    pub(crate) server: Server,
    pub(crate) registry: Mutex<Registry>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) metrics: Metrics,
    pub(crate) dice: Dice,
    /// Where the tasks run.
    pub(crate) runtime: Handle,
    /// Says that the map of the cluster may be another one by now.
    pub(crate) map_is_stale: Notify,
    /// Why a connection could not be made or was lost the last time, until one is made.
    error: Mutex<Option<Error>>,
}

/// Where a connection's task belongs.
#[derive(Debug, Clone)]
pub(crate) struct LinkHandle {
    /// Its link in the registry.
    pub(crate) link: usize,
    /// Says that there is something to tell Redis, or somebody to activate.
    pub(crate) work: Arc<Notify>,
    /// Held from a change in the registry until those whom it concerns have been told: who else
    /// changes something for names of this link, a new map of the cluster, does not overtake that.
    pub(crate) telling: Arc<Mutex<()>>,
}

/// Ends everything when the last task is over, also one that was dropped with its runtime.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end_if_panicking(&self.0.server);
        self.0.end();
    }
}

impl Engine {
    /// Makes one whose tasks run where this is called.
    pub(crate) fn new(config: Config, routes: NameRoutes, server: Server) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|source| {
            let message = "the multiplexer must be started inside a tokio runtime";
            Error::with_source(ErrorKind::Config, message, source)
        })?;
        let shared = Arc::new(Shared {
            registry: Mutex::new(Registry::new(routes, config.batch_max)),
            switch: Switch::new(),
            metrics: Metrics::new(),
            dice: Dice::new(config.jitter_seed),
            runtime,
            map_is_stale: Notify::new(),
            error: Mutex::default(),
            config,
            server,
        });
        Ok(Self { _end: Arc::new(CloseOnDrop(Arc::clone(&shared))), shared, tasks: TaskTracker::new() })
    }

    /// Runs what all depends on: with it everything ends.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let over = EndOnDrop(Arc::clone(&self.shared));
        let task = async move {
            work.await;
            drop(over);
        };
        self.tasks.spawn_on(task, &self.shared.runtime);
    }

    pub(crate) fn stop(&self) {
        self.shared.switch.stop();
    }

    pub(crate) fn restart(&self) {
        self.shared.switch.restart();
    }

    pub(crate) async fn shutdown(&self, grace: Duration) -> bool {
        self.shared.switch.end();
        // Without this `wait` would never return: an open tracker may get more tasks.
        self.tasks.close();
        timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

impl Shared {
    pub(crate) fn open(&self, receiver: Receiver) -> Result<Arc<Sink>, Error> {
        let mut registry = self.registry.lock();
        // The mode is read under the lock of the registry. The end changes the mode first and takes
        // this lock then, so no sink can be opened after the end has closed all of them.
        if self.switch.mode() == Mode::Ended {
            return Err(Error::new(ErrorKind::Closed, "the multiplexer was shut down"));
        }
        Ok(registry.open(|id| Sink { id, receiver, changed: Notify::new() }))
    }

    /// Makes room for a connection.
    pub(crate) fn attach(&self) -> LinkHandle {
        let work = Arc::<Notify>::default();
        let link = self.registry.lock().attach(Arc::clone(&work));
        LinkHandle { link, work, telling: Arc::default() }
    }

    /// Closes a subscription whose handler panicked, or which its policy closes.
    pub(crate) fn close(&self, sink: &Sink) {
        if self.registry.lock().close(sink) {
            sink.close();
        }
    }

    /// Tells a subscription something that is not a message.
    pub(crate) fn tell(&self, sink: &Sink, notice: Event) {
        match sink.tell(notice) {
            NoticeOutcome::Well => {}
            NoticeOutcome::Piling => {
                // The lock of the registry comes before that of a queue, never after it: folding
                // asks the registry which names are wanted, and `sink.tell` has released the queue.
                let missed = self.registry.lock().fold(sink);
                self.metrics.drops.increment(missed);
            }
            NoticeOutcome::Panicked => self.close(sink),
        }
    }

    /// Tells subscriptions what they have lost.
    pub(crate) fn tell_losses(&self, losses: Vec<Loss>, error: &Error) {
        for Loss { sink, names } in losses {
            self.tell(&sink, Event::Disconnected { names: names.into(), error: error.clone() });
        }
    }

    /// Ends everything if the task that calls it panics, which is that of `server`, and says why.
    pub(crate) fn end_if_panicking(&self, server: &Server) {
        if std::thread::panicking() {
            self.failed(panicked(server));
            self.end();
        }
    }

    fn end(&self) {
        self.switch.end();
        // The sinks are closed without the lock of the registry, since that wakes tasks of others.
        let sinks = self.registry.lock().end();
        self.metrics.names(0);
        sinks.iter().for_each(|sink| sink.close());
    }

    pub(crate) fn connected(&self) {
        *self.error.lock() = None;
    }

    pub(crate) fn failed(&self, error: Error) {
        *self.error.lock() = Some(error);
    }

    pub(crate) fn error(&self) -> Option<Error> {
        self.error.lock().clone()
    }
}
