//! Rooms in memory: the calls.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::feed::RoomFeed;
use crate::backend::Backend;
use crate::error::{Error, ErrorKind};
use crate::event::Since;
use crate::events::Events;
use crate::feed::LogReader;
use crate::memory::Memory;
use crate::name::{Device, Id, Room};
use crate::page::Cursor;
use crate::rooms::{MemberKey, MemberPage, Payload, RoomBackend, RoomUpdate};
use crate::state::State;

// Each call is a critical section or two; none waits for anything.
#[async_trait]
impl RoomBackend for Memory {
    async fn join(&self, room: &Room, id: &Id, device: &Device, payload: &Payload) -> Result<(), Error> {
        let shared = self.open()?;
        let seat = MemberKey::new(room.clone(), id.clone());
        let held = shared.members.hold_device_with(&seat, device, |room_ledger, transition| {
            room_ledger.record_with(&transition, payload);
            true
        });
        // Who arrives has shown the payload by that, in one event.
        if !held.arrived {
            shared.room_ledger().update(room, id, payload);
        }
        Ok(())
    }

    async fn join_beating(
        &self,
        room: &Room,
        id: &Id,
        device: &Device,
        payload: &Payload,
    ) -> Result<(), Error> {
        let shared = self.open()?;
        let seat = MemberKey::new(room.clone(), id.clone());
        let beat = shared.members.beat_device_with(&seat, device, |room_ledger, transition| {
            room_ledger.record_with(&transition, payload);
            true
        });
        if !beat.arrived {
            shared.room_ledger().update(room, id, payload);
        }
        Ok(())
    }

    async fn beat(&self, room: &Room, id: &Id, device: &Device) -> Result<bool, Error> {
        let seat = MemberKey::new(room.clone(), id.clone());
        Ok(self.open()?.members.beat_device_of_online(&seat, device).is_some())
    }

    async fn leave(&self, room: &Room, id: &Id, device: &Device) -> Result<(), Error> {
        self.open()?.members.end_device(&MemberKey::new(room.clone(), id.clone()), device);
        Ok(())
    }

    async fn update(&self, room: &Room, id: &Id, payload: &Payload) -> Result<bool, Error> {
        Ok(self.open()?.room_ledger().update(room, id, payload))
    }

    async fn remove(&self, room: &Room, id: &Id) -> Result<(), Error> {
        self.open()?.members.end_all(&[MemberKey::new(room.clone(), id.clone())]);
        Ok(())
    }

    async fn members(&self, room: &Room, cursor: Cursor, limit: usize) -> Result<MemberPage, Error> {
        let shared = self.open()?;
        if cursor.shard() != 0 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the cursor comes from another backend; list again from the first page",
            ));
        }
        Ok(shared.room_ledger().page(room, cursor, limit))
    }

    async fn count(&self, room: &Room) -> Result<u64, Error> {
        Ok(self.open()?.room_ledger().count(room))
    }

    async fn events(&self, room: &Room, since: Since) -> Result<Events<RoomUpdate>, Error> {
        let feed = RoomFeed::new(Arc::clone(self.open()?), room);
        Ok(Events::new(LogReader::stream(feed, since)))
    }

    fn state(&self) -> watch::Receiver<State> {
        Backend::state(self)
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        Backend::shutdown(self, grace).await
    }
}
