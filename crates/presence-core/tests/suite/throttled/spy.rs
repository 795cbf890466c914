//! A backend in memory that counts its heartbeats, and can fail, freeze and panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use presence_core::memory::{Config, Memory};
use presence_core::{
    Backend, BatchError, Cursor, Device, Error, ErrorKind, Events, Failure, Id, IdPage, LastSeen, Since,
    State, Status,
};
use tokio::sync::watch;
use tokio::time::Instant;

/// What the tests hold.
#[derive(Debug, Clone)]
pub(crate) struct Spy(Arc<Inner>);

/// One heartbeat of a batch that came through.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) at: Instant,
    pub(crate) ids: Vec<String>,
}

#[derive(Debug)]
struct Inner {
    memory: Memory,
    calls: std::sync::Mutex<(Vec<Call>, usize)>,
    bad: std::sync::Mutex<Option<String>>,
    frozen: watch::Sender<bool>,
    panics: Arc<AtomicBool>,
}

impl Spy {
    /// Without a grace time.
    pub(crate) fn start(ttl: Duration, events_max: usize) -> Self {
        let config = Config::default().ttl(ttl).grace(Duration::ZERO).events_max(events_max);
        Self(Arc::new(Inner {
            memory: Memory::start(config).expect("good settings"),
            calls: std::sync::Mutex::default(),
            bad: std::sync::Mutex::default(),
            frozen: watch::Sender::new(false),
            panics: Arc::default(),
        }))
    }

    pub(crate) fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.0) as _
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().expect("no test panics with it").0.clone()
    }

    /// How many heartbeats of devices came through.
    pub(crate) fn devices(&self) -> usize {
        self.0.calls.lock().expect("no test panics with it").1
    }

    /// Lets heartbeats of an id fail, or none.
    pub(crate) fn fail(&self, id: Option<&str>) {
        *self.0.bad.lock().expect("no test panics with it") = id.map(str::to_owned);
    }

    /// Holds heartbeats up, until `thaw`.
    pub(crate) fn freeze(&self) {
        self.0.frozen.send_replace(true);
    }

    pub(crate) fn thaw(&self) {
        self.0.frozen.send_replace(false);
    }

    /// Lets the next heartbeat or event panic.
    pub(crate) fn panic(&self) {
        self.0.panics.store(true, Ordering::SeqCst);
    }
}

impl Inner {
    async fn thawed(&self) {
        self.frozen.subscribe().wait_for(|frozen| !frozen).await.expect("the sender is ours");
    }

    fn panic_if_told(panics: &AtomicBool) {
        assert!(!panics.swap(false, Ordering::SeqCst), "the test wants it");
    }

    fn is_bad(&self, id: &Id) -> bool {
        self.bad.lock().expect("no test panics with it").as_deref() == Some(id.as_str())
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "told to fail")
}

#[async_trait]
impl Backend for Inner {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        Self::panic_if_told(&self.panics);
        let call = Call { at: Instant::now(), ids: ids.iter().map(ToString::to_string).collect() };
        self.calls.lock().expect("no test panics with it").0.push(call);
        // Takes effect, and answers late.
        let good: Vec<_> = ids.iter().filter(|id| !self.is_bad(id)).cloned().collect();
        self.memory.online(&good).await?;
        self.thawed().await;
        if self.memory.count().await.is_err() {
            return Err(BatchError::all(ids, &Error::new(ErrorKind::Closed, "closed meanwhile")));
        }
        let bad = ids.iter().enumerate().filter(|(_, id)| self.is_bad(id));
        let bad: Vec<_> = bad.map(|(index, id)| Failure::new(index, id.as_str(), unavailable())).collect();
        if bad.is_empty() { Ok(()) } else { Err(BatchError::new((), bad)) }
    }

    async fn beat_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.calls.lock().expect("no test panics with it").1 += 1;
        self.thawed().await;
        if self.is_bad(id) { Err(unavailable()) } else { self.memory.beat_device(id, device).await }
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.memory.offline(ids).await
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.memory.hold_device(id, device).await
    }

    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.memory.end_device(id, device).await
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.memory.status(ids).await
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.memory.last_seen(ids).await
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        self.memory.online_ids(cursor, limit).await
    }

    async fn count(&self) -> Result<u64, Error> {
        self.memory.count().await
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        let panics = Arc::clone(&self.panics);
        let events = self.memory.events(since).await?;
        Ok(Events::new(events.inspect(move |_| Self::panic_if_told(&panics))))
    }

    fn state(&self) -> watch::Receiver<State> {
        self.memory.state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        Backend::shutdown(&self.memory, grace).await
    }
}
