//! Who gives out the sequences of boxes.
//!
//! ```text
//!  reserve ──► Redis: one script for all boxes, or one for each hash tag of a cluster
//!                 │ compared with the store before the first use, after each new connection, and every few minutes
//!                 └─ away, silent or refusing: left alone, and asked again every 1 s to 5 s
//!          ──► the index, for the boxes that are left: the last entry + 1
//! ```
//!
//! Both may be in use at the same time, by one node or by several: the unique index of MongoDB is
//! the judge. Who loses takes a new sequence with [`Sequencer::again`]. What the index cannot see
//! is a sequence below the floor whose entry is removed already. So whoever gives one out has read
//! the floor so recently that nothing above it can have been removed meanwhile.

mod index;
#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "counters in Redis use the rest"))]
mod known;
mod metrics;
#[cfg_attr(not(feature = "redis"), path = "no_redis.rs")]
pub(super) mod redis;
#[cfg(test)]
mod tests;
mod want;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::index::IndexCounter;
use self::known::{KnownTops, Reading};
use self::redis::RedisCounter;
pub(super) use self::want::{Reserved, Want};
use super::box_id::BoxId;
use super::config::Config;
use super::database::Database;
use super::moment::Moment;
use super::trouble::Trouble;
use crate::{Result, Seq};

/// Gives out the sequences of boxes.
#[derive(Debug)]
pub(super) struct Sequencer {
    known: Arc<KnownTops>,
    redis: Option<RedisCounter>,
    index: IndexCounter,
}

impl Sequencer {
    /// Begins to connect to Redis, if there is to be one; it may be away.
    pub(super) fn start(
        config: &Config,
        database: Database,
        trouble: &Trouble,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self> {
        metrics::describe();
        let known = Arc::new(KnownTops::new());
        let redis = RedisCounter::start(config, &database, &known, trouble, tasks, stop)?;
        let index = IndexCounter::new(database, Arc::clone(&known));
        Ok(Self { known, redis, index })
    }

    /// Gives out sequences, in the order of `wants`, in which each box is at most once.
    ///
    /// `now_ms` is the clock of this node. Sequences that are never used are holes, which readers
    /// close after the grace.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the end of a box has to be read and the
    /// primary does not answer.
    ///
    /// # Cancel safety
    ///
    /// What a dropped call reserved is not used.
    pub(super) async fn reserve(&self, wants: &[Want<'_>], now_ms: u64) -> Result<Vec<Reserved>> {
        self.give(wants, now_ms, Reading::IfNeeded).await
    }

    /// Gives out other sequences of boxes in which the index refused the last ones.
    ///
    /// The counters are raised to what the store has first.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub(super) async fn again(&self, wants: &[Want<'_>], now_ms: u64) -> Result<Vec<Reserved>> {
        self.give(wants, now_ms, Reading::Always).await
    }

    /// Notes that there is an entry, which this node wrote or read at majority.
    pub(super) fn seen(&self, boxed: &BoxId, seq: Seq, at_ms: u64) {
        self.known.raise(boxed, seq, at_ms);
    }

    /// Returns the floor of a box as this node knows it, 0 if it does not.
    pub(super) fn floor(&self, boxed: &BoxId) -> Seq {
        self.known.get(boxed).map_or(Seq::ZERO, |known| known.floor)
    }

    async fn give(&self, wants: &[Want<'_>], now_ms: u64, mut reading: Reading) -> Result<Vec<Reserved>> {
        loop {
            let began = Moment::now();
            let reserved = self.try_to_give(wants, now_ms, reading).await?;
            // A process that stood still meanwhile would use what is too old by now.
            if reading.is_good_after(began.elapsed()) {
                return Ok(reserved);
            }
            reading = Reading::Always;
        }
    }

    async fn try_to_give(&self, wants: &[Want<'_>], now_ms: u64, reading: Reading) -> Result<Vec<Reserved>> {
        let given = match &self.redis {
            Some(redis) => redis.reserve(wants, now_ms, reading).await?,
            None => vec![None; wants.len()],
        };
        let left = wants.iter().zip(&given).filter(|(_, given)| given.is_none());
        let left: Vec<_> = left.map(|(want, _)| *want).collect();
        let mut indexed = self.index.reserve(&left, now_ms, reading).await?.into_iter();
        Ok(given.into_iter().filter_map(|reserved| reserved.or_else(|| indexed.next())).collect())
    }
}
