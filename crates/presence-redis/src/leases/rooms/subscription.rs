//! One stream of a room: where it stands in the log and what it gives next.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;
use presence_core::rooms::{Room, RoomUpdate};
use presence_core::{Error, Position, Since};
use tokio::sync::watch;
use tokio::time::timeout;
use xxhash_rust::xxh3::xxh3_64;

use super::snapshot::Snapshot;
use super::space::RoomSpace;
use super::record::Record;
use crate::leases::outages::{Outages, Reading};
use crate::leases::scripts::Looked;
use crate::leases::shared::Shared;

/// A reader of one log, which takes a snapshot first if asked to.
#[derive(Debug)]
pub(super) struct Subscription {
    watched: Watched,
    news: watch::Receiver<Reading>,
    /// Read, and not given yet.
    ready: VecDeque<Result<RoomUpdate, Error>>,
    /// The life of the shard, and up to which number the room was read in it.
    shard_epoch: String,
    mark: u64,
    snapshot: Option<Snapshot>,
    outages: Outages,
}

/// A room that is followed as long as this is there.
#[derive(Debug)]
struct Watched {
    core: Arc<Shared<RoomSpace>>,
    room: Room,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.core.tail.unwatch(&self.room);
    }
}

impl Subscription {
    pub(super) async fn open(core: Arc<Shared<RoomSpace>>, room: Room, since: Since) -> Result<Self, Error> {
        let (registration, looked) = core.look_at(&room).await?;
        let shard = core.shard_of(&room);
        let (news, is_first) = core.tail.watch(&room, shard, &registration, looked.last);
        let watched = Watched { core, room };
        if is_first {
            watched.core.nudge(shard).await;
        }
        let outages = Outages::since(*news.borrow());
        let mut subscription = Self {
            watched,
            news,
            ready: VecDeque::new(),
            shard_epoch: registration.epoch,
            mark: looked.last,
            snapshot: None,
            outages,
        };
        match since {
            Since::Snapshot => {
                subscription.snapshot = Some(Snapshot::default());
                return Ok(subscription);
            }
            Since::Position(position) => subscription.go_back(&position, &looked).await?,
            _ => {}
        }
        subscription.sync();
        Ok(subscription)
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<RoomUpdate, Error>> + Send {
        futures_util::stream::unfold(self, |mut subscription| async move {
            let item = subscription.next().await?;
            Some((item, subscription))
        })
    }

    /// Goes to a position, or as near as there are events.
    async fn go_back(&mut self, position: &Position, looked: &Looked) -> Result<(), Error> {
        let mark = match position.marks() {
            [mark] if position.epoch() == self.epoch() && *mark <= looked.last => Some(*mark),
            _ => None,
        };
        let Watched { core, room } = &self.watched;
        let stretch = core.read_back(room, mark.unwrap_or(0), looked.last, looked.forgot).await?;
        let first = stretch.records.first().map_or(looked.last, |record| record.number - 1);
        match (mark, stretch.lost) {
            (Some(mark), None) => self.mark = mark,
            (Some(_), Some(missed)) => {
                self.mark = first;
                self.ready.push_back(Err(Error::lagged(missed)));
            }
            (None, _) => {
                // Nobody knows how many events of another room, or of this one in another life, are
                // missing.
                self.mark = first;
                self.ready.push_back(Err(Error::lagged(None)));
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Result<RoomUpdate, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // Before the read: what is written in between makes `changed` return at once.
            let reading = *self.news.borrow_and_update();
            let ended = self.watched.core.tail.ended.is_cancelled();
            if ended && self.snapshot.is_some() {
                return None;
            }
            let turn = self.turn().await;
            self.tell(reading, turn.as_ref().err());
            if turn.is_err() && !ended {
                self.pause().await;
            }
            if !self.ready.is_empty() || self.snapshot.is_some() {
                // A long log is handed out in pages: others have a turn in between.
                tokio::task::consume_budget().await;
                continue;
            }
            if ended {
                return None;
            }
            let ended = self.watched.core.tail.ended.clone();
            tokio::select! {
                () = ended.cancelled() => {}
                // The sender is kept while the room is watched, so this cannot fail.
                _ = self.news.changed() => {}
            }
        }
    }

    /// Says once for each outage that there is one: by those who read for all streams, or by what
    /// this one failed of.
    fn tell(&mut self, reading: Reading, failure: Option<&Error>) {
        if self.outages.note(reading, failure.is_some()) {
            let Watched { core, room } = &self.watched;
            let error = failure.cloned().unwrap_or_else(|| core.shards[core.shard_of(room)].error());
            self.ready.push_back(Err(error));
        }
    }

    async fn pause(&self) {
        let core = Arc::clone(&self.watched.core);
        drop(timeout(core.patience() / 4, core.tail.ended.cancelled()).await);
    }

    /// Reads some more of the snapshot, or of the log.
    async fn turn(&mut self) -> Result<(), Error> {
        let Some(snapshot) = &mut self.snapshot else { return self.read().await };
        let Watched { core, room } = &self.watched;
        if let Some((shard_epoch, mark)) = snapshot.turn(core, room, &mut self.ready).await? {
            (self.shard_epoch, self.mark, self.snapshot) = (shard_epoch, mark, None);
            self.sync();
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Error> {
        let Watched { core, room } = &self.watched;
        let next = core.tail.with(room, |end| {
            let is_next = end.registration.epoch != self.shard_epoch && end.registration.start > self.mark;
            is_next.then(|| end.registration.clone())
        });
        if let Some(registration) = next.flatten() {
            (self.shard_epoch, self.mark) = (registration.epoch, registration.start);
            self.ready.push_back(Err(Error::lagged(None)));
        }
        let mark = self.mark;
        let here = core.tail.with(room, |end| end.page(mark, PAGE)).unwrap_or_else(|| Ok(Vec::new()));
        let records = match here {
            Ok(records) => records,
            Err(until) => {
                // This process has no more what is asked for, or never had it.
                let (_, looked) = core.look_at(room).await?;
                let stretch = core.read_back(room, mark, until, looked.forgot).await?;
                self.ready.extend(stretch.lost.map(|missed| Err(Error::lagged(missed))));
                self.mark = stretch.read;
                stretch.records
            }
        };
        self.give(records);
        Ok(())
    }

    fn give(&mut self, records: Vec<Record>) {
        let epoch = self.epoch();
        for record in records {
            self.mark = self.mark.max(record.number);
            self.ready.push_back(Ok(record.into_change(epoch)));
        }
    }

    fn sync(&mut self) {
        let position = Position::new(self.epoch(), self.mark);
        self.ready.push_back(Ok(RoomUpdate::Synced(position)));
    }

    /// Names the room in the life of its shard, so that no position of another room fits.
    fn epoch(&self) -> u64 {
        xxh3_64(format!("{}\n{}", self.shard_epoch, self.watched.room).as_bytes())
    }
}

/// How many events are copied out of the tail of a room under its lock.
const PAGE: usize = 256;
