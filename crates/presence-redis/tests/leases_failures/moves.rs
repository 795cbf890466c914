//! A slot moves from one master to another, with a shard in it.

use std::time::Duration;

use presence_core::rooms::{Action, RoomUpdate, Rooms};
use presence_core::{Cause, Error, Since, Status};
use presence_redis::leases::Leases;
use test_support::RedisCluster;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::follower::Follower;
use super::{PATIENCE, again, config_under, process};

#[tokio::test(flavor = "multi_thread")]
async fn shard_that_moves_goes_on() {
    let Some(cluster) = test_support::require(RedisCluster::start(3).await) else { return };
    // All of it in the slot that moves.
    let prefix = test_support::unique("failures");
    let config = config_under(&prefix, &cluster.url()).shards(1);
    let (one, other) = (process(&config).await, process(&config).await);
    let mut follower = Follower::start(&other).await;
    one.hold_device("a", "tab").await.unwrap();
    follower.expect("a", Status::Online).await;

    let slot = redis_slot(&format!("{prefix}:0"));
    let from = cluster.holder(slot).await.unwrap();
    let (stop, mut stopped) = oneshot::channel::<()>();
    let mut churn = JoinSet::new();
    churn.spawn(async move {
        let (mut refusing, mut worst) = (None::<Instant>, Duration::ZERO);
        for turn in 0.. {
            if stopped.try_recv().is_ok() {
                break;
            }
            let id = format!("moves {}", turn % 7);
            // What fails is done later.
            let held = one.hold_device(&id, "tab").await;
            let refused = held.is_err() || one.offline([&id]).await.is_err();
            worst = worst.max(refusing.map_or(Duration::ZERO, |since| since.elapsed()));
            refusing = refused.then(|| refusing.unwrap_or_else(Instant::now));
        }
        (one, worst)
    });
    for turn in 0..4 {
        let (from, to) = if turn % 2 == 0 { (from, (from + 1) % 3) } else { ((from + 1) % 3, from) };
        cluster.move_slot(slot, from, to).await.unwrap();
        // Each change is checked against the one before.
        while follower
            .change(Duration::from_millis(100))
            .await
            .is_some_and(|event| event.id.as_str() != "moves 3")
        {}
    }
    stop.send(()).unwrap();
    let (one, worst) = churn.join_next().await.unwrap().unwrap();
    // What was refused at last may have been done later.
    for turn in 0..7 {
        let id = format!("moves {turn}");
        again(|| async { one.offline([&id]).await.map_err(Error::from) }).await;
    }
    again(|| async { one.online(["end"]).await.map_err(Error::from) }).await;
    follower.until(&["a", "end"]).await;
    // A move is a new epoch, in which everybody has up to 5 s to say who is here, and calls wait
    // for that within their time.
    assert!(worst < PATIENCE, "calls failed for {worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn room_that_moves_goes_on() {
    let Some(cluster) = test_support::require(RedisCluster::start(3).await) else { return };
    let prefix = test_support::unique("failures");
    let config = config_under(&prefix, &cluster.url()).shards(1);
    let one = Rooms::new(Leases::start(config.clone()).await.unwrap());
    let other = Rooms::new(Leases::start(config).await.unwrap());
    one.join("lobby", "stays", "tab", "x").await.unwrap();
    let slot = redis_slot(&format!("{prefix}:0:rooms"));
    let from = cluster.holder(slot).await.unwrap();
    for turn in 0..3 {
        let (from, to) = if turn % 2 == 0 { (from, (from + 1) % 3) } else { ((from + 1) % 3, from) };
        cluster.move_slot(slot, from, to).await.unwrap();
        let id = format!("comes {turn}");
        again(|| other.join("lobby", &*id, "tab", "y")).await;
        // Follows the room in its new place.
        let mut events = again(|| one.events("lobby", Since::Now)).await;
        again(|| other.remove("lobby", &*id)).await;
        loop {
            let item = timeout(PATIENCE, events.next()).await.expect("it goes on").expect("it is open");
            if let Ok(RoomUpdate::Change(event)) = item
                && event.action == Action::Left(Cause::Explicit)
            {
                assert_eq!(event.id.as_str(), id);
                break;
            }
        }
    }
    assert_eq!(again(|| other.count("lobby")).await, 1);
}

/// The slot of a hash tag: CRC-16/XMODEM of it. Source:
/// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, section "Hash
/// tags".
fn redis_slot(tag: &str) -> u16 {
    let crc =
        tag.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
    crc % 16_384
}
