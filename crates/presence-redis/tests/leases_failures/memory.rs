//! Redis has no memory left.

use presence_core::{ErrorKind, Status};
use test_support::Redis;
use tokio::time::Instant;

use super::follower::Follower;
use super::{PATIENCE, config, process, tell};

#[tokio::test(flavor = "multi_thread")]
async fn redis_without_memory_refuses_whole_and_loses_nothing() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let presence = process(&config(redis.url())).await;
    presence.online(["a", "b"]).await.unwrap();
    let mut follower = Follower::start(&presence).await;
    tell(&redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = presence.online(["c"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let cause = error.iter().next().unwrap().error().to_string();
    assert!(cause.contains("memory"), "{cause}");
    assert!(presence.offline(["a"]).await.is_err());
    assert_eq!(presence.status(["b", "c"]).await.unwrap(), [Status::Online, Status::Offline]);
    tell(&redis, &["CONFIG", "SET", "maxmemory", "0"]).await;
    follower.until(&["b", "c"]).await;
    let until = Instant::now() + PATIENCE;
    while presence.online(["d"]).await.is_err() {
        assert!(Instant::now() < until, "it does not come back");
    }
    follower.until(&["b", "c", "d"]).await;
    assert_eq!(follower.lags, 0, "nothing was lost");
}
