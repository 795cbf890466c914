//! What keeps presence: the trait that a store implements.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::batch::BatchError;
use crate::error::Error;
use crate::event::{Since, Status};
use crate::events::Events;
use crate::name::{Device, Id};
use crate::page::{Cursor, IdPage};
use crate::state::State;

/// A store of presence, shared by every [`Presence`](crate::Presence) handle on it.
///
/// The words are those of the [crate documentation](crate). Feature `contract` checks an
/// implementation against all that follows.
///
/// # What an id is
///
/// An id has any number of *devices*, each either *beating* (it has a deadline, its last heartbeat
/// plus the TTL) or *held* (it has none, and lives as long as the process that holds it).
/// [`online`](Self::online) beats the one device without a name. A device that passes its deadline,
/// or is ended, keeps its id online for the grace time. The id goes offline when nothing keeps it
/// online any more, or at once when it is told to.
///
/// # What must be atomic
///
/// Each transition of an id, together with its event, against every other call about that id, from
/// any handle on any node. The calls of a batch need not be atomic together: ids are independent.
/// So:
///
/// - however many calls, devices, nodes or duplicates in one call bring an id online, there is one
///   event;
/// - per id, events alternate between online and offline, and have the order of the transitions;
/// - a heartbeat of an id that is online gives no event, nor does a return within the grace time;
/// - whoever gets the event of a transition finds its effect in [`status`](Self::status), unless a
///   later transition undid it.
///
/// # What holds in time
///
/// - An explicit [`offline`](Self::offline) is an event before the call returns.
/// - A silent id stays online until its offline event. That comes no earlier than its last deadline
///   plus the grace time, and no later than the backend's stated bound after it. A heartbeat in
///   between keeps the id online.
/// - A call answers, or fails with [`Unavailable`](crate::ErrorKind::Unavailable), within a
///   configured time.
///
/// # What may be lost
///
/// A call that failed with `Unavailable` may have taken effect. A dropped future may have, too:
/// calls are not undone. Events are kept for a stated retention only, and a stream that falls
/// behind it gives [`Lagged`](crate::ErrorKind::Lagged). What a failed read could not find out is
/// an error, never `Offline`. The devices of a process that died are lost when the backend finds
/// out, within its stated bound.
///
/// # Batches
///
/// A batch never stops at its first bad id. The good ones take effect and the [`BatchError`] lists
/// the others by their place; reads return as many items as there were ids, in their order, with
/// [`Status::Unknown`] or `None` for those that failed.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Gives each id a heartbeat, which keeps it online for the TTL.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that got none.
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError>;

    /// Ends every device of each id, now and without grace.
    ///
    /// An unknown id is not an error.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that may still be online.
    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError>;

    /// Gives a device a heartbeat, which keeps it for the TTL.
    ///
    /// A held device stays held.
    ///
    /// # Errors
    ///
    /// If it got none.
    async fn beat_device(&self, id: &Id, device: &Device) -> Result<(), Error>;

    /// Holds a device until it is ended or this process is gone.
    ///
    /// It needs no heartbeats. It is this process's own, as a connection is: give it a name that is
    /// used nowhere else. Of one that several processes hold each ends its own.
    ///
    /// # Errors
    ///
    /// If it is not held.
    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error>;

    /// Ends a device; the last one leaves its id online for the grace time.
    ///
    /// An unknown device is not an error.
    ///
    /// # Errors
    ///
    /// If it may not have ended.
    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error>;

    /// Returns the status of each id, in input order; an id never heard of is offline.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that could not be read and [`Status::Unknown`] in their
    /// places.
    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>>;

    /// Returns when each id last gave a sign of life, in input order.
    ///
    /// For an id that is online that is any time between its last heartbeat and now. For one that
    /// is offline it is its last heartbeat, or the end of its last device, whichever was later;
    /// `None` if the backend does not know it, or not any more: how many it remembers is stated by
    /// the backend.
    ///
    /// # Errors
    ///
    /// A [`BatchError`] with the ids that could not be read and `None` in their places.
    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>>;

    /// Returns at most `limit` ids that are online, from `cursor` on.
    ///
    /// Following [`IdPage::next`] lists each id that is online all the while at least once. `limit`
    /// is at least 1, and a backend may return fewer, even none, before the end.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a cursor that this backend did not
    /// make.
    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error>;

    /// Returns how many ids are online.
    ///
    /// # Errors
    ///
    /// If the store cannot say.
    async fn count(&self) -> Result<u64, Error>;

    /// Opens a stream of [`Update`](crate::Update)s.
    ///
    /// It misses nothing that happens once this call has returned. The sequence of items is laid
    /// down at [`Update`](crate::Update). A position outside the retention, or of another epoch,
    /// gives `Lagged` as the first item. After `Lagged` the stream goes on with the oldest event
    /// there is. It outlives a loss of the store: it gives `Unavailable` once and goes on after the
    /// last position it gave. The stream may be polled, dropped and kept in any order with the
    /// backend.
    ///
    /// # Errors
    ///
    /// If the stream cannot begin.
    async fn events(&self, since: Since) -> Result<Events, Error>;

    /// Returns how the store is, now and from here on.
    ///
    /// It follows writes, which the backend tries by itself while nobody calls: a store that
    /// answers reads and refuses writes is [`ReadOnly`](State::ReadOnly) within a stated time. It
    /// is [`Down`](State::Down) once the backend is shut down.
    fn state(&self) -> watch::Receiver<State>;

    /// Returns what about the store will do harm although it works now.
    ///
    /// Each warning is one sentence that names the remedy. There is none if all is well. It asks
    /// the store, as a program does that checks its settings before it starts. Nothing by default.
    ///
    /// # Errors
    ///
    /// If the store cannot say. A part of it that cannot hides no warning about the others.
    async fn warnings(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Ends every stream after what has happened so far, and every task of the backend.
    ///
    /// Calls fail with [`Closed`](crate::ErrorKind::Closed) from here on; what was accepted before
    /// is finished. Returns whether all of it ended within `grace`. What did not goes on to end by
    /// itself, also if the call is dropped, and a second call waits for the same end. It makes no
    /// event itself; what this process keeps online is left as if the process had died. Dropping
    /// the backend ends the same without waiting.
    async fn shutdown(&self, grace: Duration) -> bool;
}

/// Asks the backend that it shares.
#[async_trait]
impl<B: Backend + ?Sized> Backend for Arc<B> {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        (**self).online(ids).await
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        (**self).offline(ids).await
    }

    async fn beat_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        (**self).beat_device(id, device).await
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        (**self).hold_device(id, device).await
    }

    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        (**self).end_device(id, device).await
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        (**self).status(ids).await
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        (**self).last_seen(ids).await
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        (**self).online_ids(cursor, limit).await
    }

    async fn count(&self) -> Result<u64, Error> {
        (**self).count().await
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        (**self).events(since).await
    }

    fn state(&self) -> watch::Receiver<State> {
        (**self).state()
    }

    async fn warnings(&self) -> Result<Vec<String>, Error> {
        (**self).warnings().await
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        (**self).shutdown(grace).await
    }
}

/// When an id last gave a sign of life, if that is known.
pub type LastSeen = Option<std::time::SystemTime>;
