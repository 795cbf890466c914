//! Hubs that are linked in memory, by wires that can be cut.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use conductor_hub::federation::{
    SisterClient, SisterConfig, SisterManager, SisterReader, SisterSocket, SisterWriter,
};
use conductor_hub::{Config, Error, ErrorKind, Hooks, Hub};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Wires between hubs, which are known by their numbers.
#[derive(Default)]
pub(crate) struct Wires(Arc<Network>);

#[derive(Default)]
struct Network {
    hubs: Mutex<Vec<Hub>>,
    /// Those that are cut off from all others.
    apart: Mutex<BTreeSet<usize>>,
}

/// The wire by which one hub dials another.
pub(crate) struct Wire {
    network: Arc<Network>,
    ends: [usize; 2],
    name: String,
}

/// One end of a wire, for one direction.
struct WireEnd<T> {
    network: Arc<Network>,
    ends: [usize; 2],
    end: T,
}

impl Wires {
    /// Starts a hub whose sisters this manager finds.
    pub(crate) fn start(&self, manager: impl SisterManager + 'static, config: SisterConfig) -> Hub {
        // Where time is not real, nobody reads in time what comes once a minute.
        let seldom = Config::default().ping_interval(Duration::from_secs(24 * 60 * 60));
        let hub = Hub::start(seldom, Hooks::default().sisters(config, manager)).expect("it is valid");
        self.0.hubs.lock().push(hub.clone());
        hub
    }

    /// Returns what dials the second of two hubs for the first.
    pub(crate) fn wire(&self, from: usize, to: usize) -> Wire {
        Wire { network: Arc::clone(&self.0), ends: [from, to], name: format!("hub {to}") }
    }

    /// Cuts all wires between these hubs and the others.
    pub(crate) fn cut(&self, hubs: impl IntoIterator<Item = usize>) {
        self.0.apart.lock().extend(hubs);
    }

    /// Mends what was cut. What was on its way then is lost.
    pub(crate) fn mend(&self) {
        self.0.apart.lock().clear();
    }
}

impl Network {
    fn is_cut(&self, ends: [usize; 2]) -> bool {
        let apart = self.apart.lock();
        apart.contains(&ends[0]) != apart.contains(&ends[1])
    }
}

impl Wire {
    fn end<T>(&self, end: T) -> WireEnd<T> {
        WireEnd { network: Arc::clone(&self.network), ends: self.ends, end }
    }
}

#[async_trait]
impl SisterClient for Wire {
    fn name(&self) -> &str {
        &self.name
    }

    async fn connect(&self) -> Result<SisterSocket, Error> {
        if self.network.is_cut(self.ends) {
            return Err(Error::new(ErrorKind::Busy, "the wire is cut"));
        }
        let hub = self.network.hubs.lock()[self.ends[1]].clone();
        let ((to_a, at_a), (to_b, at_b)) = (mpsc::channel(16), mpsc::channel(16));
        let theirs = SisterSocket::new(self.end(at_b), self.end(to_a));
        // What becomes of it is what the one that dials finds out.
        TaskTracker::new().spawn(async move { hub.accept_sister(theirs).await.ok() });
        Ok(SisterSocket::new(self.end(at_a), self.end(to_b)))
    }
}

#[async_trait]
impl SisterReader for WireEnd<mpsc::Receiver<Bytes>> {
    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let batch = self.end.recv().await;
            if !self.network.is_cut(self.ends) {
                return Ok(batch);
            }
            // Nothing comes over a wire that is cut, not even its end.
            if batch.is_none() {
                pending::<()>().await;
            }
        }
    }
}

#[async_trait]
impl SisterWriter for WireEnd<mpsc::Sender<Bytes>> {
    async fn write(&mut self, batch: Bytes) -> Result<(), Error> {
        if self.network.is_cut(self.ends) {
            return Ok(());
        }
        let sent = self.end.send(batch).await;
        sent.map_err(|_| Error::new(ErrorKind::Closed, "the other end is gone"))
    }
}
