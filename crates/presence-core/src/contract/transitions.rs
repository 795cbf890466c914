//! Laws about transitions: there is one event for each.

use std::collections::HashSet;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attempts::promptly;
use super::watch::{PATIENCE, Watch};
use super::worlds::Worlds;
use crate::batch::Failure;
use crate::error::ErrorKind;
use crate::event::{Cause, Since, Status};

/// Many nodes bring the same ids online at once: one event each.
pub async fn first_heartbeats_from_many_handles_give_one_event(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let observer = world.node().await.unwrap();
    let mut watch = Watch::open(&observer, Since::Now).await;
    let ids: Vec<_> = (0..50).map(|id| format!("user {id}")).collect();
    let mut beats = JoinSet::new();
    for turn in 0..8 {
        let presence = world.node().await.unwrap();
        let mut ids = ids.clone();
        // Each begins with another id, so that the calls of several nodes meet at each of them.
        ids.rotate_left(turn);
        beats.spawn(async move {
            for batch in ids.chunks(7) {
                presence.online(batch).await.unwrap();
            }
            presence
        });
    }
    let nodes = beats.join_all().await;
    let mut seen = HashSet::new();
    while seen.len() < ids.len() {
        let event = watch.change(PATIENCE).await.expect("an event for each id");
        assert_eq!(event.status, Status::Online);
        assert!(seen.insert(event.id.clone()), "second event of {}", event.id);
    }
    for presence in nodes {
        presence.online(&ids).await.unwrap();
    }
    watch.silent(worlds.delivery).await;
}

/// An id that a call names twice is one id.
pub async fn duplicates_in_one_call_give_one_event(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.online(["z", "z", "y", "z"]).await.unwrap();
    watch.until_online(&["y", "z"], worlds.delivery).await;
    presence.offline(["z", "y", "z", "z"]).await.unwrap();
    watch.until_online(&[], worlds.delivery).await;
}

/// Heartbeats change nothing about an id that is online.
pub async fn heartbeat_of_an_online_id_gives_no_event(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.online(["a"]).await.unwrap();
    assert_eq!(watch.expect("a", Status::Online).await.cause, Cause::Heartbeat);
    for _ in 0..10 {
        presence.online(["a"]).await.unwrap();
        presence.beat_device("a", "phone").await.unwrap();
        presence.hold_device("a", "tab").await.unwrap();
    }
    watch.silent(worlds.delivery).await;
}

/// `offline` needs no grace time, and is no second event when the deadline comes.
pub async fn explicit_offline_gives_its_event_at_once(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    promptly(worlds.delivery, async |_| {
        presence.online(["a"]).await.unwrap();
        watch.expect("a", Status::Online).await;
        let told = Instant::now();
        presence.offline(["a"]).await.unwrap();
        assert_eq!(presence.status(["a"]).await.unwrap(), [Status::Offline]);
        assert_eq!(watch.expect("a", Status::Offline).await.cause, Cause::Explicit);
        told.elapsed()
    })
    .await;
    presence.offline(["a"]).await.unwrap();
    // Until after the deadline that the heartbeat had set: it must not be heard of a second time.
    watch.silent(terms.silence() + worlds.lateness + worlds.delivery).await;
    presence.online(["a"]).await.unwrap();
    watch.expect("a", Status::Online).await;
}

/// `offline` counts for all devices, however they were kept.
pub async fn explicit_offline_ends_every_device(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.hold_device("a", "tab").await.unwrap();
    presence.beat_device("a", "phone").await.unwrap();
    other.online(["a"]).await.unwrap();
    other.offline(["a"]).await.unwrap();
    watch.expect("a", Status::Online).await;
    watch.expect("a", Status::Offline).await;
    presence.end_device("a", "tab").await.unwrap();
    watch.silent(terms.silence() + worlds.lateness + worlds.delivery).await;
    presence.hold_device("a", "tab").await.unwrap();
    watch.expect("a", Status::Online).await;
}

/// An `offline` for an id that is not online gives no event.
pub async fn unknown_id_goes_offline_in_silence(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.offline(["nobody"]).await.unwrap();
    watch.silent(worlds.delivery).await;
    assert_eq!(presence.count().await.unwrap(), 0);
}

/// Whatever nodes do at once, each id's events alternate and end with its status.
pub async fn events_alternate_whoever_makes_them(worlds: Worlds) {
    const IDS: [&str; 3] = ["a", "b", "c"];
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    // The watch checks by itself that the events of each id alternate.
    let mut watch = Watch::open(&presence, Since::Snapshot).await;
    let mut churn = JoinSet::new();
    for turn in 0..6_usize {
        let presence = world.node().await.unwrap();
        churn.spawn(async move {
            for step in 0..60 {
                let id = IDS[(turn + step) % IDS.len()];
                match (turn * 7 + step * 3) % 5 {
                    0 => presence.online([id]).await.unwrap(),
                    1 => presence.hold_device(id, "tab").await.unwrap(),
                    2 => presence.end_device(id, "tab").await.unwrap(),
                    _ => presence.offline([id]).await.unwrap(),
                }
                tokio::task::yield_now().await;
            }
            presence
        });
    }
    let _nodes = churn.join_all().await;
    presence.offline(["a", "b"]).await.unwrap();
    presence.hold_device("c", "tab").await.unwrap();
    watch.until_online(&["c"], worlds.delivery).await;
    assert!(!watch.lagged);
    assert_eq!(presence.status(IDS).await.unwrap(), [Status::Offline, Status::Offline, Status::Online]);
}

/// A batch does what it can, and says what it could not.
pub async fn bad_ids_do_not_stop_the_good_ones(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let long = "x".repeat(513);
    let ids = ["", "a", "b\n", "c", &long];

    let error = presence.online(ids).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.len(), 3);
    assert!(error.has("b\n") && !error.has("c"));
    assert_eq!(error.iter().map(Failure::index).collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(error.iter().map(Failure::id).collect::<Vec<_>>(), ["", "b\n", &long]);
    assert_eq!(presence.status(["a", "c"]).await.unwrap(), [Status::Online; 2]);

    let error = presence.status(ids).await.unwrap_err();
    let (online, unknown) = (Status::Online, Status::Unknown);
    assert_eq!(error.partial(), &[unknown, online, unknown, online, unknown]);
    let error = presence.last_seen(ids).await.unwrap_err();
    let known: Vec<_> = error.partial().iter().map(Option::is_some).collect();
    assert_eq!(known, [false, true, false, true, false]);

    assert_eq!(presence.offline(ids).await.unwrap_err().len(), 3);
    assert_eq!(presence.status(["a", "c"]).await.unwrap(), [Status::Offline; 2]);
    let none: [&str; 0] = [];
    presence.online(none).await.unwrap();
    assert_eq!(presence.status(none).await.unwrap(), []);
}
