//! The laws of loss, of ids and of rooms: Redis killed and started again with its data and without,
//! and frozen; a process that is gone; strangers.

use std::marker::PhantomData;
use std::time::Duration;

use presence_core::contract::{self, RoomWorld, Terms, World, Worlds};
use presence_core::rooms::Rooms;
use presence_core::{Error, ErrorKind, Presence};
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, RedisOptions};

use super::{PATIENCE, config_under, process, tell};

/// How Redis is lost.
trait Loss: Send + Sync + 'static {
    const FROZEN: bool = false;
    const APPEND_ONLY: bool = false;
}

struct Emptied;
struct Kept;
struct Frozen;

impl Loss for Emptied {}

impl Loss for Kept {
    const APPEND_ONLY: bool = true;
}

impl Loss for Frozen {
    const FROZEN: bool = true;
}

/// A Redis of its own.
struct Private<L> {
    redis: Redis,
    prefix: String,
    config: Config,
    loss: PhantomData<L>,
}

impl<L: Loss> World for Private<L> {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = Duration::from_millis(10);
    const LATENESS: Duration = Leases::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(800);
    const TIMEOUT: Duration = Duration::from_secs(10);
    const TAKEOVER: Option<Duration> = Some(Duration::from_secs(2));

    async fn start(terms: Terms) -> Result<Self, Error> {
        let options = RedisOptions { append_only: L::APPEND_ONLY, ..RedisOptions::default() };
        let redis = Redis::with(&options)
            .await
            .map_err(|error| Error::with_source(ErrorKind::Unavailable, "no redis for the test", error))?;
        let prefix = test_support::unique("failures");
        let config = config_under(&prefix, redis.url()).ttl(terms.ttl).grace(terms.grace);
        Ok(Self { redis, prefix, config, loss: PhantomData })
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(process(&self.config).await)
    }

    async fn litter(&self) -> bool {
        // Neighbours whose names begin or end as ours do, and who use our layout.
        let prefix = &self.prefix;
        for neighbour in [format!("{prefix}:0"), format!("x:{prefix}")] {
            let stranger = process(&self.config.clone().prefix(neighbour)).await;
            stranger.online(["a", "stranger"]).await.unwrap();
            stranger.offline(["a"]).await.unwrap();
            stranger.shutdown(PATIENCE).await;
        }
        let base = format!("{{{prefix}:0}}");
        for words in [
            ["SET", prefix, "x"],
            ["SET", &format!("{base}:other"), "x"],
            ["PUBLISH", &format!("{base}:log"), "x"],
        ] {
            tell(&self.redis, &words).await;
        }
        true
    }

    async fn lose(&self) -> bool {
        if L::FROZEN {
            self.redis.freeze().await.unwrap();
        } else {
            self.redis.kill().unwrap();
        }
        true
    }

    async fn restore(&self) {
        if L::FROZEN { self.redis.thaw().await.unwrap() } else { self.redis.start_again().await.unwrap() }
    }

    async fn refuse_writes(&self) -> bool {
        // There is no replica.
        tell(&self.redis, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
        true
    }

    async fn accept_writes(&self) {
        tell(&self.redis, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    }
}

impl<L: Loss> RoomWorld for Private<L> {
    async fn rooms(&self) -> Result<Rooms, Error> {
        Leases::start(self.config.clone()).await.map(Rooms::new)
    }
}

/// Tests of one law each.
macro_rules! laws {
    ($($name:ident: $law:ident on $loss:ty,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if test_support::require(Redis::private().await).is_some() {
                    contract::$law(Worlds::of::<Private<$loss>>()).await;
                }
            }
        )*
    };
}

laws! {
    redis_that_was_emptied_is_told_again: lost_store_fails_calls_in_time_and_nobody_goes_offline on Emptied,
    redis_that_kept_its_data_is_told_again: lost_store_fails_calls_in_time_and_nobody_goes_offline on Kept,
    redis_that_stood_still_goes_on: lost_store_fails_calls_in_time_and_nobody_goes_offline on Frozen,
    redis_that_lost_its_rooms_is_told_again: lost_store_leaves_rooms_as_they_were on Emptied,
    redis_that_kept_its_rooms_goes_on_with_them: lost_store_leaves_rooms_as_they_were on Kept,
    frozen_redis_empties_no_room: lost_store_leaves_rooms_as_they_were on Frozen,
    state_follows_a_redis_that_was_killed: state_follows_the_loss_of_the_store on Emptied,
    state_follows_a_redis_that_stands_still: state_follows_the_loss_of_the_store on Frozen,
    redis_that_takes_no_writes_takes_nobody_offline: refused_writes_show_in_the_state_and_nobody_goes_offline on Emptied,
    stream_tells_a_killed_redis_once: stream_says_once_that_the_store_is_away on Kept,
    stream_tells_a_frozen_redis_once: stream_says_once_that_the_store_is_away on Frozen,
    room_stream_tells_a_killed_redis_once: room_stream_says_once_that_the_store_is_away on Kept,
    room_stream_tells_a_frozen_redis_once: room_stream_says_once_that_the_store_is_away on Frozen,
    devices_of_a_dead_process_are_lost_once: devices_of_a_lost_process_are_lost_in_time on Emptied,
    members_of_a_dead_process_leave_once: members_of_a_lost_process_leave_in_time on Emptied,
    strangers_are_not_heard: what_is_not_ours_is_no_event on Emptied,
}
