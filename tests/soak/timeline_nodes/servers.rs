//! The databases of the store.

use std::time::Duration;

use fastrand::Rng;
use test_support::unique;

use crate::disturbance::Disturbance;
use crate::fault::Fault;
use crate::mongo_servers::MongoServers;
use crate::place::Place;
use crate::redis_kind::RedisKind;
use crate::redis_servers::{RedisCopy, RedisServers};

/// The databases of one store.
pub(crate) struct Servers {
    redis: Option<RedisServers>,
    mongo: MongoServers,
    place: Place,
    /// What Redis knew a while ago.
    copy: RedisCopy,
}

impl Servers {
    pub(crate) async fn start(redis: RedisKind) -> Result<Self, Fault> {
        let redis = RedisServers::start(redis).await?;
        let mongo = MongoServers::start().await?;
        let place = Place {
            mongo: mongo.url(),
            database: unique("soak"),
            redis: redis.as_ref().map(RedisServers::url),
            from_secondaries: false,
        };
        Ok(Self { redis, mongo, place, copy: RedisCopy::new() })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn mongo(&self) -> &MongoServers {
        &self.mongo
    }

    /// Takes a copy of what Redis knows, for a later [`RedisSetBack`](Disturbance::RedisSetBack).
    ///
    /// It waits until sentinels have ended what was done to Redis before.
    pub(crate) async fn copy_redis(&mut self) -> Result<(), Fault> {
        if let Some(redis) = &self.redis {
            self.copy = redis.copy().await?;
        }
        Ok(())
    }

    /// Does what is not done to a node, and returns once it is over.
    ///
    /// It lasts for `longest` at most, and what follows from it. The answer is whether it took
    /// effect.
    pub(crate) async fn inflict(
        &self,
        disturbance: Disturbance,
        rng: &mut Rng,
        longest: Duration,
    ) -> Result<bool, Fault> {
        use Disturbance as D;
        match (disturbance, &self.redis) {
            (
                D::RedisFlushed
                | D::RedisKilled
                | D::RedisEmptied
                | D::RedisFrozen
                | D::RedisSetBack
                | D::RedisMasterFrozen
                | D::RedisFailedOver,
                Some(redis),
            ) => redis.inflict(disturbance, &self.copy, rng, longest).await,
            _ => self.mongo.inflict(disturbance, rng, longest).await,
        }
    }
}
