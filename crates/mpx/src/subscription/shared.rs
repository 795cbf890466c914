//! What all subscriptions have in common.

use std::sync::Arc;

use bytes::Bytes;

use crate::engine::Shared;
use crate::error::{Error, ErrorKind};
use crate::protocol::{NameKind, TEXT_MAX};
use crate::registry::NameStatus;
use crate::sink::{Promises, Receiver, Sink};

/// A subscription, as all its handles share it. It ends with the last of them.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(super) shared: Arc<Shared>,
    pub(super) sink: Arc<Sink>,
}

impl Subscription {
    pub(super) fn open(shared: &Arc<Shared>, receiver: Receiver) -> Result<Self, Error> {
        Ok(Self { sink: shared.open(receiver)?, shared: Arc::clone(shared) })
    }

    /// Adds all of these names, or none if one of them cannot be used.
    pub(super) fn add<N>(&self, kind: NameKind, names: N) -> Result<(), Error>
    where
        N: AsRef<[Bytes]> + IntoIterator<Item = Bytes>,
    {
        names.as_ref().iter().try_for_each(|name| check(name))?;
        let mut registry = self.shared.registry.lock();
        if !registry.is_open(&self.sink) {
            return Err(closed());
        }
        let name_max = registry.name_max();
        if names.as_ref().iter().any(|name| name.len() > name_max) {
            let message = "the name is longer than this redis accepts; see its `proto-max-bulk-len`";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        names.into_iter().for_each(|name| registry.add(&self.sink, kind, name));
        Ok(())
    }

    /// Removes names, and says how many of them there were.
    pub(super) fn remove(&self, kind: NameKind, names: &[Bytes]) -> usize {
        let mut registry = self.shared.registry.lock();
        let removed = names.iter().filter(|name| registry.remove(&self.sink, kind, name)).count();
        drop(registry);
        // Calls that wait for the activation of these names must end.
        self.sink.changed.notify_waiters();
        removed
    }

    pub(super) fn contains(&self, kind: NameKind, name: &Bytes) -> bool {
        self.name_status(kind, name) != NameStatus::Absent
    }

    pub(super) fn clear(&self) {
        self.shared.registry.lock().clear(&self.sink);
        self.sink.changed.notify_waiters();
    }

    pub(super) fn names(&self) -> Vec<Bytes> {
        self.shared.registry.lock().names(&self.sink).cloned().collect()
    }

    pub(super) fn close(&self) {
        if self.shared.registry.lock().close(&self.sink) {
            self.sink.close();
        }
    }

    pub(super) fn name_status(&self, kind: NameKind, name: &Bytes) -> NameStatus {
        self.shared.registry.lock().name_status(&self.sink, kind, name)
    }

    /// Waits until a name is active for this subscription.
    pub(super) async fn activated(&self, kind: NameKind, name: &Bytes) -> Result<(), Error> {
        loop {
            let mut changed = std::pin::pin!(self.sink.changed.notified());
            // The order matters: it listens first and looks then, so that a change between the two
            // is not missed.
            changed.as_mut().enable();
            match self.name_status(kind, name) {
                NameStatus::Active => return Ok(()),
                NameStatus::Absent => return Err(closed()),
                NameStatus::Refused => {
                    let shown = name[..name.len().min(SHOWN_MAX)].escape_ascii();
                    let server = &self.shared.server;
                    let message = format!("{server} refused to subscribe to {shown}; the log says why");
                    return Err(Error::new(ErrorKind::Refused, message));
                }
                NameStatus::Waiting => changed.await,
            }
        }
    }

    pub(super) fn promises(&self) -> &Promises {
        match &self.sink.receiver {
            Receiver::Promises(promises) => promises,
            Receiver::Queue(_) | Receiver::Handler(_) => unreachable!("only subscriptions to promises ask"),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.close();
    }
}

/// Refuses a name that no Redis takes.
pub(super) fn check(name: &[u8]) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "the name is empty"));
    }
    if name.len() > TEXT_MAX {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "the name is longer than 512 MB, which redis refuses",
        ));
    }
    Ok(())
}

/// How much of a name an error shows.
const SHOWN_MAX: usize = 100;

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the subscription was closed, or this name was not added to it")
}
