//! A slot moves from one master to another, with a shard in it.

use std::time::Duration;

use presence_core::Status;
use test_support::RedisCluster;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::follower::Follower;
use super::{config, process};

#[tokio::test(flavor = "multi_thread")]
async fn shard_that_moves_goes_on() {
    let Some(cluster) = test_support::require(RedisCluster::start(3).await) else { return };
    let mut config = config(&cluster.url());
    // All of it in the slot that moves.
    config.shards = 1;
    let (one, other) = (process(&config).await, process(&config).await);
    let mut follower = Follower::start(&other).await;
    one.hold_device("a", "tab").await.unwrap();
    follower.expect("a", Status::Online).await;

    let slot = redis_slot(&format!("{}:0", config.prefix));
    let from = cluster.holder(slot).await.unwrap();
    let (stop, mut stopped) = oneshot::channel::<()>();
    let mut churn = JoinSet::new();
    churn.spawn(async move {
        let mut refused = 0;
        for turn in 0.. {
            if stopped.try_recv().is_ok() {
                break;
            }
            let id = format!("moves {}", turn % 7);
            // What fails is done later.
            refused += usize::from(one.hold_device(&id, "tab").await.is_err());
            refused += usize::from(one.offline([&id]).await.is_err());
        }
        (one, refused)
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
    let (one, refused) = churn.join_next().await.unwrap().unwrap();
    one.online(["end"]).await.unwrap();
    follower.until(&["a", "end"]).await;
    assert!(refused < 1_000, "{refused} calls failed");
}

/// The slot of a hash tag: CRC-16/XMODEM of it.
/// Source: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, section "Hash tags".
fn redis_slot(tag: &str) -> u16 {
    let crc =
        tag.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
    crc % 16_384
}
