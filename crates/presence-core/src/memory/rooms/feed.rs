//! Streams of one room.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::room::RoomRecord;
use crate::error::Error;
use crate::feed::{Log, LogFeed, Reading, Ready, Scanned};
use crate::memory::shared::Shared;
use crate::name::Room;
use crate::position::Position;
use crate::rooms::{Action, Member, RoomEvent, RoomUpdate};

/// Follows a room, which is kept for as long.
#[derive(Debug)]
pub(super) struct RoomFeed {
    shared: Arc<Shared>,
    room: Room,
    news: watch::Receiver<Reading>,
}

impl RoomFeed {
    pub(super) fn new(shared: Arc<Shared>, room: &Room) -> Self {
        let news = shared.room_ledger().watch(room);
        Self { shared, room: room.clone(), news }
    }
}

impl Drop for RoomFeed {
    fn drop(&mut self) {
        self.shared.room_ledger().unwatch(&self.room);
    }
}

impl LogFeed for RoomFeed {
    type Record = RoomRecord;
    type Update = RoomUpdate;
    /// Before which place the members are yet to be listed; at the beginning, before the end.
    type Scan = Option<usize>;

    fn news(&self) -> watch::Receiver<Reading> {
        self.news.clone()
    }

    fn ended(&self) -> &CancellationToken {
        &self.shared.stop
    }

    fn look<T>(&self, look: impl FnOnce(&Log<RoomRecord>) -> T) -> T {
        self.shared.room_ledger().look(&self.room, |hall| look(&hall.log))
    }

    fn scan(&self, scan: &mut Option<usize>, number: u64, ready: &mut Ready<RoomUpdate>) -> Scanned {
        // The part before this one began with the first member.
        if *scan == Some(0) {
            return Scanned::Complete(number);
        }
        self.shared.room_ledger().look(&self.room, |hall| {
            // The events of members who joined since are given, too, as they may stand where the
            // listing has been already.
            match hall.log.read(number, u64::MAX, usize::MAX) {
                Ok(events) => ready.extend(events.map(|(_, record)| Ok(correction(record)))),
                Err(gone) => ready.push_back(Err(gone.error())),
            }
            let (members, start) = hall.before(scan.unwrap_or(usize::MAX), PART);
            ready.extend(members.map(|member| Ok(RoomUpdate::Present(member))));
            *scan = Some(start);
            Scanned::Part(hall.log.last())
        })
    }

    fn synced(position: Position) -> RoomUpdate {
        RoomUpdate::Synced(position)
    }

    fn item(&self, record: &RoomRecord, position: Position) -> Option<Result<RoomUpdate, Error>> {
        let RoomRecord { id, action, count, at } = record;
        Some(Ok(RoomUpdate::Change(RoomEvent::new(id.clone(), action.clone(), *count, *at, position))))
    }
}

/// What an event says to who takes a snapshot.
fn correction(record: &RoomRecord) -> RoomUpdate {
    let id = record.id.clone();
    match &record.action {
        Action::Joined(payload) | Action::Updated(payload) => {
            RoomUpdate::Present(Member::new(id, payload.clone()))
        }
        Action::Left(_) => RoomUpdate::Absent(id),
    }
}

/// How many members are listed under one lock.
const PART: usize = 1024;
