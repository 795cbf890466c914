//! Laws about several devices of one id.

use tokio::time::Instant;

use super::attempts::{in_time, promptly};
use super::watch::Watch;
use super::worlds::Worlds;
use crate::event::{Cause, Event, Since, Status};

/// The last device to end decides, and leaves the grace time.
pub async fn id_is_online_while_any_device_is(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        let mut watch = Watch::open(&presence, Since::Now).await;
        presence.hold_device(id, "tab 1").await.unwrap();
        let came = watch.until(id).await;
        assert_eq!(came.last().map(|event| event.cause), Some(Cause::Held));
        other.hold_device(id, "tab 2").await.unwrap();
        presence.end_device(id, "tab 1").await.unwrap();
        let stays = watch.is_silent_about(id, terms.silence() * 2).await;
        other.end_device(id, "tab 2").await.unwrap();
        stays && watch.until_offline(id).await == Cause::Ended
    })
    .await;
    let mut watch = Watch::open(&presence, Since::Now).await;
    promptly(terms.grace + worlds.lateness + worlds.delivery, async |_| {
        other.hold_device("a", "tab 2").await.unwrap();
        watch.until("a").await;
        let before = Instant::now();
        other.end_device("a", "tab 2").await.unwrap();
        let after = Instant::now();
        let status = presence.status(["a"]).await.unwrap();
        assert!(status == [Status::Online] || before.elapsed() >= terms.grace, "{status:?} too early");
        assert_eq!(watch.expect("a", Status::Offline).await.cause, Cause::Ended);
        assert!(before.elapsed() >= terms.grace, "the grace time was {:?}", before.elapsed());
        after.elapsed()
    })
    .await;
    watch.silent(terms.silence() * 2).await;
}

/// The order in which devices end, and that they end twice, does not matter.
pub async fn devices_may_end_in_any_order(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        in_time(async |_| {
            let devices = ["tab", "phone", "watch"];
            presence.hold_device("a", devices[0]).await.unwrap();
            let beat = Instant::now();
            presence.beat_device("a", devices[1]).await.unwrap();
            presence.hold_device("a", devices[2]).await.unwrap();
            watch.expect("a", Status::Online).await;
            let mut prompt = true;
            for device in order {
                let status = presence.status(["a"]).await.unwrap();
                // The one that beats is lost if it is not ended in its time.
                prompt &= beat.elapsed() < terms.silence();
                assert!(!prompt || status == [Status::Online], "{status:?} before {device} ended");
                presence.end_device("a", devices[device]).await.unwrap();
                presence.end_device("a", devices[device]).await.unwrap();
            }
            watch.expect("a", Status::Offline).await;
            prompt
        })
        .await;
    }
    watch.silent(terms.silence() * 2).await;
}

/// A connection may stay open for days and say nothing.
pub async fn held_device_needs_no_heartbeat(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        let mut watch = Watch::open(&presence, Since::Now).await;
        presence.hold_device(id, "tab").await.unwrap();
        watch.until(id).await;
        let stays = watch.is_silent_about(id, terms.silence() * 5).await;
        let status = presence.status([id]).await.unwrap();
        presence.end_device(id, "tab").await.unwrap();
        if stays {
            watch.until_offline(id).await;
        }
        stays && status == [Status::Online]
    })
    .await;
}

/// A heartbeat of a held device does not let go of it.
pub async fn heartbeat_does_not_let_go_of_a_held_device(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        let mut watch = Watch::open(&presence, Since::Now).await;
        presence.beat_device(id, "tab").await.unwrap();
        presence.hold_device(id, "tab").await.unwrap();
        presence.beat_device(id, "tab").await.unwrap();
        presence.online([id]).await.unwrap();
        watch.until(id).await;
        // It may also have fallen silent before it was held.
        let stays = watch.is_silent_about(id, terms.silence() * 3).await;
        presence.end_device(id, "tab").await.unwrap();
        if stays {
            watch.until_offline(id).await;
        }
        stays
    })
    .await;
}

/// A page that reloads is back as another connection.
pub async fn other_device_within_grace_gives_no_event(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        // What is left of an attempt that came to nothing is read by a stream of its own.
        let mut watch = Watch::open(&presence, Since::Now).await;
        presence.hold_device(id, "connection 0").await.unwrap();
        watch.until(id).await;
        for turn in 0..4 {
            let (leaves, comes) = if turn % 2 == 0 { (&presence, &other) } else { (&other, &presence) };
            let left = Instant::now();
            leaves.end_device(id, format!("connection {turn}")).await.unwrap();
            let event = watch.change(terms.grace / 2).await;
            comes.hold_device(id, format!("connection {}", turn + 1)).await.unwrap();
            // Its process may have been late renewing what it holds.
            let lost = |event: &Event| event.id.as_str() == id && event.cause == Cause::Expired;
            if left.elapsed() >= terms.grace || event.as_ref().is_some_and(lost) {
                return false;
            }
            assert!(event.is_none_or(|event| event.id.as_str() != id));
        }
        watch.is_silent_about(id, terms.silence() * 2).await
    })
    .await;
}

/// A device that was ended does not wait for its deadline.
pub async fn ended_device_does_not_wait_for_its_deadline(worlds: Worlds) {
    let mut terms = worlds.terms();
    terms.ttl = worlds.ttl * 20;
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    promptly(terms.grace + worlds.lateness + worlds.delivery, async |_| {
        presence.beat_device("a", "phone").await.unwrap();
        watch.expect("a", Status::Online).await;
        let before = Instant::now();
        presence.end_device("a", "phone").await.unwrap();
        let after = Instant::now();
        assert_eq!(watch.expect("a", Status::Offline).await.cause, Cause::Ended);
        assert!(before.elapsed() >= terms.grace);
        after.elapsed()
    })
    .await;
}

/// A device that ends without having been there ends no other.
pub async fn unknown_device_ends_in_silence(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        let mut watch = Watch::open(&presence, Since::Now).await;
        presence.end_device("nobody", "tab").await.unwrap();
        presence.hold_device(id, "tab").await.unwrap();
        watch.until(id).await;
        presence.end_device(id, "phone").await.unwrap();
        let until = Instant::now() + terms.silence() * 2;
        while let Some(event) = watch.change(until.saturating_duration_since(Instant::now())).await {
            assert_ne!(event.id.as_str(), "nobody");
            if event.id.as_str() == id {
                return false;
            }
        }
        true
    })
    .await;
}

/// A device that falls silent leaves its id to the other devices.
pub async fn lost_device_leaves_the_id_to_the_others(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        let mut watch = Watch::open(&presence, Since::Now).await;
        let first = Instant::now();
        presence.beat_device(id, "phone").await.unwrap();
        watch.until(id).await;
        let event = watch.change(terms.ttl / 2).await;
        let before = Instant::now();
        presence.beat_device(id, "watch").await.unwrap();
        if first.elapsed() >= terms.silence() {
            return false;
        }
        assert!(event.is_none_or(|event| event.id.as_str() != id));
        assert_eq!(watch.until_offline(id).await, Cause::Expired);
        assert!(before.elapsed() >= terms.silence(), "offline with the first device");
        true
    })
    .await;
}
