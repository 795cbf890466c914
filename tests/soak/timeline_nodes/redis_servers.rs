//! Redis, alone or under sentinels, and what is done to it.

use std::time::Duration;

use fastrand::Rng;
use redis::FromRedisValue;
use test_support::{Redis, RedisOptions, RedisSentinel, redis_connection};

use crate::disturbance::Disturbance;
use crate::fault::Fault;
use crate::pause::{moment, pause};
use crate::redis_kind::RedisKind;

/// What a Redis knows: each key, and its value as the server writes it down.
pub(crate) type RedisCopy = Vec<(String, Vec<u8>)>;

/// All that there is of Redis.
pub(crate) enum RedisServers {
    One(Box<Redis>),
    Watched(Box<RedisSentinel>),
}

impl RedisServers {
    pub(crate) async fn start(kind: RedisKind) -> Result<Option<Self>, Fault> {
        let options = RedisOptions { append_only: true, ..RedisOptions::default() };
        Ok(match kind {
            RedisKind::None => None,
            RedisKind::One => Some(Self::One(Box::new(Redis::with(&options).await?))),
            RedisKind::Watched => Some(Self::Watched(Box::new(RedisSentinel::with(&options).await?))),
        })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::One(redis) => redis.url().to_owned(),
            Self::Watched(servers) => servers.url(),
        }
    }

    /// Returns a copy of what the master knows.
    pub(crate) async fn copy(&self) -> Result<RedisCopy, Fault> {
        let (master, _) = self.whole().await?;
        let mut connection = redis_connection(master.url()).await?;
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await?;
        let mut copy = RedisCopy::new();
        for key in keys {
            let dump: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await?;
            // It may have gone meanwhile.
            copy.extend(dump.map(|dump| (key, dump)));
        }
        Ok(copy)
    }

    /// Does what is done to Redis, and returns once it is over.
    ///
    /// It lasts for `longest` at most, and what follows from it. The answer is whether it took
    /// effect.
    pub(crate) async fn inflict(
        &self,
        disturbance: Disturbance,
        copy: &[(String, Vec<u8>)],
        rng: &mut Rng,
        longest: Duration,
    ) -> Result<bool, Fault> {
        let (master, replica) = self.whole().await?;
        let mut took_effect = true;
        match (disturbance, self) {
            (Disturbance::RedisFlushed, _) => ask::<()>(master, &["FLUSHALL"]).await?,
            (Disturbance::RedisSetBack, _) => replace(master, copy).await?,
            (Disturbance::RedisKilled, _) => kill(master, replica, rng, longest).await?,
            (Disturbance::RedisEmptied, _) => {
                replace(master, &[]).await?;
                kill(master, replica, rng, longest).await?;
            }
            (Disturbance::RedisFrozen, _) => freeze(master, replica, rng, longest).await?,
            (Disturbance::RedisMasterFrozen, _) => freeze(master, None, rng, longest).await?,
            (Disturbance::RedisFailedOver, Self::Watched(servers)) => {
                took_effect = fail_over(servers, master, rng, longest).await?;
            }
            _ => took_effect = false,
        }
        Ok(took_effect)
    }

    /// Returns the master and its replica, once nothing is left of what was done to them before.
    async fn whole(&self) -> Result<(&Redis, Option<&Redis>), Fault> {
        match self {
            Self::One(redis) => {
                let redis: &Redis = redis;
                Ok((redis, None))
            }
            Self::Watched(servers) => {
                let master = servers.whole().await?;
                Ok((master, Some(servers.other(master))))
            }
        }
    }
}

/// Kills all, and starts them again.
///
/// Who is master stays so, whatever they were started as the first time.
async fn kill(
    master: &Redis,
    replica: Option<&Redis>,
    rng: &mut Rng,
    longest: Duration,
) -> Result<(), Fault> {
    // The replica first, so that the sentinels make nobody master.
    for redis in replica.into_iter().chain([master]) {
        redis.kill()?;
    }
    pause(rng, longest).await;
    master.start_again().await?;
    ask::<()>(master, &["REPLICAOF", "NO", "ONE"]).await?;
    if let Some(replica) = replica {
        // One that comes as a master is made a replica by the sentinels.
        replica.start_again().await?;
    }
    Ok(())
}

async fn freeze(
    master: &Redis,
    replica: Option<&Redis>,
    rng: &mut Rng,
    longest: Duration,
) -> Result<(), Fault> {
    for redis in replica.into_iter().chain([master]) {
        redis.freeze().await?;
    }
    pause(rng, longest).await;
    for redis in [master].into_iter().chain(replica) {
        redis.thaw().await?;
    }
    Ok(())
}

/// Has the replica become the master without the last writes.
///
/// What is returned is whether there were any.
async fn fail_over(
    servers: &RedisSentinel,
    master: &Redis,
    rng: &mut Rng,
    longest: Duration,
) -> Result<bool, Fault> {
    // From here on it hears of nothing; the sentinels would put that right after 3 s.
    ask::<()>(servers.other(master), &["REPLICAOF", "127.0.0.1", "1"]).await?;
    let before = written(master).await?;
    moment(rng, longest).await;
    let lost = written(master).await? > before;
    master.kill()?;
    servers.failed_over(master).await?;
    pause(rng, longest).await;
    master.start_again().await?;
    Ok(lost)
}

/// Puts other data in place of what Redis knows.
///
/// All connections end in the same step, as they would with a server that is replaced.
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

/// Returns how much a master has written for its replicas, in bytes.
async fn written(master: &Redis) -> Result<u64, Fault> {
    let info: String = ask(master, &["INFO", "replication"]).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    Ok(line.ok_or("a redis does not say how much it has written")?.trim().parse()?)
}

async fn ask<T: FromRedisValue>(redis: &Redis, words: &[&str]) -> Result<T, Fault> {
    let mut connection = redis_connection(redis.url()).await?;
    let (first, rest) = words.split_first().ok_or("a command has no words")?;
    Ok(redis::cmd(first).arg(rest).query_async(&mut connection).await?)
}
