//! Laws about deadlines: not before, and not after the bound.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempts::{in_time, promptly};
use super::watch::{PATIENCE, Watch};
use super::worlds::Worlds;
use crate::error::ErrorKind;
use crate::event::{Cause, Since, Status};

/// A silent id goes offline once, within the bound after its deadline.
///
/// The grace time is part of the deadline here.
pub async fn silence_gives_one_event_within_the_bound(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    for round in 0_u32..5 {
        promptly(terms.silence() + worlds.lateness + worlds.delivery, async |_| {
            // At different places between the looks of a backend that looks at intervals.
            sleep(worlds.lateness * round / 4).await;
            let before = Instant::now();
            presence.online(["a"]).await.unwrap();
            let after = Instant::now();
            watch.expect("a", Status::Online).await;
            assert_eq!(watch.expect("a", Status::Offline).await.cause, Cause::Expired);
            let (most, least) = (before.elapsed(), after.elapsed());
            assert!(most >= terms.silence(), "offline {:?} before its time", terms.silence() - most);
            assert_eq!(presence.status(["a"]).await.unwrap(), [Status::Offline]);
            least
        })
        .await;
    }
    watch.silent(terms.silence() * 2).await;
}

/// The last heartbeat decides how long an id is online.
pub async fn heartbeats_keep_an_id_online(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    in_time(async |attempt| {
        let ids = [format!("a{attempt}"), format!("b{attempt}")];
        let mut watch = Watch::open(&presence, Since::Snapshot).await;
        let mut last = Instant::now();
        for beat in 0..12 {
            let since = last;
            last = Instant::now();
            presence.online([&ids[0]]).await.unwrap();
            presence.beat_device(&ids[1], "phone").await.unwrap();
            let statuses = presence.status(&ids).await.unwrap();
            if since.elapsed() >= terms.silence() {
                return false;
            }
            assert_eq!(statuses, [Status::Online; 2]);
            if beat == 0 {
                watch.until(&ids[0]).await;
                watch.until(&ids[1]).await;
            }
            sleep(terms.ttl / 3).await;
        }
        let mut expired = 0;
        while expired < 2 {
            let event = watch.change(PATIENCE).await.expect("an event for each id");
            if ids.contains(&event.id.to_string()) {
                assert_eq!(event.cause, Cause::Expired);
                assert!(last.elapsed() >= terms.silence(), "too early: {event:?}");
                expired += 1;
            }
        }
        true
    })
    .await;
}

/// An id that is back within the grace time gives no event.
pub async fn return_during_grace_gives_no_event(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    in_time(async |attempt| {
        let id = &format!("a{attempt}");
        let mut watch = Watch::open(&presence, Since::Now).await;
        let mut last = Instant::now();
        presence.online([id]).await.unwrap();
        watch.until(id).await;
        for within in [Duration::ZERO, terms.ttl + terms.grace / 2].repeat(3) {
            let event = watch.change(within).await;
            // Whatever came in between, the heartbeats are no further apart.
            let since = last;
            last = Instant::now();
            presence.online([id]).await.unwrap();
            if since.elapsed() >= terms.silence() {
                return false;
            }
            assert!(event.is_none_or(|event| event.id.as_str() != id));
        }
        watch.until_offline(id).await;
        true
    })
    .await;
}

/// Of many ids with the same deadline each goes offline once.
pub async fn many_silent_ids_go_offline_once_each(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    let ids: Vec<_> = (0..2_000).map(|id| format!("user {id}")).collect();
    presence.online(&ids).await.unwrap();
    // One in five stays.
    sleep(terms.ttl / 2).await;
    let stay = ids.iter().step_by(5);
    presence.online(stay.clone()).await.unwrap();
    let stay: HashSet<_> = stay.collect();
    let mut gone = HashSet::new();
    while gone.len() < ids.len() - stay.len() {
        let event = watch.change(PATIENCE).await.expect("an event for each id");
        if event.status == Status::Offline && !stay.contains(&event.id.to_string()) {
            assert!(gone.insert(event.id.clone()), "second event of {}", event.id);
        }
    }
    presence.offline(&ids).await.unwrap();
    watch.until_online(&[], worlds.delivery).await;
    assert!(!watch.lagged);
    assert_eq!(watch.known.len(), ids.len());
}

/// A TTL that the backend cannot keep is an error at the start.
pub async fn ttl_below_the_minimum_is_refused(worlds: Worlds) {
    let mut terms = worlds.terms();
    terms.ttl = worlds.ttl_min;
    assert!(worlds.start(terms).await.is_ok());
    for ttl in [worlds.ttl_min.saturating_sub(Duration::from_millis(1)), Duration::ZERO] {
        terms.ttl = ttl;
        let kind = worlds.start(terms).await.err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::Config), "a TTL of {ttl:?}");
    }
}
