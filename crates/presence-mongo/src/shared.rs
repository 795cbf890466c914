//! What the handles and the tasks of a base share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mongo_link::{Backoff, Link};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::{Config, Detection};
use crate::metrics::Metrics;
use crate::namespace::Namespace;
use crate::space::Space;
use crate::store::Store;

/// How long a single attempt may take at least; a slot may be shorter.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

/// The wait after the first failure is at most this long.
const RETRY_FIRST: Duration = Duration::from_millis(20);

/// The longest wait between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What the handles and the tasks of a base share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) link: Link,
    pub(crate) store: Store,
    pub(crate) clock: Arc<Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) detection: Detection,
    pub(crate) sync_timeout: Duration,
    pub(crate) prune_interval: Option<Duration>,
    /// The namespaces that are used, in the order of their names.
    spaces: Mutex<BTreeMap<Namespace, Arc<Space>>>,
    /// The set of namespaces that are watched may be another one.
    pub(crate) listen: Notify,
    /// Nothing new is taken.
    pub(crate) closing: CancellationToken,
    /// Everything ends at once.
    pub(crate) end: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) runtime: Handle,
}

impl Shared {
    pub(crate) fn new(config: Config, link: Link, runtime: Handle) -> Self {
        let period = config.period();
        let Config { base, detection, sync_timeout, prune_interval, .. } = config;
        let half = period.length() / 2;
        let patience = half.max(PATIENCE_MIN).min(link.timeout());
        Self {
            store: Store::new(link.clone(), &base, patience),
            clock: Arc::new(Clock::new(period)),
            link,
            metrics: Metrics::new(),
            detection,
            sync_timeout,
            prune_interval,
            spaces: Mutex::default(),
            listen: Notify::new(),
            closing: CancellationToken::new(),
            end: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime,
        }
    }

    /// Returns the space of a namespace, and whether it was made just now.
    pub(crate) fn space(&self, namespace: &Namespace) -> (Arc<Space>, bool) {
        let mut spaces = self.spaces.lock();
        if let Some(space) = spaces.get(namespace) {
            return (Arc::clone(space), false);
        }
        let space = Arc::new(Space::new(namespace.clone(), self.clock.period()));
        spaces.insert(namespace.clone(), Arc::clone(&space));
        (space, true)
    }

    /// Returns all spaces.
    pub(crate) fn spaces(&self) -> Vec<Arc<Space>> {
        self.spaces.lock().values().cloned().collect()
    }

    /// Returns the spaces that somebody watches.
    pub(crate) fn watched(&self) -> Vec<Arc<Space>> {
        self.spaces().into_iter().filter(|space| space.table.is_watched()).collect()
    }

    /// Returns the waits between attempts of something in the same slot.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(RETRY_FIRST, (self.clock.period().length() / 8).min(RETRY_MAX))
    }
}
