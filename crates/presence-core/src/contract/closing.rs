//! Laws about the end of a backend, in any order.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use super::watch::{PATIENCE, Watch};
use super::worlds::Worlds;
use crate::error::{Error, ErrorKind};
use crate::event::{Since, Status};
use crate::page::Cursor;
use crate::presence::Presence;

/// A shutdown ends the streams, refuses calls, and says that all ended.
///
/// Streams end after what has happened before. A second one does nothing.
pub async fn shutdown_ends_streams_and_refuses_calls(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let clone = presence.clone();
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.hold_device("a", "tab").await.unwrap();
    watch.expect("a", Status::Online).await;
    presence.online(["b"]).await.unwrap();
    assert!(clone.shutdown(PATIENCE).await, "nothing is in the way of the end");
    // What came before is still given, and nobody goes offline by it.
    watch.expect("b", Status::Online).await;
    // Twice: a stream that has ended says so however often it is asked.
    watch.ended().await;
    watch.ended().await;
    assert!(presence.shutdown(Duration::ZERO).await, "the end has come already");
    assert!(clone.shutdown(PATIENCE).await);
    for result in every_call(&presence).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Closed);
    }
    let error = presence.status(["a", "b"]).await.unwrap_err();
    assert_eq!(error.partial(), &[Status::Unknown; 2]);
}

/// A shutdown without a grace time ends the same, and a second one waits for that.
///
/// So does one whose caller does not wait.
pub async fn shutdown_without_a_grace_time_ends_all_the_same(worlds: Worlds) {
    for dropped in [false, true] {
        let world = worlds.start(worlds.long_terms()).await.unwrap();
        let presence = world.node().await.unwrap();
        let mut watch = Watch::open(&presence, Since::Now).await;
        presence.hold_device("a", "tab").await.unwrap();
        if dropped {
            let polled_once = presence.shutdown(PATIENCE).now_or_never();
            assert!(polled_once.is_none_or(|ended| ended));
        } else {
            presence.shutdown(Duration::ZERO).await;
        }
        assert_eq!(presence.count().await.unwrap_err().kind(), ErrorKind::Closed);
        watch.expect("a", Status::Online).await;
        watch.ended().await;
        assert!(presence.shutdown(PATIENCE).await, "it goes on to end by itself");
    }
}

/// A shutdown may come at any moment, amid calls and streams.
///
/// Each call does its work or says `Closed`, and everything ends.
pub async fn shutdown_may_come_at_any_moment(worlds: Worlds) {
    for moment in [0, 1, 5, 20] {
        let world = worlds.start(worlds.long_terms()).await.unwrap();
        let presence = world.node().await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let presence = presence.clone();
            tasks.spawn(async move {
                loop {
                    for (call, result) in every_call(&presence).await.into_iter().enumerate() {
                        if let Err(error) = result {
                            assert_eq!(error.kind(), ErrorKind::Closed, "call {call}: {error:?}");
                            return;
                        }
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        for since in [Since::Now, Since::Snapshot] {
            let mut watch = Watch::open(&presence, since).await;
            tasks.spawn(async move { while watch.change(worlds.ttl).await.is_some() {} });
        }
        // The calls and streams get some way first, in each round another one.
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        let clone = presence.clone();
        let ended = tokio::join!(presence.shutdown(PATIENCE), clone.shutdown(PATIENCE));
        assert_eq!(ended, (true, true), "both wait for the same end");
        tasks.join_all().await;
    }
}

/// Dropping the last handle ends all without waiting, in any order of drops.
pub async fn streams_end_when_the_last_handle_is_dropped(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let first = Watch::open(&presence, Since::Now).await;
    let mut last = Watch::open(&presence, Since::Snapshot).await;
    presence.online(["a"]).await.unwrap();
    drop(first);
    let clone = presence.clone();
    drop(presence);
    clone.offline(["a"]).await.unwrap();
    last.expect("a", Status::Online).await;
    last.expect("a", Status::Offline).await;
    drop(clone);
    drop(world);
    last.ended().await;
}

/// Makes every call there is.
async fn every_call(presence: &Presence) -> Vec<Result<(), Error>> {
    vec![
        presence.online(["a", "b"]).await.map_err(Error::from),
        presence.hold_device("c", "tab").await,
        presence.beat_device("c", "phone").await,
        presence.status(["a"]).await.map(drop).map_err(Error::from),
        presence.last_seen(["a"]).await.map(drop).map_err(Error::from),
        presence.online_ids(Cursor::default(), 2).await.map(drop),
        presence.count().await.map(drop),
        presence.events(Since::Snapshot).await.map(drop),
        presence.end_device("c", "tab").await,
        presence.offline(["a"]).await.map_err(Error::from),
    ]
}
