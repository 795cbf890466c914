//! The handle that programs use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::backend::RoomBackend;
use super::counts::{self, Counts};
use super::diffs::{self, Batching, Diffs};
use super::event::RoomUpdate;
use super::member::MemberPage;
use super::payload::IntoPayload;
use crate::error::Error;
use crate::event::Since;
use crate::events::Events;
use crate::into_name::IntoName;
use crate::name::{Device, Id, Room};
use crate::page::Cursor;
use crate::state::State;

/// Who is in which room: a handle on a [`RoomBackend`], cheap to clone.
///
/// Calls take anything that can become a name or a payload: `&str`, `String`, `Id`, `&Id`.
///
/// # Shutdown
///
/// [`shutdown`](Self::shutdown) ends every stream, on every handle, and waits for the backend's
/// tasks. Dropping the last handle does the same without waiting. A stream keeps no backend alive.
#[derive(Debug, Clone)]
pub struct Rooms {
    backend: Arc<dyn RoomBackend>,
}

impl Rooms {
    /// Creates a handle on a backend, also on one that is shared in an `Arc`.
    #[must_use]
    pub fn new(backend: impl RoomBackend) -> Self {
        Self { backend: Arc::new(backend) }
    }

    /// Holds one device of a member, and sets what the member shows.
    ///
    /// The device is held until it [leaves](Self::leave). For what this process sees end, such as a
    /// connection. The first device of an id makes it a member.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a name or the payload is invalid;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the store cannot do it now;
    /// [`Closed`](crate::ErrorKind::Closed) after a [`shutdown`](Self::shutdown).
    pub async fn join(
        &self,
        room: impl IntoName<Room>,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
        payload: impl IntoPayload,
    ) -> Result<(), Error> {
        let (room, id, device) = (room.into_name()?, id.into_name()?, device.into_name()?);
        let payload = payload.into_payload()?;
        self.backend().join(&room, &id, &device, &payload).await
    }

    /// Gives one device of a member a heartbeat, and sets what it shows.
    ///
    /// The heartbeat keeps the device for the TTL.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn join_beating(
        &self,
        room: impl IntoName<Room>,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
        payload: impl IntoPayload,
    ) -> Result<(), Error> {
        let (room, id, device) = (room.into_name()?, id.into_name()?, device.into_name()?);
        let payload = payload.into_payload()?;
        self.backend().join_beating(&room, &id, &device, &payload).await
    }

    /// Gives one device a heartbeat, if this node keeps the member.
    ///
    /// Returns whether it does. If not, the heartbeat came too late or to another node than the
    /// last: [join](Self::join_beating) again, which makes no event if the id is still a member.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn beat(
        &self,
        room: impl IntoName<Room>,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
    ) -> Result<bool, Error> {
        let (room, id, device) = (room.into_name()?, id.into_name()?, device.into_name()?);
        self.backend().beat(&room, &id, &device).await
    }

    /// Ends one device; the last one leaves its id a member for the grace time.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn leave(
        &self,
        room: impl IntoName<Room>,
        id: impl IntoName<Id>,
        device: impl IntoName<Device>,
    ) -> Result<(), Error> {
        let (room, id, device) = (room.into_name()?, id.into_name()?, device.into_name()?);
        self.backend().leave(&room, &id, &device).await
    }

    /// Sets what a member shows, and says whether it is a member.
    ///
    /// The last writer wins.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn update(
        &self,
        room: impl IntoName<Room>,
        id: impl IntoName<Id>,
        payload: impl IntoPayload,
    ) -> Result<bool, Error> {
        let (room, id) = (room.into_name()?, id.into_name()?);
        let payload = payload.into_payload()?;
        self.backend().update(&room, &id, &payload).await
    }

    /// Ends every device of a member, which leaves at once, without grace.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn remove(&self, room: impl IntoName<Room>, id: impl IntoName<Id>) -> Result<(), Error> {
        let (room, id) = (room.into_name()?, id.into_name()?);
        self.backend().remove(&room, &id).await
    }

    /// Returns at most `limit` members; `Cursor::default()` starts the listing.
    ///
    /// A page has at most [`MemberPage::BYTES_MAX`] bytes, so it may be short. Following
    /// [`MemberPage::next`] lists everybody who is a member all the while, at least once. For a
    /// listing that is exact and stays so, take [`events`](Self::events) from [`Since::Snapshot`].
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) also for a cursor of another backend;
    /// otherwise as [`join`](Self::join).
    pub async fn members(
        &self,
        room: impl IntoName<Room>,
        cursor: Cursor,
        limit: usize,
    ) -> Result<MemberPage, Error> {
        self.backend().members(&room.into_name()?, cursor, limit.max(1)).await
    }

    /// Returns how many members a room has.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub async fn count(&self, room: impl IntoName<Room>) -> Result<u64, Error> {
        self.backend().count(&room.into_name()?).await
    }

    /// Opens a stream of what happens in a room.
    ///
    /// It misses nothing that happens once this call has returned.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join), if the stream cannot begin. A position that is too old is not such
    /// an error: the stream begins with [`Lagged`](crate::ErrorKind::Lagged).
    pub async fn events(&self, room: impl IntoName<Room>, since: Since) -> Result<Events<RoomUpdate>, Error> {
        self.backend().events(&room.into_name()?, since).await
    }

    /// Opens a stream of what changed in a room, in batches.
    ///
    /// One item tells of many joins and leaves.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events), and [`InvalidInput`](crate::ErrorKind::InvalidInput) if
    /// `batching` is out of bounds.
    pub async fn diffs(
        &self,
        room: impl IntoName<Room>,
        since: Since,
        batching: Batching,
    ) -> Result<Diffs, Error> {
        batching.validate()?;
        let snapshot = since == Since::Snapshot;
        let events = self.events(room, since).await?;
        Ok(diffs::diffs(events, snapshot, batching))
    }

    /// Opens a stream of how many members a room has.
    ///
    /// It gives the number now and whenever that has changed, at every `interval` at most. It asks
    /// for the count at each interval and follows no events, so that a room in which thousands come
    /// and go costs no more than a quiet one.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid name, or an interval that is
    /// not 1 ms to 1 hour.
    pub fn counts(&self, room: impl IntoName<Room>, interval: Duration) -> Result<Counts, Error> {
        counts::counts(&self.backend, room.into_name()?, interval)
    }

    /// Returns how the store is, now and from here on.
    ///
    /// It is what [`Presence::state`](crate::Presence::state) returns.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.backend().state()
    }

    /// Ends the backend, for all clones of this handle.
    ///
    /// New calls fail with [`Closed`](crate::ErrorKind::Closed), what was accepted is finished,
    /// streams end after what has happened so far, and no event is made. Returns whether all of it
    /// ended within `grace`; what did not goes on to end by itself.
    ///
    /// # Cancel safety
    ///
    /// The end comes even if nobody waits for it. A second call waits for the same end.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.backend().shutdown(grace).await
    }

    /// The backend itself: an `Arc` of it is one as well, which would box each answer once more.
    fn backend(&self) -> &dyn RoomBackend {
        &*self.backend
    }
}

impl From<Arc<dyn RoomBackend>> for Rooms {
    fn from(backend: Arc<dyn RoomBackend>) -> Self {
        Self { backend }
    }
}
