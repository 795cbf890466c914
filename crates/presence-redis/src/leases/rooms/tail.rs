//! The latest events of the rooms that are followed here.
//!
//! The streams of these rooms read them. See the tail of ids for what is the same in both.

use std::collections::HashMap;

use parking_lot::Mutex;
use presence_core::feed::{ROOM_EVENT_BYTES, Reading};
use presence_core::rooms::Room;
use tokio::sync::watch;

use super::record::MemberChange;
use crate::leases::log_tail::LogTail;
use crate::leases::record::StreamEntry;
use crate::leases::shard::Registration;

/// The ends of the logs of the rooms that somebody follows, kept by the followers.
#[derive(Debug)]
pub(in crate::leases) struct Tail {
    ends: Mutex<HashMap<Room, RoomEnd>>,
    records_max: usize,
}

/// The end of one log.
#[derive(Debug)]
struct RoomEnd {
    tail: LogTail<MemberChange>,
    shard: usize,
    /// How many streams follow it.
    watchers: usize,
    /// Tells them that there is something new, and whether events can be read.
    news: watch::Sender<Reading>,
}

impl Tail {
    pub(super) fn new(records_max: usize) -> Self {
        Self { ends: Mutex::default(), records_max }
    }

    /// Follows a room until as many calls of `unwatch`, from number `last` on, and says whether
    /// nobody did so before.
    pub(super) fn watch(&self, room: &Room, shard: usize, registration: &Registration, last: u64) -> bool {
        let mut ends = self.ends.lock();
        let end = ends.entry(room.clone()).or_insert_with(|| {
            let bytes_max = self.records_max.saturating_mul(ROOM_EVENT_BYTES);
            let mut tail = LogTail::new(self.records_max, bytes_max);
            tail.begin(registration, last);
            RoomEnd { tail, shard, watchers: 0, news: watch::Sender::default() }
        });
        end.begin(registration);
        end.watchers += 1;
        end.watchers == 1
    }

    pub(super) fn unwatch(&self, room: &Room) {
        let mut ends = self.ends.lock();
        if let Some(end) = ends.get_mut(room) {
            end.watchers -= 1;
            // A follower may be reading this room now. What it gets finds no end here and is
            // dropped.
            if end.watchers == 0 {
                ends.remove(room);
            }
        }
    }

    /// Hears of a room that is watched.
    pub(super) fn news(&self, room: &Room) -> watch::Receiver<Reading> {
        self.ends.lock().get(room).expect(WATCHED).news.subscribe()
    }

    /// Reads of a room that is watched.
    pub(super) fn with<T>(&self, room: &Room, read: impl FnOnce(&LogTail<MemberChange>) -> T) -> T {
        read(&self.ends.lock().get(room).expect(WATCHED).tail)
    }

    /// Goes over to an epoch of a shard.
    pub(super) fn begin(&self, shard: usize, registration: &Registration) {
        for end in self.ends.lock().values_mut().filter(|end| end.shard == shard) {
            if end.begin(registration) {
                end.news.send_modify(|_| {});
            }
        }
    }

    /// Tells that the events of some shards cannot be read.
    pub(super) fn fail(&self, shards: &[usize]) {
        for end in self.ends.lock().values_mut().filter(|end| shards.contains(&end.shard)) {
            end.tail.doubt();
            end.news.send_modify(Reading::fail);
        }
    }

    /// Tells that they can be read again.
    pub(super) fn go_on(&self, shards: &[usize]) {
        for end in self.ends.lock().values_mut().filter(|end| shards.contains(&end.shard)) {
            end.news.send_modify(Reading::go_on);
        }
    }

    /// The rooms to read in a shard, and where to read on.
    pub(super) fn followed(&self, shards: &[usize]) -> Vec<(Room, usize, u64)> {
        let ends = self.ends.lock();
        let of = ends.iter().filter(|(_, end)| shards.contains(&end.shard));
        of.map(|(room, end)| (room.clone(), end.shard, end.tail.last())).collect()
    }

    pub(super) fn append(&self, room: &Room, entries: Vec<StreamEntry<MemberChange>>) {
        if let Some(end) = self.ends.lock().get_mut(room) {
            for entry in entries {
                end.tail.append(entry);
            }
            end.news.send_modify(|_| {});
        }
    }
}

impl RoomEnd {
    /// Goes over to an epoch, if it is a later one: a stream that begins to watch may know an
    /// earlier one than the followers do.
    fn begin(&mut self, registration: &Registration) -> bool {
        let is_next = self
            .tail
            .registration()
            .is_none_or(|known| known.epoch != registration.epoch && registration.start > known.start);
        if is_next {
            self.tail.begin(registration, registration.start);
        }
        is_next
    }
}

const WATCHED: &str = "the end of a room is kept while a stream watches it";
