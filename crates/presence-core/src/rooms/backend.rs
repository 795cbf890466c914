//! What keeps rooms: the trait that a store implements.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::event::RoomUpdate;
use super::member::MemberPage;
use super::payload::Payload;
use crate::error::Error;
use crate::event::Since;
use crate::events::Events;
use crate::name::{Device, Id, Room};
use crate::page::Cursor;
use crate::state::State;

/// A store of rooms, shared by every [`Rooms`](super::Rooms) handle on it.
///
/// The rules are those of [`Backend`](crate::Backend) with a member of a room in the place of an
/// id: devices, deadlines and the grace time, what is atomic, what holds in time, what may be lost.
/// Feature `contract` checks an implementation against them. What is different:
///
/// - A member has a *payload*, one for all its devices; the last writer wins. A change of it is an
///   event, and is ordered with the joins and leaves of the room. Setting it to what it is already
///   gives no event.
/// - Events of one room have one order, and a position in it has one mark. Rooms are independent of
///   each other, and of who is online.
/// - A room is there while it has a member. What was heard of it may be forgotten when the last one
///   left and no stream follows it: a position from before gives
///   [`Lagged`](crate::ErrorKind::Lagged) then.
#[async_trait]
pub trait RoomBackend: fmt::Debug + Send + Sync + 'static {
    /// Holds a device of a member, and sets the payload.
    ///
    /// The device is held until it leaves or this process is gone. It is this process's own, as in
    /// [`Backend::hold_device`](crate::Backend::hold_device).
    ///
    /// # Errors
    ///
    /// If it is not held.
    async fn join(&self, room: &Room, id: &Id, device: &Device, payload: &Payload) -> Result<(), Error>;

    /// Gives a device of a member a heartbeat, and sets the payload.
    ///
    /// The heartbeat keeps the device for the TTL. A held device stays held.
    ///
    /// # Errors
    ///
    /// If it got none.
    async fn join_beating(
        &self,
        room: &Room,
        id: &Id,
        device: &Device,
        payload: &Payload,
    ) -> Result<(), Error>;

    /// Gives a device a heartbeat, if this node keeps a device of the member.
    ///
    /// Returns whether it does.
    ///
    /// # Errors
    ///
    /// If it got none.
    async fn beat(&self, room: &Room, id: &Id, device: &Device) -> Result<bool, Error>;

    /// Ends a device; the last one leaves its id a member for the grace time.
    ///
    /// An unknown device is not an error.
    ///
    /// # Errors
    ///
    /// If it may not have ended.
    async fn leave(&self, room: &Room, id: &Id, device: &Device) -> Result<(), Error>;

    /// Sets the payload of a member, and says whether it is one.
    ///
    /// # Errors
    ///
    /// If it may not have been set.
    async fn update(&self, room: &Room, id: &Id, payload: &Payload) -> Result<bool, Error>;

    /// Ends every device of a member, now and without grace.
    ///
    /// An unknown member is not an error.
    ///
    /// # Errors
    ///
    /// If it may still be a member.
    async fn remove(&self, room: &Room, id: &Id) -> Result<(), Error>;

    /// Returns at most `limit` members, from `cursor` on.
    ///
    /// They have at most [`MemberPage::BYTES_MAX`] bytes, whatever `limit` is. Following
    /// [`MemberPage::next`] lists each one that is a member all the while at least once. `limit` is
    /// at least 1, and a backend may return fewer, even none, before the end.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a cursor that this backend did not
    /// make.
    async fn members(&self, room: &Room, cursor: Cursor, limit: usize) -> Result<MemberPage, Error>;

    /// Returns how many members a room has, at a cost that does not depend on it.
    ///
    /// # Errors
    ///
    /// If the store cannot say.
    async fn count(&self, room: &Room) -> Result<u64, Error>;

    /// Opens a stream of a room, which may be empty.
    ///
    /// It misses nothing that happens once this call has returned.
    ///
    /// # Errors
    ///
    /// If the stream cannot begin.
    async fn events(&self, room: &Room, since: Since) -> Result<Events<RoomUpdate>, Error>;

    /// Returns how the store is, as [`Backend::state`](crate::Backend::state).
    ///
    /// A store that implements both traits has one state.
    fn state(&self) -> watch::Receiver<State>;

    /// Ends every stream after what has happened so far, and every task of the backend.
    ///
    /// As [`Backend::shutdown`](crate::Backend::shutdown); of a store that implements both, either
    /// ends both.
    async fn shutdown(&self, grace: Duration) -> bool;
}

/// Asks the backend that it shares.
#[async_trait]
impl<B: RoomBackend + ?Sized> RoomBackend for Arc<B> {
    async fn join(&self, room: &Room, id: &Id, device: &Device, payload: &Payload) -> Result<(), Error> {
        (**self).join(room, id, device, payload).await
    }

    async fn join_beating(
        &self,
        room: &Room,
        id: &Id,
        device: &Device,
        payload: &Payload,
    ) -> Result<(), Error> {
        (**self).join_beating(room, id, device, payload).await
    }

    async fn beat(&self, room: &Room, id: &Id, device: &Device) -> Result<bool, Error> {
        (**self).beat(room, id, device).await
    }

    async fn leave(&self, room: &Room, id: &Id, device: &Device) -> Result<(), Error> {
        (**self).leave(room, id, device).await
    }

    async fn update(&self, room: &Room, id: &Id, payload: &Payload) -> Result<bool, Error> {
        (**self).update(room, id, payload).await
    }

    async fn remove(&self, room: &Room, id: &Id) -> Result<(), Error> {
        (**self).remove(room, id).await
    }

    async fn members(&self, room: &Room, cursor: Cursor, limit: usize) -> Result<MemberPage, Error> {
        (**self).members(room, cursor, limit).await
    }

    async fn count(&self, room: &Room) -> Result<u64, Error> {
        (**self).count(room).await
    }

    async fn events(&self, room: &Room, since: Since) -> Result<Events<RoomUpdate>, Error> {
        (**self).events(room, since).await
    }

    fn state(&self) -> watch::Receiver<State> {
        (**self).state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        (**self).shutdown(grace).await
    }
}
