//! Laws about members: those of ids, in a room.

use std::collections::HashSet;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ROOM;
use super::listing::listed;
use super::watch::RoomWatch;
use super::world::RoomWorlds;
use crate::contract::attempts::{in_time, promptly};
use crate::contract::watch::PATIENCE;
use crate::event::{Cause, Since};
use crate::rooms::Action;

/// Many nodes bring the same ids in at once: one event each, with what they show.
pub async fn first_joins_from_many_handles_give_one_event(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    let ids: Vec<_> = (0..20).map(|id| format!("user {id}")).collect();
    let mut joins = JoinSet::new();
    for turn in 0..6 {
        let rooms = world.rooms().await.unwrap();
        let mut ids = ids.clone();
        ids.rotate_left(turn * 3);
        joins.spawn(async move {
            for id in &ids {
                rooms.join(ROOM, id, format!("node {turn}"), format!("I am {id}")).await.unwrap();
            }
            rooms
        });
    }
    let nodes = joins.join_all().await;
    let mut seen = HashSet::new();
    while seen.len() < ids.len() {
        let event = watch.change(PATIENCE).await.expect("an event for each member");
        assert!(matches!(event.action, Action::Joined(_)), "{event:?}");
        assert!(seen.insert(event.id.clone()), "second event of {}", event.id);
    }
    for rooms in nodes {
        rooms.join(ROOM, "user 1", "one more", "I am user 1").await.unwrap();
    }
    watch.silent(worlds.delivery).await;
    assert!(
        watch.picture().iter().all(|(id, payload)| payload.as_bytes() == format!("I am {id}").as_bytes())
    );
    assert_eq!(rooms.count(ROOM).await.unwrap(), 20);
}

/// The last device to leave decides, and leaves the grace time.
pub async fn devices_of_a_member_are_one_member(worlds: RoomWorlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    // A process that is late renewing what it holds may lose it.
    in_time(async |attempt| {
        let room = &format!("{ROOM} {attempt}");
        let mut watch = RoomWatch::open(&rooms, room, Since::Snapshot).await;
        rooms.join(room, "a", "tab 1", "x").await.unwrap();
        watch.joined("a", "x").await;
        other.join(room, "a", "tab 2", "x").await.unwrap();
        rooms.join_beating(room, "a", "phone", "x").await.unwrap();
        rooms.leave(room, "a", "tab 1").await.unwrap();
        rooms.leave(room, "a", "phone").await.unwrap();
        let stays = watch.change(terms.silence() * 2).await.is_none();
        other.leave(room, "a", "tab 2").await.unwrap();
        if stays {
            watch.left("a", Cause::Ended).await;
        }
        stays
    })
    .await;
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    promptly(terms.grace + worlds.lateness + worlds.delivery, async |_| {
        other.join(ROOM, "a", "tab 2", "x").await.unwrap();
        watch.joined("a", "x").await;
        let before = Instant::now();
        other.leave(ROOM, "a", "tab 2").await.unwrap();
        other.leave(ROOM, "a", "tab 2").await.unwrap();
        let after = Instant::now();
        let count = rooms.count(ROOM).await.unwrap();
        assert!(count == 1 || before.elapsed() >= terms.grace, "left too early");
        watch.left("a", Cause::Ended).await;
        assert!(before.elapsed() >= terms.grace, "the grace time was {:?}", before.elapsed());
        after.elapsed()
    })
    .await;
    assert_eq!(rooms.count(ROOM).await.unwrap(), 0);
    watch.silent(terms.silence() * 2).await;
}

/// A page that reloads is back as another connection, without a join.
///
/// It shows what it showed before, or something else.
pub async fn return_within_grace_gives_no_join(worlds: RoomWorlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    in_time(async |attempt| {
        let room = &format!("{ROOM} {attempt}");
        let mut watch = RoomWatch::open(&rooms, room, Since::Now).await;
        rooms.join(room, "a", "tab 1", "x").await.unwrap();
        watch.joined("a", "x").await;
        let left = Instant::now();
        rooms.leave(room, "a", "tab 1").await.unwrap();
        let event = watch.change(terms.grace / 2).await;
        other.join(room, "a", "tab 2", "y").await.unwrap();
        if left.elapsed() >= terms.grace {
            return false;
        }
        assert_eq!(event, None);
        watch.updated("a", "y").await;
        // Its process may be late renewing what it holds.
        watch.change(terms.silence() * 2).await.is_none()
    })
    .await;
}

/// A member that beats stays, one that falls silent leaves once, within the bound.
pub async fn silent_member_leaves_within_the_bound(worlds: RoomWorlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    in_time(async |attempt| {
        let room = &format!("{ROOM} {attempt}");
        let mut watch = RoomWatch::open(&rooms, room, Since::Now).await;
        assert!(!rooms.beat(room, "a", "phone").await.unwrap(), "a heartbeat alone is no join");
        let (mut before, mut after) = (Instant::now(), Instant::now());
        rooms.join_beating(room, "a", "phone", "x").await.unwrap();
        watch.joined("a", "x").await;
        for _ in 0..9 {
            let event = watch.change(terms.ttl / 3).await;
            let last = before;
            before = Instant::now();
            let beats = rooms.beat(room, "a", "phone").await.unwrap();
            after = Instant::now();
            if last.elapsed() >= terms.silence() {
                return false;
            }
            assert!(event.is_none() && beats, "{event:?} although it beats");
        }
        watch.left("a", Cause::Expired).await;
        let (most, least) = (before.elapsed(), after.elapsed());
        assert!(most >= terms.silence(), "left {:?} before its time", terms.silence() - most);
        assert!(!rooms.beat(room, "a", "phone").await.unwrap());
        watch.silent(terms.silence() * 2).await;
        least <= terms.silence() + worlds.lateness + worlds.delivery
    })
    .await;
}

/// A connection may stay open for days and say nothing.
pub async fn held_member_needs_no_heartbeat(worlds: RoomWorlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    // A process that is late renewing what it holds may lose it.
    in_time(async |attempt| {
        let room = &format!("{ROOM} {attempt}");
        let mut watch = RoomWatch::open(&rooms, room, Since::Now).await;
        let begin = Instant::now();
        rooms.join_beating(room, "a", "tab", "x").await.unwrap();
        rooms.join(room, "a", "tab", "x").await.unwrap();
        if begin.elapsed() >= terms.silence() {
            return false;
        }
        assert!(rooms.beat(room, "a", "tab").await.unwrap());
        watch.joined("a", "x").await;
        let stays = watch.change(terms.silence() * 5).await.is_none();
        rooms.leave(room, "a", "tab").await.unwrap();
        if stays {
            watch.left("a", Cause::Ended).await;
        }
        stays
    })
    .await;
}

/// A member that is removed leaves at once, with all its devices.
///
/// There is no grace time, and no second event later.
pub async fn removed_member_leaves_at_once(worlds: RoomWorlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    promptly(worlds.delivery, async |_| {
        rooms.join(ROOM, "a", "tab", "x").await.unwrap();
        watch.joined("a", "x").await;
        other.join_beating(ROOM, "a", "phone", "x").await.unwrap();
        let told = Instant::now();
        other.remove(ROOM, "a").await.unwrap();
        assert_eq!(other.count(ROOM).await.unwrap(), 0);
        watch.left("a", Cause::Explicit).await;
        told.elapsed()
    })
    .await;
    rooms.leave(ROOM, "a", "tab").await.unwrap();
    other.remove(ROOM, "a").await.unwrap();
    watch.silent(terms.silence() + worlds.lateness + worlds.delivery).await;
    rooms.join(ROOM, "a", "tab", "y").await.unwrap();
    watch.joined("a", "y").await;
}

/// A call about somebody who is not a member changes nothing.
pub async fn strangers_leave_in_silence(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    rooms.leave(ROOM, "nobody", "tab").await.unwrap();
    rooms.remove(ROOM, "nobody").await.unwrap();
    assert!(!rooms.update(ROOM, "nobody", "x").await.unwrap());
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    watch.joined("a", "x").await;
    rooms.leave(ROOM, "a", "phone").await.unwrap();
    watch.silent(worlds.delivery).await;
    assert_eq!(rooms.count("another").await.unwrap(), 0);
}

/// The events of each member alternate, whatever nodes do at once.
///
/// They end with what is listed.
pub async fn member_events_alternate_whoever_makes_them(worlds: RoomWorlds) {
    const IDS: [&str; 3] = ["a", "b", "c"];
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    // Checks that they do, and the count of each.
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    let mut churn = JoinSet::new();
    for turn in 0..5_usize {
        let rooms = world.rooms().await.unwrap();
        churn.spawn(async move {
            for step in 0..50 {
                let id = IDS[(turn + step) % IDS.len()];
                match (turn * 7 + step * 3) % 5 {
                    0 | 1 => rooms.join(ROOM, id, "tab", format!("{turn} {step}")).await.unwrap(),
                    2 => rooms.leave(ROOM, id, "tab").await.unwrap(),
                    3 => drop(rooms.update(ROOM, id, format!("{step} {turn}")).await.unwrap()),
                    _ => rooms.remove(ROOM, id).await.unwrap(),
                }
                tokio::task::yield_now().await;
            }
            rooms
        });
    }
    let _nodes = churn.join_all().await;
    rooms.remove(ROOM, "a").await.unwrap();
    rooms.join(ROOM, "c", "tab", "last").await.unwrap();
    rooms.join(ROOM, "end", "tab", "x").await.unwrap();
    watch.until("end").await;
    assert!(!watch.lagged);
    // Whoever left last may have been in the grace time.
    while watch.picture() != listed(&rooms, ROOM, 2).await {
        let event = watch.change(PATIENCE).await;
        assert!(event.is_some(), "the stream says {:?}, which is not what is listed", watch.picture());
    }
    assert_eq!(watch.picture().get("c").map(|payload| payload.as_bytes()), Some(&b"last"[..]));
}
