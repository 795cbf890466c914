//! What is known about one connection and the requests that are under way on it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tidings::timeline::RequestConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::listen::body::BodyProgress;
use crate::listen::body_memory::BodyMemory;
use crate::listen::flow::Flow;
use crate::listen::pace::Pace;

/// What is known about one connection.
#[derive(Debug)]
pub(super) struct ConnectionState {
    pub(super) number: u64,
    /// Only questions about health are answered, until a place is free.
    pub(super) reserved: AtomicBool,
    /// Those that its permit is one of.
    pub(super) permits: Weak<Shared>,
    pub(super) bodies: BodyMemory,
    pub(super) opened: Instant,
    pub(super) handshake_done: AtomicBool,
    pub(super) close: CancellationToken,
    /// What the timelines know of it.
    pub(super) connection: RequestConnection,
    pub(super) activity: Mutex<Activity>,
}

#[derive(Debug)]
pub(super) struct Activity {
    pub(super) next: u64,
    pub(super) requests: BTreeMap<u64, RequestUnderWay>,
    pub(super) idle_since: Instant,
}

/// A request that came, until its answer is written.
#[derive(Debug)]
pub(super) struct RequestUnderWay {
    /// Its answer has no end of its own.
    pub(super) endless: bool,
    pub(super) answer: Weak<Flow>,
    pub(super) body: Weak<BodyProgress>,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self { next: 0, requests: BTreeMap::new(), idle_since: now }
    }

    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.busy().next().is_none().then_some(self.idle_since)
    }

    /// The requests that have an end.
    fn busy(&self) -> impl Iterator<Item = &RequestUnderWay> {
        self.requests.values().filter(|request| !request.endless)
    }
}

impl ConnectionState {
    /// Changed only under the lock of the table.
    pub(super) fn is_reserved(&self) -> bool {
        self.reserved.load(Ordering::Relaxed)
    }

    /// How slowly its requests come and its answers are taken, if it has nothing else to do.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        // They are kept alive until the lock is let go, as the drop of the last one of a request
        // takes it, too.
        let requests: Vec<_> = self
            .activity
            .lock()
            .busy()
            .map(|request| (request.body.upgrade(), request.answer.upgrade()))
            .collect();
        let paces = requests.iter().map(|(body, answer)| {
            let comes = body.as_ref().and_then(|body| body.pace(now));
            comes.or_else(|| answer.as_ref()?.pace(now))
        });
        let paces: Option<Vec<Pace>> = paces.collect();
        paces?.into_iter().max()
    }

    pub(super) fn is_stuck(&self, limit: Duration) -> bool {
        // The answers are kept alive until the lock is let go, as the drop of the last one takes
        // it, too.
        let answers: Vec<Arc<Flow>> =
            self.activity.lock().requests.values().filter_map(|request| request.answer.upgrade()).collect();
        answers.iter().any(|answer| answer.is_stuck(limit))
    }
}
