//! The latest events of the rooms that are followed here.
//!
//! The streams of these rooms read them.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use presence_core::rooms::Room;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::record::{Record, StreamEntry};
use crate::leases::outages::Reading;
use crate::leases::shard::Registration;

/// The ends of the logs of the rooms that somebody follows, kept by the followers.
#[derive(Debug)]
pub(in crate::leases) struct Tail {
    ends: Mutex<HashMap<Room, LogTail>>,
    records_max: usize,
    /// Cancelled when there will be no more.
    pub(super) ended: CancellationToken,
}

/// The end of one log.
#[derive(Debug)]
pub(super) struct LogTail {
    pub(super) registration: Registration,
    shard: usize,
    /// There is every event after this number.
    after: u64,
    last: u64,
    records: VecDeque<Record>,
    /// How many streams follow it.
    watchers: usize,
    /// Tells them that there is something new, and whether events can be read.
    news: watch::Sender<Reading>,
    /// Whether there was such a time since the last event: the room may have become another one.
    doubted: bool,
}

impl Tail {
    pub(super) fn new(records_max: usize, ended: CancellationToken) -> Self {
        Self { ends: Mutex::default(), records_max, ended }
    }

    /// Follows a room until as many calls of `unwatch`, from number `last` on, and says whether
    /// nobody did so before.
    pub(super) fn watch(
        &self,
        room: &Room,
        shard: usize,
        registration: &Registration,
        last: u64,
    ) -> (watch::Receiver<Reading>, bool) {
        let mut ends = self.ends.lock();
        let end = ends.entry(room.clone()).or_insert_with(|| LogTail {
            registration: registration.clone(),
            shard,
            after: last,
            last,
            records: VecDeque::new(),
            watchers: 0,
            news: watch::Sender::default(),
            doubted: false,
        });
        end.begin(registration);
        end.watchers += 1;
        (end.news.subscribe(), end.watchers == 1)
    }

    pub(super) fn unwatch(&self, room: &Room) {
        let mut ends = self.ends.lock();
        if let Some(end) = ends.get_mut(room) {
            end.watchers -= 1;
            if end.watchers == 0 {
                ends.remove(room);
            }
        }
    }

    /// Goes over to a life of a shard.
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
            end.doubted = true;
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
        of.map(|(room, end)| (room.clone(), end.shard, end.last)).collect()
    }

    pub(super) fn append(&self, room: &Room, entries: Vec<StreamEntry>) {
        if let Some(end) = self.ends.lock().get_mut(room) {
            entries.into_iter().for_each(|entry| end.append(entry, self.records_max));
            end.news.send_modify(|_| {});
        }
    }

    /// Reads of a room that is watched.
    pub(super) fn with<T>(&self, room: &Room, read: impl FnOnce(&LogTail) -> T) -> Option<T> {
        self.ends.lock().get(room).map(read)
    }
}

impl LogTail {
    /// Goes over to a life, if it is a later one.
    fn begin(&mut self, registration: &Registration) -> bool {
        let is_next =
            self.registration.epoch != registration.epoch && registration.start > self.registration.start;
        if is_next {
            (self.registration, self.after, self.last) =
                (registration.clone(), registration.start, registration.start);
            self.records.clear();
        }
        is_next
    }

    fn append(&mut self, entry: StreamEntry, records_max: usize) {
        if entry.last <= self.last {
            return;
        }
        // A room that begins had no events since we read its last ones, if we read all the while.
        let whole = entry.before() <= self.last || entry.begins() && !self.doubted;
        if !whole {
            self.records.clear();
            self.after = entry.before();
        }
        self.doubted = false;
        let known = std::mem::replace(&mut self.last, entry.last);
        self.records.extend(entry.records.into_iter().filter(|record| record.number > known));
        while self.records.len() > records_max {
            if let Some(record) = self.records.pop_front() {
                self.after = record.number;
            }
        }
    }

    /// Returns the events after `mark`, at most `limit`; if they are not all here, the number that
    /// all after are.
    pub(super) fn page(&self, mark: u64, limit: usize) -> Result<Vec<Record>, u64> {
        if mark < self.after {
            return Err(self.after);
        }
        let skipped = self.records.partition_point(|record| record.number <= mark);
        Ok(self.records.iter().skip(skipped).take(limit).cloned().collect())
    }
}
