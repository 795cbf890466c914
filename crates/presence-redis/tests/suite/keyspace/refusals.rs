//! Who is held here is never offline here, whatever became of its key; and while Redis takes no
//! writes nobody goes by a key that ran out.

use std::time::Duration;

use presence_core::{Cause, ErrorKind, Presence, State, Status};
use test_support::{Redis, require};
use tokio::time::{Instant, sleep};

use super::listener::{Listener, config, run, start, stranger};

async fn refuse_writes(redis: &Redis, refuse: bool) {
    // There is no replica.
    let line = format!("CONFIG SET min-replicas-to-write {}", u8::from(refuse));
    run(&mut stranger(redis.url()).await, &line).await;
}

async fn until(presence: &Presence, id: &str, expected: Status) {
    let begun = Instant::now();
    while presence.status([id]).await.ok() != Some(vec![expected]) {
        assert!(begun.elapsed() < PATIENCE, "{id} is not {expected} at last");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn held_id_without_a_key_is_not_offline_where_it_is_held() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(60));
    let (presence, other) = (start(&config).await, start(&config).await);
    presence.hold_device("held", "tab").await.unwrap();
    // As after a failover to a replica that did not know it; nobody is told.
    for _ in 0..5 {
        run(&mut stranger(redis.url()).await, "FLUSHALL").await;
        assert_eq!(presence.status(["held", "nobody"]).await.unwrap(), [Status::Online, Status::Offline]);
        assert!(presence.last_seen(["held"]).await.unwrap()[0].is_some());
    }
    // Its key is made again at once, not after a third of the TTL.
    until(&other, "held", Status::Online).await;
    // Somebody else may still say that it is offline.
    other.offline(["held"]).await.unwrap();
    assert_eq!(presence.status(["held"]).await.unwrap(), [Status::Offline]);
}

#[tokio::test]
async fn nobody_goes_while_redis_takes_no_writes() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Nobody goes before writes are refused.
    let ttl = Duration::from_secs(5);
    let config = config(&redis).ttl(ttl);
    let (presence, other) = (start(&config).await, start(&config).await);
    presence.hold_device("held", "tab").await.unwrap();
    other.online(["beats"]).await.unwrap();
    let (mut here, mut there) = (Listener::open(&presence).await, Listener::open(&other).await);
    other.online(["beats"]).await.unwrap();
    // Their heartbeats are refused from here on.
    refuse_writes(&redis, true).await;
    for presence in [&presence, &other] {
        let mut state = presence.state();
        state.wait_for(|state| matches!(state, State::ReadOnly { .. })).await.unwrap();
    }
    let over = Instant::now() + ttl + Duration::from_secs(3);
    while Instant::now() < over {
        for presence in [&presence, &other] {
            assert_ne!(presence.status(["held"]).await.ok(), Some(vec![Status::Offline]));
            match presence.count().await {
                // As long as both have their keys.
                Ok(count) => assert_eq!(count, 2),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
            }
            match presence.online_ids(presence_core::Cursor::default(), 10).await {
                Ok(page) => assert_eq!(page.ids.len(), 2),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(presence.count().await.unwrap_err().kind(), ErrorKind::Unavailable, "their keys are gone");
    here.silent(Duration::from_millis(10)).await;
    there.silent(Duration::from_millis(10)).await;
    refuse_writes(&redis, false).await;
    until(&presence, "held", Status::Online).await;
    until(&other, "held", Status::Online).await;
    // Whoever does not come back goes then.
    for listener in [&mut here, &mut there] {
        listener.expect("beats", Cause::Expired).await;
    }
    assert_eq!(presence.count().await.unwrap(), 1);
}

const PATIENCE: Duration = Duration::from_secs(60);
