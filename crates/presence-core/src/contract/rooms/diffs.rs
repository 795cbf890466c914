//! Laws about diffs, which tell of many joins and leaves in one item.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::ROOM;
use super::listing::listed;
use super::watch::Picture;
use super::world::RoomWorlds;
use crate::contract::attempts::in_time;
use crate::contract::watch::PATIENCE;
use crate::error::ErrorKind;
use crate::event::Since;
use crate::rooms::{Batching, Diff, Diffs};

/// Diffs from a snapshot add up to the room, each with the right count.
pub async fn diffs_add_up_to_the_room(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    for number in 0..30 {
        rooms.join(ROOM, format!("stays {number}"), "tab", "x").await.unwrap();
    }
    let batching = Batching::default().interval(worlds.delivery.max(Duration::from_millis(4)) / 4).limit(20);
    let mut diffs = rooms.diffs(ROOM, Since::Snapshot, batching).await.unwrap();
    let mut churn = JoinSet::new();
    for turn in 0..3 {
        let rooms = world.rooms().await.unwrap();
        churn.spawn(async move {
            for step in 0..80 {
                let id = format!("moves {}", (step * 7 + turn) % 40);
                rooms.join(ROOM, &id, "tab", format!("{step}")).await.unwrap();
                rooms.update(ROOM, format!("stays {}", step % 30), format!("{turn}")).await.unwrap();
                if step % 3 != 0 {
                    rooms.remove(ROOM, &id).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
            rooms
        });
    }
    let mut picture = Picture::new();
    // All of the snapshot, whatever happens meanwhile.
    while !apply(&mut picture, next(&mut diffs).await, batching.limit) {}
    let _nodes = churn.join_all().await;
    rooms.join(ROOM, "end", "tab", "x").await.unwrap();
    while !picture.contains_key("end") {
        apply(&mut picture, next(&mut diffs).await, batching.limit);
    }
    assert_eq!(picture, listed(&rooms, ROOM, 50).await);
}

/// A member that joins and leaves within one batch is not told.
///
/// One that left and is back is told once.
pub async fn what_cancels_out_in_a_batch_is_not_told(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    in_time(async |attempt| {
        let room = &format!("{ROOM} {attempt}");
        rooms.join(room, "back", "tab", "x").await.unwrap();
        rooms.join(room, "gone", "tab", "x").await.unwrap();
        // Long enough for all that follows, and for its way to the stream.
        let interval = worlds.delivery * 8;
        let batching = Batching::default().interval(interval).limit(500);
        let mut diffs = rooms.diffs(room, Since::Snapshot, batching).await.unwrap();
        assert_eq!(next(&mut diffs).await.joined.len(), 2);
        let begin = Instant::now();
        rooms.join(room, "short", "tab", "x").await.unwrap();
        rooms.remove(room, "short").await.unwrap();
        rooms.join(room, "new", "tab", "x").await.unwrap();
        rooms.update(room, "new", "y").await.unwrap();
        rooms.remove(room, "back").await.unwrap();
        rooms.join(room, "back", "tab", "z").await.unwrap();
        rooms.remove(room, "gone").await.unwrap();
        let made = begin.elapsed();
        let diff = next(&mut diffs).await;
        if made >= interval / 4 {
            return false;
        }
        let ids = |members: &[crate::rooms::Member]| {
            members.iter().map(|member| (member.id.to_string(), member.payload.clone())).collect::<Picture>()
        };
        assert_eq!(ids(&diff.joined), Picture::from([("new".to_owned(), "y".try_into().unwrap())]));
        assert_eq!(ids(&diff.updated), Picture::from([("back".to_owned(), "z".try_into().unwrap())]));
        assert_eq!(diff.left.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["gone"]);
        assert_eq!(diff.count, 2);
        let since = Since::Position(diff.position.expect("no part of a snapshot"));
        let mut resumed = rooms.diffs(room, since, batching).await.unwrap();
        rooms.remove(room, "new").await.unwrap();
        assert_eq!(next(&mut resumed).await, next(&mut diffs).await);
        true
    })
    .await;
}

/// A batch with enough changes does not wait for its interval.
pub async fn full_batch_is_sent_at_once(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let batching = Batching::default().interval(Duration::from_secs(10 * 60)).limit(5);
    let mut diffs = rooms.diffs(ROOM, Since::Now, batching).await.unwrap();
    for number in 0..11 {
        rooms.join(ROOM, format!("{number}"), "tab", "x").await.unwrap();
    }
    for count in [5, 10] {
        let diff = next(&mut diffs).await;
        assert_eq!((diff.joined.len(), diff.count), (5, count));
    }
    let rest = timeout(worlds.delivery, diffs.next()).await;
    assert!(rest.is_err(), "the rest waits: {rest:?}");
    // What is yet to be told is told before the end.
    rooms.shutdown(PATIENCE).await;
    assert_eq!(next(&mut diffs).await.joined.len(), 1);
    assert!(timeout(PATIENCE, diffs.next()).await.unwrap().is_none());
}

/// Counts give the number of members when it changed, and end with the backend.
pub async fn counts_follow_the_room(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    let interval = Duration::from_millis(5);
    let mut counts = rooms.counts(ROOM, interval).unwrap();
    for expected in [0, 1, 3, 2] {
        match expected {
            1 => other.join(ROOM, "a", "tab", "x").await.unwrap(),
            3 => {
                other.join(ROOM, "b", "tab", "x").await.unwrap();
                other.join(ROOM, "c", "tab", "x").await.unwrap();
            }
            2 => rooms.remove(ROOM, "a").await.unwrap(),
            _ => {}
        }
        let (mut count, mut last) = (None, None);
        while count != Some(expected) {
            count = Some(timeout(PATIENCE, counts.next()).await.unwrap().unwrap().unwrap());
            assert_ne!(count, last, "no change");
            last = count;
        }
    }
    rooms.shutdown(PATIENCE).await;
    while timeout(PATIENCE, counts.next()).await.unwrap().is_some() {}
    let error = rooms.counts(ROOM, Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

async fn next(diffs: &mut Diffs) -> Diff {
    timeout(PATIENCE, diffs.next())
        .await
        .expect("a diff comes")
        .expect("stream goes on")
        .expect("nothing fails")
}

/// Brings a picture up to date, and says whether it is complete.
fn apply(picture: &mut Picture, diff: Diff, limit: usize) -> bool {
    let changes = diff.joined.len() + diff.updated.len() + diff.left.len();
    assert!(changes <= limit, "{changes} changes in a diff of at most {limit}");
    for member in diff.joined {
        assert_eq!(picture.insert(member.id.to_string(), member.payload), None, "{} was there", member.id);
    }
    for member in diff.updated {
        let before = picture.insert(member.id.to_string(), member.payload);
        assert!(before.is_some(), "{} was not there", member.id);
    }
    for id in diff.left {
        assert!(picture.remove(id.as_str()).is_some(), "{id} was not there");
    }
    let complete = diff.position.is_some();
    if complete {
        assert_eq!(diff.count, picture.len() as u64);
    }
    complete
}
