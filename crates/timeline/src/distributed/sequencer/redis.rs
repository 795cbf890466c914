//! Sequences from counters in Redis.
//!
//! ```text
//!  a box   compared in this round, not long ago ──────────────────► script, without a least value
//!          else ──► its end is read in the store ─────────────────► script, with that as the least value
//!
//!  answer  above what was known, in the round of the question ────► given out
//!          else, or no counter ──► its end is read, and if the answer is not above it ──► script once more
//!          none ──► the server is left alone, and the index gives out the sequence
//! ```
//!
//! So what a Redis gives out that was flushed, or took the place of another without its last
//! writes, is never at or below an entry or a floor that a majority has.
//!
//! One script moves all counters of most calls, so of two calls one is before the other in all of
//! their boxes. A call takes several in a cluster, for more than 10,000 counters, and for what is
//! doubtful. Calls of this process for inboxes are in one order all the same, as they take turns in
//! [`reserving`](crate::distributed::reserving). Those of several nodes may be in one order in a
//! history and in another in an inbox.

mod go_counters;
mod guarded_link;
mod outages;
mod script;
#[cfg(test)]
mod tests;
mod trial;
mod version;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use redis_link::{Link, LinkConfig};
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::guarded_link::GuardedLink;
use self::script::{COUNTERS_MAX, Least, Move, Moved};
pub(in crate::distributed) use self::trial::try_redis;
pub(in crate::distributed) use self::version::VERSION_MIN;
use super::known::{Known, KnownTops, Reading};
use super::{Reserved, Want, metrics};
use crate::distributed::box_id::BoxId;
use crate::distributed::config::Config;
use crate::distributed::database::Database;
use crate::distributed::moment::Moment;
use crate::distributed::tops;
use crate::distributed::trouble::Trouble;
use crate::{Result, Seq};

/// Gives out sequences by counters in Redis, which are compared with the store.
#[derive(Debug)]
pub(super) struct RedisCounter {
    database: Database,
    known: Arc<KnownTops>,
    link: GuardedLink,
    prefix: String,
    /// Whether the counters of the Go service count as well.
    go_counters: bool,
    /// Held by the call that runs its scripts, in a cluster; no longer than a script has time.
    turn: AsyncMutex<()>,
}

/// A box that Redis is asked for.
#[derive(Debug)]
struct Ask<'a> {
    want: Want<'a>,
    /// Where its sequences belong in the answer.
    place: usize,
    tag: u32,
    /// What was known when it was asked.
    known: Option<Known>,
    /// What its counter has to be at least, if its end was read for this.
    least: Option<Least>,
}

/// What Redis says of one box.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// Nothing: its server is left alone from now on.
    Away,
    /// It has no counter.
    Unknown,
    Moved(Moved),
}

impl RedisCounter {
    /// Begins to connect, if there is to be a Redis.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the address cannot be read.
    pub(super) fn start(
        config: &Config,
        database: &Database,
        known: &Arc<KnownTops>,
        trouble: &Trouble,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Option<Self>> {
        let Some(url) = &config.redis else { return Ok(None) };
        Ok(Some(Self {
            database: database.clone(),
            known: Arc::clone(known),
            link: GuardedLink::start(config, url, trouble, tasks, stop)?,
            prefix: config.redis_prefix.clone(),
            go_counters: config.go_counters,
            turn: AsyncMutex::new(()),
        }))
    }

    /// Gives out sequences in the order of `wants`, none for boxes of which Redis says nothing.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the end of a box has to be read in the
    /// store and cannot be.
    pub(super) async fn reserve(
        &self,
        wants: &[Want<'_>],
        now_ms: u64,
        reading: Reading,
    ) -> Result<Vec<Option<Reserved>>> {
        let mut given = vec![None; wants.len()];
        let Some(link) = self.link.ready().await else { return Ok(given) };
        // The order matters: the round is read before the question. A server that was connected to
        // in between has another one.
        let (round, now) = (self.link.round(&link), Moment::now());
        let asks = wants.iter().enumerate().map(|(place, want)| self.ask(place, *want));
        let asks = asks.filter(|ask| !self.link.is_away(ask.tag));
        let (mut asks, mut unread): (Vec<_>, Vec<_>) = asks.partition(|ask| {
            let is_compared = ask.known.is_some_and(|known| known.is_compared(round, now));
            is_compared && reading == Reading::IfNeeded
        });
        self.compare(&link, &mut unread).await?;
        asks.append(&mut unread);

        let answers = self.run(&link, &asks, now_ms).await;
        let is_same_round = self.link.round(&link) == round;
        let mut doubtful = Vec::new();
        for (ask, answer) in asks.into_iter().zip(answers) {
            let moved = match answer {
                Answer::Away => continue,
                Answer::Unknown => None,
                Answer::Moved(moved) => Some(moved),
            };
            let is_above = |moved: &Moved| is_same_round && moved.first > ask.top();
            match moved.filter(|moved| ask.least.is_some() || is_above(moved)) {
                Some(moved) => {
                    given[ask.place] = Some(self.give(&ask, moved));
                    self.note_comparison(&ask, round);
                }
                None => doubtful.push((ask, moved)),
            }
        }
        self.settle(&link, doubtful, now_ms, &mut given).await?;
        Ok(given)
    }

    /// Gives out what was doubtful, once the ends of the boxes are known.
    async fn settle(
        &self,
        link: &Link,
        doubtful: Vec<(Ask<'_>, Option<Moved>)>,
        now_ms: u64,
        given: &mut [Option<Reserved>],
    ) -> Result<()> {
        let round = self.link.round(link);
        let (mut asks, moved): (Vec<_>, Vec<_>) = doubtful.into_iter().unzip();
        self.compare(link, &mut asks).await?;
        let mut left = Vec::new();
        for (ask, moved) in asks.into_iter().zip(moved) {
            let is_above = |moved: &Moved| ask.least.is_some_and(|least| moved.first > least.seq);
            match moved.filter(is_above) {
                // The end was read after this was given out, and is below it. What the counter is
                // now is not known by that.
                Some(moved) => given[ask.place] = Some(self.give(&ask, moved)),
                None => left.push(ask),
            }
        }
        let answers = self.run(link, &left, now_ms).await;
        for (ask, answer) in left.iter().zip(answers) {
            if let Answer::Moved(moved) = answer {
                given[ask.place] = Some(self.give(ask, moved));
                self.note_comparison(ask, round);
            }
        }
        Ok(())
    }

    fn ask<'a>(&self, place: usize, want: Want<'a>) -> Ask<'a> {
        let (tag, known) = (script::tag(want.boxed), self.known.get(want.boxed));
        Ask { want, place, tag, known, least: None }
    }

    /// Reads the ends of boxes, which their counters have to be at least.
    async fn compare(&self, link: &Link, asks: &mut [Ask<'_>]) -> Result<()> {
        if asks.is_empty() {
            return Ok(());
        }
        let began = Moment::now();
        let boxes: Vec<&BoxId> = asks.iter().map(|ask| ask.want.boxed).collect();
        let tops = tops::read_all(&self.database, &boxes).await?;
        let counters = if self.go_counters { go_counters::read(link, &boxes).await } else { Vec::new() };
        for (place, (ask, top)) in asks.iter_mut().zip(tops).enumerate() {
            let known = self.known.learn(ask.want.boxed, Known::read(top, began));
            let counter = counters.get(place).copied().unwrap_or_default();
            ask.known = Some(known);
            ask.least = Some(Least { seq: known.top.max(counter), at_ms: known.at_ms });
        }
        Ok(())
    }

    /// Moves counters: with one call, or in a cluster with one for each hash tag, side by side.
    async fn run(&self, link: &Link, asks: &[Ask<'_>], now_ms: u64) -> Vec<Answer> {
        let turn = if link.is_cluster() { Some(self.turn.lock().await) } else { None };
        let mut groups = BTreeMap::<u32, Vec<usize>>::new();
        // A server that the call before has found silent does not cost the next one its time, too.
        let there = asks.iter().enumerate().filter(|(_, ask)| !self.link.is_away(ask.tag));
        for (index, ask) in there {
            let group = if link.is_cluster() { ask.tag } else { 0 };
            groups.entry(group).or_default().push(index);
        }
        let mut calls = Vec::with_capacity(groups.len());
        for group in groups.values() {
            for indexes in group.chunks(COUNTERS_MAX) {
                calls.push(self.run_some(link, asks, indexes, now_ms));
            }
        }
        let mut answers = vec![Answer::Away; asks.len()];
        for (indexes, moved) in join_all(calls).await {
            match moved {
                Ok(moved) => {
                    for (index, moved) in indexes.iter().zip(moved) {
                        answers[*index] = moved.map_or(Answer::Unknown, Answer::Moved);
                    }
                }
                Err(error) => self.link.failed(link, asks[indexes[0]].tag, &error),
            }
        }
        drop(turn);
        answers
    }

    async fn run_some<'i>(
        &self,
        link: &Link,
        asks: &[Ask<'_>],
        indexes: &'i [usize],
        now_ms: u64,
    ) -> (&'i [usize], Result<Vec<Option<Moved>>>) {
        let moves: Vec<_> = indexes.iter().map(|index| asks[*index].to_move(&self.prefix)).collect();
        (indexes, script::run(link, &moves, now_ms).await)
    }

    /// Takes note of what is given out.
    fn give(&self, ask: &Ask<'_>, moved: Moved) -> Reserved {
        let Want { boxed, count } = ask.want;
        let last = Seq::new(moved.first.get().saturating_add(count.saturating_sub(1)));
        self.known.raise(boxed, last.unwrap_or(Seq::MAX), moved.at_ms);
        metrics::given_by_redis(count);
        let floor_hint = ask.known.map_or(Seq::ZERO, |known| known.floor);
        Reserved { first: moved.first, at_ms: moved.at_ms, floor_hint }
    }

    /// Takes note that a counter that was moved is not below the end of its box.
    fn note_comparison(&self, ask: &Ask<'_>, round: u64) {
        if ask.least.is_some() {
            self.known.compared(ask.want.boxed, round);
        }
    }
}

/// Returns how Redis is reached.
fn link_settings(config: &Config, url: &str) -> LinkConfig {
    let settings = LinkConfig::new(url);
    match &config.redis_authorities {
        Some(authorities) => settings.authorities(authorities.as_slice()),
        None => settings,
    }
}

impl Ask<'_> {
    /// What sequences have to be above.
    fn top(&self) -> Seq {
        self.known.map_or(Seq::ZERO, |known| known.top)
    }

    fn to_move(&self, prefix: &str) -> Move {
        Move { key: script::key(prefix, self.want.boxed), count: self.want.count, least: self.least }
    }
}
