//! What a stream of a room follows: the log of that room.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use presence_core::Error;
use presence_core::feed::Reading;
use presence_core::rooms::{Room, RoomUpdate};
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

use super::record::MemberChange;
use super::space::RoomSpace;
use crate::leases::log_tail::LogTail;
use crate::leases::logs::{Logs, Present};
use crate::leases::missed::Missed;
use crate::leases::record::StreamEntry;
use crate::leases::scripts::Looked;
use crate::leases::shard::Registration;
use crate::leases::shared::Shared;

/// The log of one room, which is followed as long as this is there.
#[derive(Debug)]
pub(super) struct RoomLog {
    shared: Arc<Shared<RoomSpace>>,
    room: Room,
    shard: usize,
}

impl RoomLog {
    /// Follows a room, from where it is.
    pub(super) async fn follow(
        shared: Arc<Shared<RoomSpace>>,
        room: Room,
    ) -> Result<(Self, (Registration, Looked)), Error> {
        let shard = shared.shard_of(&room);
        // The order matters: the number that the room is at is known before it is watched from
        // there on.
        let (registration, looked) = shared.look_at(&room).await?;
        let is_first = shared.tail.watch(&room, shard, &registration, looked.last);
        // Made before anything is waited for, as dropping it ends the watch.
        let log = Self { shared, room, shard };
        if is_first {
            log.shared.nudge(shard).await;
        }
        Ok((log, (registration, looked)))
    }
}

impl Drop for RoomLog {
    fn drop(&mut self) {
        self.shared.tail.unwatch(&self.room);
    }
}

impl Logs for RoomLog {
    type Space = RoomSpace;
    type What = MemberChange;

    fn shared(&self) -> &Shared<RoomSpace> {
        &self.shared
    }

    fn news(&self) -> watch::Receiver<Reading> {
        self.shared.tail.news(&self.room)
    }

    fn shards(&self) -> Range<usize> {
        self.shard..self.shard + 1
    }

    fn key(&self, _log: usize) -> Cow<'_, str> {
        Cow::Owned(self.shared.room_keys(&self.room).log(&self.room))
    }

    fn tail<T>(&self, _log: usize, read: impl FnOnce(&LogTail<MemberChange>) -> T) -> T {
        self.shared.tail.with(&self.room, read)
    }

    // The name of the room is part of the epoch, so that no position of another room fits.
    fn epoch(&self, epochs: &[String]) -> u64 {
        xxh3_64(format!("{}\n{}", epochs.join(","), self.room).as_bytes())
    }

    async fn look(&self, _log: usize) -> Result<(Registration, Looked), Error> {
        self.shared.look_at(&self.room).await
    }

    async fn scan(&self, _log: usize, cursor: u64, count: usize) -> Result<(u64, Vec<Present<Self>>), Error> {
        let (next, members) = self.shared.scan_room(&self.room, cursor, count).await?;
        let present = members.into_iter().map(|member| (member.id.clone(), RoomUpdate::Present(member)));
        Ok((next, present.collect()))
    }

    async fn missed(
        &self,
        log: usize,
        mark: u64,
        until: u64,
        first: Option<&StreamEntry<MemberChange>>,
    ) -> Result<Missed, Error> {
        match first {
            // Since the room began its numbers have no gaps: what is not there was trimmed.
            Some(first) if first.from.is_some_and(|from| mark >= from) => {
                Ok(Missed::of(first.before.min(until).saturating_sub(mark)))
            }
            Some(first) if !first.begins() => Ok(Missed::Unknown),
            // The mark is older than the room as it is now: before that it was empty, or another
            // one that was forgotten. Asked after the log was read, as it may be forgotten any
            // time.
            _ => {
                let (_, looked) = self.look(log).await?;
                Ok(if looked.forgot > mark { Missed::Unknown } else { Missed::Nothing })
            }
        }
    }
}
