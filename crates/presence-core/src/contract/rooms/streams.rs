//! Laws about streams of rooms, which miss and repeat nothing.

use tokio::task::JoinSet;

use super::ROOM;
use super::listing::listed;
use super::watch::RoomWatch;
use super::world::RoomWorlds;
use crate::event::{Cause, Since};
use crate::position::Position;
use crate::rooms::Rooms;

/// A stream from now begins with its position, even in an empty room.
pub async fn room_stream_from_now_gives_nothing_before(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let mut early = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    early.joined("a", "x").await;
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    rooms.join(ROOM, "b", "tab", "y").await.unwrap();
    watch.joined("b", "y").await;
    watch.silent(worlds.delivery).await;
}

/// A stream outlives the room it follows.
pub async fn stream_follows_a_room_that_empties(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    for _ in 0..3 {
        other.join(ROOM, "a", "tab", "x").await.unwrap();
        watch.joined("a", "x").await;
        other.remove(ROOM, "a").await.unwrap();
        watch.left("a", Cause::Explicit).await;
        assert_eq!(rooms.count(ROOM).await.unwrap(), 0);
    }
    assert!(!watch.lagged);
}

/// A stream from the position of an event gives exactly what followed.
///
/// This holds for any event, on any node, and for a position that was text in between.
pub async fn room_stream_resumes_from_any_position(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    rooms.join(ROOM, "stays", "tab", "x").await.unwrap();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    for round in 0..4 {
        for id in ["a", "b"] {
            rooms.join(ROOM, id, "tab", format!("{round}")).await.unwrap();
            rooms.update(ROOM, id, "x").await.unwrap();
        }
        rooms.remove(ROOM, "a").await.unwrap();
        rooms.remove(ROOM, "b").await.unwrap();
    }
    let all = watch.take(4 * 6).await;
    let positions = [&watch.synced].into_iter().chain(all.iter().map(|event| &event.position));
    for (given, position) in positions.enumerate() {
        let position: Position = position.to_string().parse().unwrap();
        let mut resumed = RoomWatch::open(&other, ROOM, Since::Position(position.clone())).await;
        assert_eq!(resumed.synced, position);
        assert_eq!(resumed.take(all.len() - given).await, all[given..], "after {given} events");
        resumed.silent(worlds.delivery).await;
        assert!(!resumed.lagged);
    }
}

/// A stream that begins too late is told so, and gives what there is.
pub async fn room_position_outside_the_retention_gives_lagged(worlds: RoomWorlds) {
    let mut terms = worlds.long_terms();
    terms.events_max = 50;
    let world = worlds.start(terms).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let mut slow = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    let old = slow.joined("a", "x").await.position;
    toggle(&rooms, 300).await;
    let mut late = RoomWatch::open(&rooms, ROOM, Since::Position(old)).await;
    assert!(late.lagged, "600 events later, of which 50 are kept");
    rooms.join(ROOM, "end", "tab", "x").await.unwrap();
    let kept = late.until("end").await;
    assert!((2..601).contains(&kept.len()), "{} events are kept", kept.len());
    // The stream that nobody read held nothing up, and owns up to what it lost.
    let given = slow.until("end").await;
    assert_eq!(given.len() == 601, !slow.lagged, "{} of 601 events", given.len());
}

/// A position that another room gave is not accepted.
pub async fn position_of_another_room_gives_lagged(worlds: RoomWorlds) {
    let terms = worlds.long_terms();
    let (world, elsewhere) = (worlds.start(terms).await.unwrap(), worlds.start(terms).await.unwrap());
    let (rooms, other) = (world.rooms().await.unwrap(), elsewhere.rooms().await.unwrap());
    for (rooms, room) in [(&rooms, ROOM), (&rooms, "another"), (&other, ROOM)] {
        for _ in 0..3 {
            rooms.join(room, "a", "tab", "x").await.unwrap();
            rooms.update(room, "a", "y").await.unwrap();
        }
    }
    for foreign in [
        RoomWatch::open(&rooms, "another", Since::Snapshot).await.synced,
        RoomWatch::open(&other, ROOM, Since::Snapshot).await.synced,
    ] {
        let mut watch = RoomWatch::open(&rooms, ROOM, Since::Position(foreign)).await;
        assert!(watch.lagged);
        rooms.join(ROOM, "end", "tab", "x").await.unwrap();
        watch.until("end").await;
        rooms.remove(ROOM, "end").await.unwrap();
    }
}

/// A snapshot is followed by the changes without a gap.
///
/// Subscribers that come while everything moves end with the same picture, and get each change
/// once.
pub async fn room_snapshot_is_followed_by_changes_without_a_gap(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    for number in 0..100 {
        rooms.join(ROOM, format!("stays {number}"), "tab", "x").await.unwrap();
    }
    let mut churn = JoinSet::new();
    for turn in 0..3 {
        let rooms = world.rooms().await.unwrap();
        churn.spawn(async move {
            for step in 0..100 {
                let id = format!("moves {}", (step * 7 + turn) % 40);
                rooms.join(ROOM, &id, "tab", format!("{step}")).await.unwrap();
                rooms.update(ROOM, format!("stays {step}"), format!("{turn}")).await.unwrap();
                if step % 3 != 0 {
                    rooms.remove(ROOM, &id).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
            rooms
        });
    }
    let mut watches = JoinSet::new();
    for _ in 0..8 {
        let rooms = world.rooms().await.unwrap();
        watches.spawn(async move {
            let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
            // Each change is checked against the snapshot.
            while watch.change(worlds.delivery).await.is_some() {}
            (watch, rooms)
        });
        tokio::task::yield_now().await;
    }
    let _nodes = churn.join_all().await;
    let mut watches = watches.join_all().await;
    rooms.join(ROOM, "end", "tab", "x").await.unwrap();
    let expected = listed(&rooms, ROOM, 50).await;
    assert_eq!(RoomWatch::open(&rooms, ROOM, Since::Snapshot).await.picture(), expected);
    assert_eq!(rooms.count(ROOM).await.unwrap(), expected.len() as u64);
    for (watch, _node) in &mut watches {
        watch.until("end").await;
        assert!(!watch.lagged);
        assert_eq!(watch.picture(), expected);
    }
}

/// A change during a snapshot is in the snapshot or after it, once.
pub async fn room_snapshot_read_slowly_is_true_once_it_is_synced(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    // More than a backend may take at once.
    let ids: Vec<_> = (0..1_500).map(|id| format!("user {id}")).collect();
    let joins = ids.iter().map(|id| rooms.join(ROOM, id, "tab", "x"));
    for join in futures_util::future::join_all(joins).await {
        join.unwrap();
    }
    let mut turn = 0;
    let mut watch = RoomWatch::open_slowly(&rooms, ROOM, Since::Snapshot, || {
        turn += 1;
        let (goes, shows, comes) =
            (&ids[turn * 7 % ids.len()], &ids[turn * 11 % ids.len()], format!("new {turn}"));
        let (other, moves) = (&other, turn <= 100);
        async move {
            if moves {
                other.remove(ROOM, goes).await.unwrap();
                other.update(ROOM, shows, "y").await.unwrap();
                other.join(ROOM, &comes, "tab", "z").await.unwrap();
            }
        }
    })
    .await;
    let mut resumed = RoomWatch::open(&rooms, ROOM, Since::Position(watch.synced.clone())).await;
    rooms.join(ROOM, "end", "tab", "x").await.unwrap();
    let changes = watch.until("end").await;
    assert_eq!(resumed.take(changes.len()).await, changes);
    resumed.silent(worlds.delivery).await;
    assert_eq!(watch.picture(), listed(&rooms, ROOM, 500).await);
}

/// Makes `rounds` joins and removals of one member.
async fn toggle(rooms: &Rooms, rounds: usize) {
    for _ in 0..rounds {
        rooms.join(ROOM, "b", "tab", "x").await.unwrap();
        rooms.remove(ROOM, "b").await.unwrap();
    }
}
