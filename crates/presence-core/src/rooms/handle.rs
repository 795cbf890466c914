//! The handle that programs use.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::backend::RoomBackend;
use super::counts::{self, Counts};
use super::diffs::{self, Batching, Diffs};
use super::event::RoomUpdate;
use super::member::MemberPage;
use super::payload::{InvalidPayload, Payload};
use crate::error::Error;
use crate::event::Since;
use crate::events::Events;
use crate::name::{Device, Id, InvalidName, Room};
use crate::page::Cursor;
use crate::state::State;

/// Who is in which room: a handle on a [`RoomBackend`], cheap to clone.
///
/// Calls take anything that can become a name or a payload: `&str`, `String`, `Id`, `&Id`.
///
/// # Shutdown
///
/// [`close`](Self::close) ends every stream, on every handle, and waits for the backend's tasks.
/// Dropping the last handle does the same without waiting. A stream keeps no backend alive.
#[derive(Debug, Clone)]
pub struct Rooms {
    backend: Arc<dyn RoomBackend>,
}

impl Rooms {
    /// Creates a handle on a backend.
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
    /// If a name or the payload is invalid, or the backend fails.
    pub async fn join<R, I, D, P>(&self, room: R, id: I, device: D, payload: P) -> Result<(), Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
        I: TryInto<Id, Error: Into<InvalidName>>,
        D: TryInto<Device, Error: Into<InvalidName>>,
        P: TryInto<Payload, Error: Into<InvalidPayload>>,
    {
        let (room, id, device) = (name(room)?, name(id)?, name(device)?);
        let payload = payload.try_into().map_err(Into::into)?;
        self.backend.join(&room, &id, &device, &payload).await
    }

    /// Gives one device of a member a heartbeat, and sets what it shows.
    ///
    /// The heartbeat keeps the device for the TTL.
    ///
    /// # Errors
    ///
    /// If a name or the payload is invalid, or the backend fails.
    pub async fn join_beating<R, I, D, P>(&self, room: R, id: I, device: D, payload: P) -> Result<(), Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
        I: TryInto<Id, Error: Into<InvalidName>>,
        D: TryInto<Device, Error: Into<InvalidName>>,
        P: TryInto<Payload, Error: Into<InvalidPayload>>,
    {
        let (room, id, device) = (name(room)?, name(id)?, name(device)?);
        let payload = payload.try_into().map_err(Into::into)?;
        self.backend.join_beating(&room, &id, &device, &payload).await
    }

    /// Gives one device a heartbeat, if this node keeps the member.
    ///
    /// Returns whether it does. If not, the heartbeat came too late or to another node than the
    /// last: [join](Self::join_beating) again, which is no event if the id is still a member.
    ///
    /// # Errors
    ///
    /// If a name is invalid or the backend fails.
    pub async fn beat<R, I, D>(&self, room: R, id: I, device: D) -> Result<bool, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
        I: TryInto<Id, Error: Into<InvalidName>>,
        D: TryInto<Device, Error: Into<InvalidName>>,
    {
        let (room, id, device) = (name(room)?, name(id)?, name(device)?);
        self.backend.beat(&room, &id, &device).await
    }

    /// Ends one device; the last one leaves its id a member for the grace time.
    ///
    /// # Errors
    ///
    /// If a name is invalid or the backend fails.
    pub async fn leave<R, I, D>(&self, room: R, id: I, device: D) -> Result<(), Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
        I: TryInto<Id, Error: Into<InvalidName>>,
        D: TryInto<Device, Error: Into<InvalidName>>,
    {
        let (room, id, device) = (name(room)?, name(id)?, name(device)?);
        self.backend.leave(&room, &id, &device).await
    }

    /// Sets what a member shows, and says whether it is a member.
    ///
    /// The last writer wins.
    ///
    /// # Errors
    ///
    /// If a name or the payload is invalid, or the backend fails.
    pub async fn update<R, I, P>(&self, room: R, id: I, payload: P) -> Result<bool, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
        I: TryInto<Id, Error: Into<InvalidName>>,
        P: TryInto<Payload, Error: Into<InvalidPayload>>,
    {
        let (room, id) = (name(room)?, name(id)?);
        let payload = payload.try_into().map_err(Into::into)?;
        self.backend.update(&room, &id, &payload).await
    }

    /// Ends every device of a member, which leaves at once, without grace.
    ///
    /// # Errors
    ///
    /// If a name is invalid or the backend fails.
    pub async fn remove<R, I>(&self, room: R, id: I) -> Result<(), Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
        I: TryInto<Id, Error: Into<InvalidName>>,
    {
        let (room, id) = (name(room)?, name(id)?);
        self.backend.remove(&room, &id).await
    }

    /// Returns at most `limit` members; `Cursor::default()` starts the listing.
    ///
    /// Following [`MemberPage::next`] lists everybody who is a member all the while, at least once.
    /// For a listing that is exact and stays so, take [`events`](Self::events) from
    /// [`Since::Snapshot`].
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid name or a cursor of another
    /// backend.
    pub async fn members<R>(&self, room: R, cursor: Cursor, limit: usize) -> Result<MemberPage, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
    {
        self.backend.members(&name(room)?, cursor, limit.max(1)).await
    }

    /// Returns how many members a room has.
    ///
    /// # Errors
    ///
    /// If the name is invalid or the backend cannot say.
    pub async fn count<R>(&self, room: R) -> Result<u64, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
    {
        self.backend.count(&name(room)?).await
    }

    /// Opens a stream of what happens in a room.
    ///
    /// It misses nothing that happens once this call has returned.
    ///
    /// # Errors
    ///
    /// If the name is invalid or the stream cannot begin. A position that is too old is no such
    /// error: the stream begins with [`Lagged`](crate::ErrorKind::Lagged).
    pub async fn events<R>(&self, room: R, since: Since) -> Result<Events<RoomUpdate>, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
    {
        self.backend.events(&name(room)?, since).await
    }

    /// Opens a stream of what changed in a room, in batches.
    ///
    /// One item tells of many joins and leaves.
    ///
    /// # Errors
    ///
    /// As [`events`](Self::events), and [`InvalidInput`](crate::ErrorKind::InvalidInput) if
    /// `batching` is out of bounds.
    pub async fn diffs<R>(&self, room: R, since: Since, batching: Batching) -> Result<Diffs, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
    {
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
    pub fn counts<R>(&self, room: R, interval: Duration) -> Result<Counts, Error>
    where
        R: TryInto<Room, Error: Into<InvalidName>>,
    {
        counts::counts(&self.backend, name(room)?, interval)
    }

    /// Returns how the store is, now and from here on.
    ///
    /// It is what [`Presence::state`](crate::Presence::state) returns.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.backend.state()
    }

    /// Closes the backend for all clones of this handle.
    ///
    /// Streams end, calls fail, and no event is made.
    ///
    /// # Cancel safety
    ///
    /// The close happens even if nobody waits for its end. Closing again waits for the same end.
    pub async fn close(&self) {
        self.backend.close().await;
    }
}

impl From<Arc<dyn RoomBackend>> for Rooms {
    fn from(backend: Arc<dyn RoomBackend>) -> Self {
        Self { backend }
    }
}

fn name<T, N>(text: T) -> Result<N, InvalidName>
where
    T: TryInto<N, Error: Into<InvalidName>>,
{
    text.try_into().map_err(Into::into)
}
