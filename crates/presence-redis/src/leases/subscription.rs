//! One stream of events: where it stands in each shard and what it gives next.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;
use presence_core::{Error, Event, Position, Since, Update};
use tokio::sync::watch;
use tokio::time::timeout;
use xxhash_rust::xxh3::xxh3_64;

use super::ids::{News, Record};
use super::outages::Outages;
use super::shared::Shared;
use super::snapshot::{Snapshot, Turn};

/// A reader of all logs, which takes a snapshot first if asked to.
#[derive(Debug)]
pub(super) struct Subscription {
    core: Arc<Shared>,
    news: watch::Receiver<News>,
    /// Read, and not given yet.
    ready: VecDeque<Result<Update, Error>>,
    /// The lives of the shards, and up to which number each was read in it.
    epochs: Vec<String>,
    marks: Vec<u64>,
    /// Names all the lives together.
    epoch: u64,
    snapshot: Option<Snapshot>,
    /// What was found to be lost and not told yet.
    lagged: Missed,
    outages: Outages,
}

impl Subscription {
    pub(super) async fn open(core: Arc<Shared>, since: Since) -> Result<Self, Error> {
        let news = core.tail.news();
        let outages = Outages::since(news.borrow().reading);
        let looked = core.look_at_all("a stream").await?;
        let epochs: Vec<_> = looked.iter().map(|(registration, _)| registration.epoch.clone()).collect();
        let marks: Vec<_> = looked.iter().map(|(_, looked)| looked.last).collect();
        let mut subscription = Self {
            news,
            ready: VecDeque::new(),
            epoch: combined(&epochs),
            epochs,
            marks,
            snapshot: None,
            lagged: Missed::default(),
            outages,
            core,
        };
        match since {
            Since::Snapshot => {
                subscription.snapshot = Some(Snapshot::default());
                return Ok(subscription);
            }
            Since::Position(position) => {
                let starts: Vec<_> = looked.iter().map(|(registration, _)| registration.start).collect();
                subscription.go_back(&position, &starts).await?;
            }
            _ => {}
        }
        subscription.sync();
        Ok(subscription)
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Update, Error>> + Send {
        futures_util::stream::unfold(self, |mut subscription| async move {
            let item = subscription.next().await?;
            Some((item, subscription))
        })
    }

    /// Goes to a position, or as near as there are events.
    async fn go_back(&mut self, position: &Position, starts: &[u64]) -> Result<(), Error> {
        let latest = std::mem::replace(&mut self.marks, starts.to_vec());
        let fits = position.epoch() == self.epoch
            && position.marks().len() == latest.len()
            && position.marks().iter().zip(&latest).all(|(mark, latest)| mark <= latest);
        if fits {
            self.marks = position.marks().to_vec();
        }
        let reads =
            (0..latest.len()).map(|shard| self.core.read_back(shard, self.marks[shard], latest[shard]));
        let reads: Vec<_> = reads.collect();
        let stretches = futures_util::future::try_join_all(reads).await?;
        let mut missed = 0;
        for (mark, stretch) in self.marks.iter_mut().zip(&stretches) {
            *mark += stretch.missed;
            missed += stretch.missed;
        }
        if !fits || missed > 0 {
            // Of another life's events nobody knows how many they were.
            self.ready.push_back(Err(Error::lagged(fits.then_some(missed))));
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Result<Update, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // Before the read: what is written in between makes `changed` return at once.
            let news = *self.news.borrow_and_update();
            let ended = self.core.tail.ended.is_cancelled();
            if let Some(mut snapshot) = self.snapshot.take() {
                if ended {
                    return None;
                }
                let turn = snapshot.turn(&self.core).await;
                let failure = turn.as_ref().err().cloned();
                self.snapshot = Some(snapshot);
                match turn {
                    Ok(Turn::Listed(updates)) => self.ready.extend(updates.into_iter().map(Ok)),
                    Ok(Turn::Synced { shard, epoch, mark, corrections }) => {
                        self.ready.extend(corrections.into_iter().map(Ok));
                        (self.epochs[shard], self.marks[shard]) = (epoch, mark);
                    }
                    Ok(Turn::Complete) => {
                        self.snapshot = None;
                        self.epoch = combined(&self.epochs);
                        self.sync();
                    }
                    Err(_) => {}
                }
                self.tell(news, failure.as_ref());
                if failure.is_some() {
                    self.pause().await;
                }
                continue;
            }
            let read = self.read().await;
            self.tell(news, read.as_ref().err());
            if read.is_err() && !ended {
                self.pause().await;
            }
            if !self.ready.is_empty() {
                // A long log is handed out in pages: others have a turn in between.
                tokio::task::consume_budget().await;
                continue;
            }
            if ended {
                return None;
            }
            let core = Arc::clone(&self.core);
            tokio::select! {
                () = core.tail.ended.cancelled() => {}
                // The sender lives in `core`, so this cannot fail.
                _ = self.news.changed() => {}
            }
        }
    }

    /// Says once for each outage that there is one: by those who read for all streams, or by what
    /// this one failed of.
    fn tell(&mut self, news: News, failure: Option<&Error>) {
        if self.outages.note(news.reading, failure.is_some()) {
            let error = failure.cloned().unwrap_or_else(|| self.core.error());
            self.ready.push_back(Err(error));
        }
    }

    async fn pause(&self) {
        let core = Arc::clone(&self.core);
        drop(timeout(core.patience() / 4, core.tail.ended.cancelled()).await);
    }

    /// Reads what there is in each shard.
    async fn read(&mut self) -> Result<(), Error> {
        let (mut pages, mut failure) = (Vec::with_capacity(self.marks.len()), None);
        for shard in 0..self.marks.len() {
            if self.change_epoch(shard) {
                self.lagged.add(None);
            }
            let mark = self.marks[shard];
            let here = self.core.tail.with(shard, |end| end.page(mark, PAGE));
            let page = match here {
                Ok(records) => records,
                Err(until) => {
                    // This process has no more what is asked for, or never had it.
                    let stretch = match self.core.read_back(shard, mark, until).await {
                        Ok(stretch) => stretch,
                        Err(error) => {
                            // The others go on.
                            failure = Some(error);
                            pages.push(Vec::new());
                            continue;
                        }
                    };
                    if stretch.missed > 0 {
                        self.lagged.add(Some(stretch.missed));
                    }
                    // What follows was looked at; events move the mark on their way out.
                    self.marks[shard] =
                        stretch.records.first().map_or(stretch.read, |first| first.number - 1);
                    stretch.records
                }
            };
            pages.push(page);
        }
        // Before all events: a subscriber throws away what it heard before it. Kept till here,
        // should a read have failed in between.
        self.ready.extend(std::mem::take(&mut self.lagged).error().map(Err));
        for (shard, page) in pages.into_iter().enumerate() {
            self.give(shard, page);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Goes over to the next life of a shard, if there is one.
    fn change_epoch(&mut self, shard: usize) -> bool {
        let next = self.core.tail.with(shard, |end| {
            let registration = end.registration.as_ref()?;
            let is_next = registration.epoch != self.epochs[shard] && registration.start > self.marks[shard];
            is_next.then(|| registration.clone())
        });
        let Some(registration) = next else { return false };
        self.marks[shard] = registration.start;
        self.epochs[shard] = registration.epoch;
        self.epoch = combined(&self.epochs);
        true
    }

    fn give(&mut self, shard: usize, records: Vec<Record>) {
        for record in records {
            self.marks[shard] = record.number;
            let event = Event::new(record.id, record.cause, record.at, self.position());
            self.ready.push_back(Ok(Update::Change(event)));
        }
    }

    fn sync(&mut self) {
        let position = self.position();
        self.ready.push_back(Ok(Update::Synced(position)));
    }

    fn position(&self) -> Position {
        Position::sharded(self.epoch, &self.marks).expect("one mark for each of up to 32 shards")
    }
}

/// How many events were lost in several shards.
#[derive(Debug, Default)]
struct Missed {
    any: bool,
    unknown: bool,
    number: u64,
}

impl Missed {
    fn add(&mut self, number: Option<u64>) {
        self.any = true;
        self.unknown |= number.is_none();
        self.number += number.unwrap_or(0);
    }

    fn error(&self) -> Option<Error> {
        self.any.then(|| Error::lagged((!self.unknown).then_some(self.number)))
    }
}

/// A name for all lives together, which changes with each of them.
fn combined(epochs: &[String]) -> u64 {
    xxh3_64(epochs.join(",").as_bytes())
}

/// How many events are copied out of the tail of a shard under its lock.
const PAGE: usize = 256;
