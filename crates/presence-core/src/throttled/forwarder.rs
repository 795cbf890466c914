//! Passes on heartbeats that were answered here and nobody followed up.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::refresh_entry::{Owed, RefreshId};
use super::refresh_table::RefreshTable;
use crate::backend::Backend;
use crate::event::Status;
use crate::name::Id;

/// Gives the inner backend the heartbeats that are owed to it.
#[derive(Debug)]
pub(super) struct Forwarder {
    inner: Arc<dyn Backend>,
    known: Arc<RefreshTable>,
    /// The ids whose heartbeats may be on their way.
    passing: watch::Sender<HashSet<Id>>,
    batch_max: usize,
    interval: Duration,
    /// The number of the next batch.
    batches: AtomicU64,
}

/// Tells whose heartbeats are on their way without a caller.
#[derive(Debug)]
pub(super) struct Passing(watch::Receiver<HashSet<Id>>);

impl Forwarder {
    pub(super) fn new(config: &Config, inner: Arc<dyn Backend>, known: Arc<RefreshTable>) -> (Self, Passing) {
        let (passing, watched) = watch::channel(HashSet::new());
        let interval = config.retry().min(INTERVAL_MAX);
        let batches = AtomicU64::new(FIRST_BATCH);
        (Self { inner, known, passing, batch_max: config.batch_max, interval, batches }, Passing(watched))
    }

    /// Works until it is stopped; a call that is under way by then is waited for.
    ///
    /// It can be started again after a panic.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        // A run that panicked may have left ids here; they are no longer on their way.
        self.passing.send_replace(HashSet::new());
        while stop.run_until_cancelled(sleep(self.interval)).await.is_some() {
            while !stop.is_cancelled() {
                let owed = self.known.owed(self.batch_max);
                if owed.is_empty() {
                    break;
                }
                self.pass(owed, self.batches.fetch_add(1, Ordering::Relaxed)).await;
            }
        }
    }

    async fn pass(&self, owed: Vec<Owed>, batch: u64) {
        // The order matters: the ids are noted before it asks what is still owed. An id that is
        // ended from here on is then found not to be owed, or the call that ends it waits for this
        // one.
        self.passing.send_replace(owed.iter().map(|owed| owed.id.clone()).collect());
        let unsure = if self.known.doubts() { self.unsure(&owed).await } else { HashSet::new() };
        let (mut own, mut devices) = (Vec::new(), Vec::new());
        for (index, owed) in (0..).zip(owed) {
            let token = RefreshId { batch, index };
            if unsure.contains(&owed.id) || !self.known.ask_owed(&owed, token) {
                continue;
            }
            match owed.device {
                None => own.push((owed.id, token)),
                Some(device) => devices.push((owed.id, device, token)),
            }
        }
        self.pass_own(own).await;
        let devices =
            stream::iter(devices).for_each_concurrent(DEVICES_MAX, |(id, device, token)| async move {
                let sent = self.known.now();
                let passed = self.inner.beat_device(&id, &device).await.is_ok();
                self.known.learn(&id, Some(&device), token, sent, passed);
            });
        devices.await;
        self.passing.send_replace(HashSet::new());
    }

    async fn pass_own(&self, own: Vec<(Id, RefreshId)>) {
        let (ids, tokens): (Vec<_>, Vec<_>) = own.into_iter().unzip();
        if ids.is_empty() {
            return;
        }
        let sent = self.known.now();
        let failed = self.inner.online(&ids).await.err();
        let failed: HashSet<_> = failed.iter().flatten().map(crate::Failure::index).collect();
        for (index, (id, token)) in ids.iter().zip(tokens).enumerate() {
            self.known.learn(id, None, token, sent, !failed.contains(&index));
        }
    }

    /// Returns who may not be passed on now: ended elsewhere, or nobody knows. The former are
    /// forgotten.
    async fn unsure(&self, owed: &[Owed]) -> HashSet<Id> {
        let ids: Vec<_> = owed.iter().map(|owed| owed.id.clone()).collect();
        let statuses = self.inner.status(&ids).await.unwrap_or_else(|error| error.into_parts().0);
        let mut unsure = HashSet::new();
        for (id, status) in ids.into_iter().zip(statuses) {
            if status == Status::Offline {
                self.known.forget(&id);
            }
            if status != Status::Online {
                unsure.insert(id);
            }
        }
        unsure
    }
}

impl Passing {
    /// Waits until no heartbeat of these ids is on its way, which could arrive after what the
    /// caller is about to say.
    pub(super) async fn none_of(&self, ids: &[Id]) {
        let passed = |passing: &HashSet<Id>| ids.iter().all(|id| !passing.contains(id));
        // An error means that the sender is gone, so nothing will be passed on any more.
        drop(self.0.clone().wait_for(passed).await);
    }
}

/// Owed heartbeats are looked for this often at least.
const INTERVAL_MAX: Duration = Duration::from_millis(100);
/// How many heartbeats of devices, each a call of its own, are under way at a time.
const DEVICES_MAX: usize = 64;
/// So that its tokens are no one else's.
const FIRST_BATCH: u64 = 1 << 63;
