//! Rooms in the leases layout: the calls.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use presence_core::rooms::{MemberKey, MemberPage, Payload, Room, RoomBackend, RoomUpdate};
use presence_core::{Backend, Cursor, Device, Error, Events, Id, Since, State};
use tokio::sync::watch;

use super::logs::RoomLog;
use super::space::RoomSpace;
use super::tail::Tail;
use crate::leases::Leases;
use crate::leases::shared::Shared;
use crate::leases::subscription::Subscription;

impl Leases {
    /// The rooms, which cost Redis nothing until they are used.
    async fn rooms(&self) -> Result<&Arc<Shared<RoomSpace>>, Error> {
        self.shared.check_open()?;
        let start = async {
            let tail = Tail::new(self.shared.config.room_events_max);
            let shared = Arc::new(self.shared.beside::<RoomSpace>(tail));
            self.keep_space(&shared);
            shared
        };
        Ok(self.rooms.get_or_init(|| start).await)
    }
}

#[async_trait]
impl RoomBackend for Leases {
    async fn join(&self, room: &Room, id: &Id, device: &Device, payload: &Payload) -> Result<(), Error> {
        let (shared, seat) = (self.rooms().await?, MemberKey::new(room.clone(), id.clone()));
        let joined = shared
            .join_by(&seat, payload, |record| shared.tracker.hold_device_with(&seat, device, record))
            .await;
        joined.map_err(|error| shared.cause(error))
    }

    async fn join_beating(
        &self,
        room: &Room,
        id: &Id,
        device: &Device,
        payload: &Payload,
    ) -> Result<(), Error> {
        let (shared, seat) = (self.rooms().await?, MemberKey::new(room.clone(), id.clone()));
        let joined = shared
            .join_by(&seat, payload, |record| shared.tracker.beat_device_with(&seat, device, record))
            .await;
        joined.map_err(|error| shared.cause(error))
    }

    async fn beat(&self, room: &Room, id: &Id, device: &Device) -> Result<bool, Error> {
        let shared = self.rooms().await?;
        shared
            .beat_seated(&MemberKey::new(room.clone(), id.clone()), device)
            .await
            .map_err(|error| shared.cause(error))
    }

    async fn leave(&self, room: &Room, id: &Id, device: &Device) -> Result<(), Error> {
        let shared = self.rooms().await?;
        shared
            .end_device(&MemberKey::new(room.clone(), id.clone()), device)
            .await
            .map_err(|error| shared.cause(error))
    }

    async fn update(&self, room: &Room, id: &Id, payload: &Payload) -> Result<bool, Error> {
        let shared = self.rooms().await?;
        shared
            .show(&MemberKey::new(room.clone(), id.clone()), payload)
            .await
            .map_err(|error| shared.cause(error))
    }

    async fn remove(&self, room: &Room, id: &Id) -> Result<(), Error> {
        let shared = self.rooms().await?;
        let failed = shared.expel(&[MemberKey::new(room.clone(), id.clone())]).await;
        failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(shared.cause(error)))
    }

    async fn members(&self, room: &Room, cursor: Cursor, limit: usize) -> Result<MemberPage, Error> {
        let shared = self.rooms().await?;
        shared.page(room, cursor, limit).await.map_err(|error| shared.cause(error))
    }

    async fn count(&self, room: &Room) -> Result<u64, Error> {
        let shared = self.rooms().await?;
        let looked = shared.look_at(room).await;
        looked.map(|(_, looked)| looked.online).map_err(|error| shared.cause(error))
    }

    async fn events(&self, room: &Room, since: Since) -> Result<Events<RoomUpdate>, Error> {
        let shared = self.rooms().await?;
        self.following_rooms.get_or_init(|| async { self.keep_followers(shared) }).await;
        let open = async {
            let (log, looked) = RoomLog::follow(Arc::clone(shared), room.clone()).await?;
            Subscription::open(log, vec![looked], since).await
        };
        Ok(Events::new(open.await.map_err(|error| shared.cause(error))?))
    }

    fn state(&self) -> watch::Receiver<State> {
        Backend::state(self)
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        Backend::shutdown(self, grace).await
    }
}
