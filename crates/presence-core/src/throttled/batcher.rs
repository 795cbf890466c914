//! Merges the heartbeats that go through.
//!
//! One call is under way at a time; the rest waits and goes together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::batch::{HeartbeatBatch, HeartbeatRequest};
use super::config::Config;
use super::refresh_table::RefreshTable;
use crate::backend::Backend;
use crate::batch::Failure;
use crate::error::{Error, ErrorKind};
use crate::name::Id;

/// Where callers leave their heartbeats.
#[derive(Debug)]
pub(super) struct Batcher {
    requests: mpsc::Sender<HeartbeatRequest>,
    batch_max: usize,
    wait_max: Duration,
}

/// Carries them to the inner backend.
#[derive(Debug)]
pub(super) struct BatchTask {
    inner: Arc<dyn Backend>,
    known: Arc<RefreshTable>,
    /// Locked by the run there is.
    requests: Mutex<mpsc::Receiver<HeartbeatRequest>>,
    batch_max: usize,
    window: Duration,
    /// The number of the next batch.
    batches: AtomicU64,
}

impl Batcher {
    pub(super) fn new(
        config: &Config,
        inner: Arc<dyn Backend>,
        known: Arc<RefreshTable>,
    ) -> (Self, BatchTask) {
        let (sender, requests) = mpsc::channel(config.waiting_max);
        let &Config { batch_max, wait_max, window, .. } = config;
        let (requests, batches) = (Mutex::new(requests), AtomicU64::new(0));
        (
            Self { requests: sender, batch_max, wait_max },
            BatchTask { inner, known, requests, batch_max, window, batches },
        )
    }

    /// Sends the heartbeats of `ids` at the indices `stale`, and returns what failed.
    pub(super) async fn refresh(&self, ids: &[Id], stale: &[usize]) -> Vec<Failure> {
        let until = Instant::now() + self.wait_max;
        let mut sent = Vec::with_capacity(1);
        for indices in stale.chunks(self.batch_max) {
            let request = indices.iter().map(|index| ids[*index].clone()).collect();
            sent.push((indices, self.send(request, until).await));
        }
        let mut failures = Vec::new();
        for (indices, reply) in sent {
            let failed = match reply {
                Ok(reply) => reply.await.map_err(|_| self.cut_short()),
                Err(error) => Err(error),
            };
            let failed = failed
                .unwrap_or_else(|error| (0..indices.len()).map(|number| (number, error.clone())).collect());
            failures.extend(failed.into_iter().map(|(number, error)| {
                let index = indices[number];
                Failure::new(index, ids[index].as_str(), error)
            }));
        }
        failures
    }

    async fn send(
        &self,
        ids: Vec<Id>,
        until: Instant,
    ) -> Result<oneshot::Receiver<Vec<(usize, Error)>>, Error> {
        let (reply, answer) = oneshot::channel();
        let sent = timeout_at(until, self.requests.send(HeartbeatRequest { ids, until, reply })).await;
        let full = |_| {
            Error::new(
                ErrorKind::Unavailable,
                "too many heartbeats are waiting to be sent, as the store of presence is too slow",
            )
        };
        sent.map_err(full)?.map_err(|_| closed())?;
        Ok(answer)
    }

    /// The error of a heartbeat that was taken and not answered.
    fn cut_short(&self) -> Error {
        if self.requests.is_closed() {
            return closed();
        }
        Error::new(ErrorKind::Unavailable, "a failure of the throttle cut the heartbeat short; try again")
    }
}

impl BatchTask {
    /// Works until it is stopped, and then sends what waits by that time.
    ///
    /// It can be started again after a panic.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut requests = self.requests.lock().await;
        // If the inner backend panics, the batch and `left` are dropped, and by that their callers
        // get an error.
        let mut left = None;
        while let Some(first) = next(&mut requests, &mut left, &stop).await {
            let mut batch = HeartbeatBatch::new(self.batches.fetch_add(1, Ordering::Relaxed));
            batch.add(first, &self.known);
            self.fill(&mut batch, &mut requests, &mut left, &stop).await;
            // The time is taken before the call, as the deadline of the inner backend begins no
            // earlier.
            let sent = self.known.now();
            let result = if batch.ids().is_empty() { Ok(()) } else { self.inner.online(batch.ids()).await };
            batch.finish(result, sent, &self.known);
        }
    }

    /// Adds what waits, and what comes within the window; what does not fit is `left`.
    async fn fill(
        &self,
        batch: &mut HeartbeatBatch,
        requests: &mut mpsc::Receiver<HeartbeatRequest>,
        left: &mut Option<HeartbeatRequest>,
        stop: &CancellationToken,
    ) {
        let until = Instant::now() + self.window;
        while batch.ids().len() < self.batch_max {
            let request = match requests.try_recv() {
                Ok(request) => request,
                Err(_) if self.window.is_zero() => return,
                Err(_) => {
                    let next = stop.run_until_cancelled(timeout_at(until, requests.recv())).await;
                    let Some(Ok(Some(request))) = next else { return };
                    request
                }
            };
            if batch.ids().len() + request.ids.len() > self.batch_max {
                *left = Some(request);
                return;
            }
            batch.add(request, &self.known);
        }
    }
}

async fn next(
    requests: &mut mpsc::Receiver<HeartbeatRequest>,
    left: &mut Option<HeartbeatRequest>,
    stop: &CancellationToken,
) -> Option<HeartbeatRequest> {
    if let Some(request) = left.take() {
        return Some(request);
    }
    if let Some(request) = stop.run_until_cancelled(requests.recv()).await {
        return request;
    }
    // From here on nothing can be queued, and what was queued before is still sent.
    requests.close();
    requests.recv().await
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "presence was shut down")
}
