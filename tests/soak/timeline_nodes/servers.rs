//! The databases, and what is done to them.

use std::time::Duration;

use fastrand::Rng;
use test_support::{MongoSet, Redis, RedisOptions, redis_connection, unique};
use tokio::time::sleep;

use crate::disturbance::Disturbance;
use crate::fault::Fault;
use crate::place::Place;

/// The databases of one store.
pub(crate) struct Servers {
    redis: Option<Redis>,
    mongo: MongoSet,
    place: Place,
    /// What Redis knew a while ago.
    copy: Vec<(String, Vec<u8>)>,
}

impl Servers {
    pub(crate) async fn start(with_redis: bool) -> Result<Self, Fault> {
        let options = RedisOptions { append_only: true, ..RedisOptions::default() };
        let redis = if with_redis { Some(Redis::with(&options).await?) } else { None };
        let mongo = MongoSet::start().await?;
        let place = Place {
            mongo: mongo.url(),
            database: unique("soak"),
            redis: redis.as_ref().map(|redis| redis.url().to_owned()),
        };
        Ok(Self { redis, mongo, place, copy: Vec::new() })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn has_redis(&self) -> bool {
        self.redis.is_some()
    }

    /// Takes a copy of what Redis knows, for a later [`RedisSetBack`](Disturbance::RedisSetBack).
    pub(crate) async fn copy_redis(&mut self) -> Result<(), Fault> {
        let Some(redis) = &self.redis else { return Ok(()) };
        let mut connection = redis_connection(redis.url()).await?;
        self.copy.clear();
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await?;
        for key in keys {
            let dump: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await?;
            // It may have gone meanwhile.
            self.copy.extend(dump.map(|dump| (key, dump)));
        }
        Ok(())
    }

    /// Does what is not done to a node, for so long at most, and returns once it is over.
    pub(crate) async fn inflict(
        &self,
        disturbance: Disturbance,
        rng: &mut Rng,
        longest: Duration,
    ) -> Result<(), Fault> {
        use Disturbance as D;
        match disturbance {
            D::NodeKilled(_) | D::NodeFrozen(_) => {}
            D::RedisFlushed | D::RedisKilled | D::RedisEmptied | D::RedisFrozen | D::RedisSetBack => {
                if let Some(redis) = &self.redis {
                    self.inflict_redis(redis, disturbance, rng, longest).await?;
                }
            }
            D::PrimaryKilled => self.kill_primary(rng, longest).await?,
            D::PrimaryFrozen => self.freeze_primary(longest).await?,
            D::PrimaryDeposed => {
                self.mongo.step_down().await?;
            }
            D::PrimaryRolledBack => self.roll_back(rng, longest).await?,
            D::MajorityLost => self.lose_majority(rng, longest).await?,
        }
        self.mongo.primary().await?;
        Ok(())
    }

    async fn inflict_redis(
        &self,
        redis: &Redis,
        disturbance: Disturbance,
        rng: &mut Rng,
        longest: Duration,
    ) -> Result<(), Fault> {
        match disturbance {
            Disturbance::RedisFrozen => {
                redis.freeze().await?;
                pause(rng, longest).await;
                redis.thaw().await?;
            }
            Disturbance::RedisKilled => {
                redis.kill()?;
                pause(rng, longest).await;
                redis.start_again().await?;
            }
            Disturbance::RedisEmptied => {
                replace(redis, &[]).await?;
                redis.kill()?;
                pause(rng, longest).await;
                redis.start_again().await?;
            }
            Disturbance::RedisSetBack => replace(redis, &self.copy).await?,
            _ => {
                let mut connection = redis_connection(redis.url()).await?;
                redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await?;
            }
        }
        Ok(())
    }

    async fn kill_primary(&self, rng: &mut Rng, longest: Duration) -> Result<(), Fault> {
        let primary = self.mongo.member(self.mongo.primary().await?);
        primary.kill()?;
        pause(rng, longest).await;
        Ok(primary.restart().await?)
    }

    async fn freeze_primary(&self, longest: Duration) -> Result<(), Fault> {
        let primary = self.mongo.member(self.mongo.primary().await?);
        primary.freeze().await?;
        sleep(FROZEN.min(longest)).await;
        Ok(primary.thaw().await?)
    }

    /// Has the primary write what no other member gets, and go on without it.
    async fn roll_back(&self, rng: &mut Rng, longest: Duration) -> Result<(), Fault> {
        let primary = self.mongo.primary().await?;
        let others = [(primary + 1) % 3, (primary + 2) % 3].map(|number| self.mongo.member(number));
        for other in others {
            other.freeze().await?;
        }
        // It stays primary for the time of an election.
        sleep(Duration::from_millis(rng.u64(300..1_500)).min(longest)).await;
        self.mongo.member(primary).kill()?;
        for other in others {
            other.thaw().await?;
        }
        self.mongo.primary().await?;
        pause(rng, longest).await;
        Ok(self.mongo.member(primary).restart().await?)
    }

    async fn lose_majority(&self, rng: &mut Rng, longest: Duration) -> Result<(), Fault> {
        let primary = self.mongo.primary().await?;
        let others = [(primary + 1) % 3, (primary + 2) % 3].map(|number| self.mongo.member(number));
        for other in others {
            other.kill()?;
        }
        pause(rng, longest).await;
        for other in others {
            other.restart().await?;
        }
        Ok(())
    }
}

/// Puts other data in place of what Redis knows, and ends all connections in the same step, as they
/// would end with a server that is replaced.
async fn replace(redis: &Redis, data: &[(String, Vec<u8>)]) -> Result<(), Fault> {
    let mut connection = redis_connection(redis.url()).await?;
    let mut step = redis::pipe();
    step.atomic().cmd("FLUSHALL").ignore();
    for (key, dump) in data {
        step.cmd("RESTORE").arg(key).arg(0).arg(dump.as_slice()).ignore();
    }
    for kind in ["normal", "pubsub"] {
        step.cmd("CLIENT").arg("KILL").arg("TYPE").arg(kind).arg("SKIPME").arg("yes").ignore();
    }
    Ok(step.query_async::<()>(&mut connection).await?)
}

/// Waits for 0.1 to 8 s, or what is allowed.
pub(crate) async fn pause(rng: &mut Rng, longest: Duration) {
    sleep(Duration::from_millis(rng.u64(100..8_000)).min(longest)).await;
}

/// Longer than the time of an election, and than what a call may take.
const FROZEN: Duration = Duration::from_secs(10);
