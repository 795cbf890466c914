//! One stream of events: where it stands in each log and what it gives next.

use std::mem;

use futures_core::Stream;
use presence_core::feed::{Feed, Reading, Ready, Turn, stream};
use presence_core::{Error, Position, Since};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log_range::LogRange;
use super::logs::{Logs, UpdateOf};
use super::missed::Missed;
use super::record::{Happening, Record};
use super::scripts::Looked;
use super::shard::Registration;
use super::snapshot::Snapshot;

/// A reader of logs, which takes a snapshot first if asked to.
#[derive(Debug)]
pub(super) struct Subscription<L: Logs> {
    logs: L,
    /// The epochs of the shards, and up to which number each log was read in its own.
    epochs: Vec<String>,
    marks: Vec<u64>,
    /// Names all the epochs together.
    epoch: u64,
    snapshot: Option<Snapshot>,
    /// What was found to be lost and not told yet.
    missed: Missed,
}

impl<L: Logs> Subscription<L> {
    /// Makes a stream of logs that were just looked at.
    pub(super) async fn open(
        logs: L,
        looked: Vec<(Registration, Looked)>,
        since: Since,
    ) -> Result<impl Stream<Item = Result<UpdateOf<L>, Error>> + Send + 'static, Error> {
        let epochs: Vec<_> = looked.iter().map(|(registration, _)| registration.epoch.clone()).collect();
        let mut subscription = Self {
            epoch: logs.epoch(&epochs),
            epochs,
            marks: looked.iter().map(|(_, looked)| looked.last).collect(),
            snapshot: (since == Since::Snapshot).then(Snapshot::default),
            missed: Missed::Nothing,
            logs,
        };
        let mut ready = Ready::new();
        if let Since::Position(position) = since {
            let starts: Vec<_> = looked.iter().map(|(registration, _)| registration.start).collect();
            subscription.go_back(&position, &starts).await?;
            ready.extend(subscription.lagged());
        }
        if subscription.snapshot.is_none() {
            subscription.sync(&mut ready);
        }
        Ok(stream(subscription, ready))
    }

    /// Goes to a position, or as near as there are events.
    async fn go_back(&mut self, position: &Position, starts: &[u64]) -> Result<(), Error> {
        let latest = mem::replace(&mut self.marks, starts.to_vec());
        let fits = position.epoch() == self.epoch
            && position.marks().len() == latest.len()
            && position.marks().iter().zip(&latest).all(|(mark, latest)| mark <= latest);
        if fits {
            self.marks = position.marks().to_vec();
        } else {
            // The position is of another epoch or of another room, so nobody knows how many events
            // lie between.
            self.missed = Missed::Unknown;
        }
        let reads = latest
            .iter()
            .enumerate()
            .map(|(log, latest)| LogRange::read(&self.logs, log, self.marks[log], *latest));
        let reads: Vec<_> = reads.collect();
        let ranges = futures_util::future::try_join_all(reads).await?;
        for (mark, range) in self.marks.iter_mut().zip(&ranges) {
            if !fits || range.missed != Missed::Nothing {
                *mark = range.before();
            }
            self.missed.add(range.missed);
        }
        Ok(())
    }

    /// Lists some more, and goes over to the changes once all is listed.
    async fn list(&mut self, ready: &mut Ready<UpdateOf<L>>) -> Result<(), Error> {
        let Some(snapshot) = &mut self.snapshot else { return Ok(()) };
        let Some(listed) = snapshot.turn(&self.logs, ready).await? else { return Ok(()) };
        (self.epochs[listed.log], self.marks[listed.log]) = (listed.epoch, listed.mark);
        if listed.log + 1 == self.marks.len() {
            self.snapshot = None;
            self.epoch = self.logs.epoch(&self.epochs);
            self.sync(ready);
        }
        Ok(())
    }

    /// Reads what there is in each log; returns whether there may be more.
    async fn read(&mut self, ready: &mut Ready<UpdateOf<L>>) -> Result<Turn, Error> {
        let (mut pages, mut failure) = (Vec::with_capacity(self.marks.len()), None);
        let mut turn = Turn::Idle;
        for log in 0..self.marks.len() {
            self.change_epoch(log);
            let mark = self.marks[log];
            match self.page(log).await {
                Ok(page) => pages.push((log, page)),
                // A log that cannot be read does not keep the others from being read.
                Err(error) => failure = Some(error),
            }
            // What was read back ends where the end of the log begins, which is read next.
            if self.marks[log] != mark {
                turn = Turn::More;
            }
        }
        // The order matters: the loss is told before all events, as a subscriber throws away what
        // it heard before it. It is told only now, so that it is not lost if a read fails in
        // between.
        ready.extend(self.lagged());
        for (log, page) in pages {
            self.give(log, page, ready);
        }
        failure.map_or(Ok(turn), Err)
    }

    /// Goes over to the next epoch of a shard, if there is one.
    fn change_epoch(&mut self, log: usize) {
        let next = self.logs.tail(log, |tail| {
            let registration = tail.registration()?;
            let is_next = registration.epoch != self.epochs[log] && registration.start > self.marks[log];
            is_next.then(|| registration.clone())
        });
        let Some(registration) = next else { return };
        (self.epochs[log], self.marks[log]) = (registration.epoch, registration.start);
        self.epoch = self.logs.epoch(&self.epochs);
        self.missed = Missed::Unknown;
    }

    /// Reads what follows in a log.
    async fn page(&mut self, log: usize) -> Result<Vec<Record<L::What>>, Error> {
        let mark = self.marks[log];
        let until = match self.logs.tail(log, |tail| tail.page(mark, PAGE)) {
            Ok(records) => return Ok(records),
            Err(until) => until,
        };
        // This process no longer has the events after the mark, or never had them, so they are read
        // from Redis.
        let range = LogRange::read(&self.logs, log, mark, until).await?;
        self.missed.add(range.missed);
        // Everything up to here was read. The events that are given move the mark further.
        self.marks[log] = range.before();
        Ok(range.records)
    }

    fn give(&mut self, log: usize, records: Vec<Record<L::What>>, ready: &mut Ready<UpdateOf<L>>) {
        for record in records {
            self.marks[log] = record.number;
            ready.push_back(Ok(L::What::change(record, self.position())));
        }
    }

    fn lagged(&mut self) -> Option<Result<UpdateOf<L>, Error>> {
        mem::take(&mut self.missed).error().map(Err)
    }

    fn sync(&self, ready: &mut Ready<UpdateOf<L>>) {
        ready.push_back(Ok(L::What::synced(self.position())));
    }

    fn position(&self) -> Position {
        Position::sharded(self.epoch, &self.marks).expect("one mark for each of up to 32 shards")
    }
}

impl<L: Logs> Feed for Subscription<L> {
    type Update = UpdateOf<L>;

    fn news(&self) -> watch::Receiver<Reading> {
        self.logs.news()
    }

    fn ended(&self) -> &CancellationToken {
        &self.logs.shared().ended
    }

    fn is_listing(&self) -> bool {
        self.snapshot.is_some()
    }

    async fn turn(&mut self, ready: &mut Ready<UpdateOf<L>>) -> Turn {
        let read = if self.is_listing() {
            self.list(ready).await.map(|()| if self.is_listing() { Turn::More } else { Turn::Idle })
        } else {
            self.read(ready).await
        };
        match read {
            Ok(turn) => turn,
            Err(error) => Turn::Failed { error, pause: self.logs.shared().patience() / 4 },
        }
    }

    fn why(&self) -> Error {
        let shards = &self.logs.shared().shards[self.logs.shards()];
        shards.iter().find(|shard| shard.is_failing()).unwrap_or(&shards[0]).error()
    }
}

/// How many events are copied out of the end of a log under its lock.
const PAGE: usize = 256;
