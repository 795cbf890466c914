//! Streams of one room.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::hall::Record;
use crate::error::Error;
use crate::memory::core::Core;
use crate::memory::feed::{Feed, Ready};
use crate::memory::log::{Gone, Log};
use crate::name::Room;
use crate::position::Position;
use crate::rooms::{Action, Event, Member, Update};

/// Follows a room, which is kept for as long.
#[derive(Debug)]
pub(super) struct RoomFeed {
    core: Arc<Core>,
    room: Room,
    news: watch::Receiver<()>,
}

impl RoomFeed {
    pub(super) fn new(core: Arc<Core>, room: &Room) -> Self {
        let news = core.directory().watch(room);
        Self { core, room: room.clone(), news }
    }
}

impl Drop for RoomFeed {
    fn drop(&mut self) {
        self.core.directory().unwatch(&self.room);
    }
}

impl Feed for RoomFeed {
    type Record = Record;
    type Update = Update;
    /// Before which place the members are yet to be listed; at the beginning, before the end.
    type Scan = Option<usize>;

    fn news(&self) -> watch::Receiver<()> {
        self.news.clone()
    }

    fn stop(&self) -> &CancellationToken {
        &self.core.stop
    }

    fn look<T>(&self, look: impl FnOnce(&Log<Record>) -> T) -> T {
        self.core.directory().look(&self.room, |hall| look(&hall.log))
    }

    fn scan(&self, scan: &mut Option<usize>, number: u64, ready: &mut Ready<Update>) -> Option<u64> {
        if *scan == Some(0) {
            return None;
        }
        self.core.directory().look(&self.room, |hall| {
            // Of those who joined since, too: they are where the listing has been.
            match hall.log.read(number, u64::MAX, usize::MAX) {
                Ok(events) => ready.extend(events.map(|(_, record)| Ok(correction(record)))),
                Err(Gone { missed }) => ready.push_back(Err(Error::lagged(Some(missed)))),
            }
            let (members, start) = hall.before(scan.unwrap_or(usize::MAX), PART);
            ready.extend(members.map(|member| Ok(Update::Present(member))));
            *scan = Some(start);
            Some(hall.log.last())
        })
    }

    fn synced(position: Position) -> Update {
        Update::Synced(position)
    }

    fn change(record: &Record, position: Position) -> Update {
        let Record { id, action, count, at } = record;
        Update::Change(Event::new(id.clone(), action.clone(), *count, *at, position))
    }
}

/// What an event says to who takes a snapshot.
fn correction(record: &Record) -> Update {
    let id = record.id.clone();
    match &record.action {
        Action::Joined(payload) | Action::Updated(payload) => {
            Update::Present(Member::new(id, payload.clone()))
        }
        Action::Left(_) => Update::Absent(id),
    }
}

/// How many members are listed under one lock.
const PART: usize = 1024;
