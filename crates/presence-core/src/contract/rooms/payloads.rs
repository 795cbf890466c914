//! Laws about payloads, which are what members show.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use super::ROOM;
use super::listing::listed;
use super::watch::RoomWatch;
use super::world::RoomWorlds;
use crate::error::ErrorKind;
use crate::event::{Cause, Since};
use crate::rooms::Payload;

/// A change of the payload is one event, from whichever node.
///
/// A write that changes nothing gives no event.
pub async fn update_gives_one_event(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    watch.joined("a", "x").await;
    assert!(rooms.update(ROOM, "a", "y").await.unwrap());
    watch.updated("a", "y").await;
    assert!(other.update(ROOM, "a", "").await.unwrap());
    watch.updated("a", "").await;
    assert!(other.update(ROOM, "a", "").await.unwrap());
    assert!(rooms.update(ROOM, "a", "").await.unwrap());
    watch.silent(worlds.delivery).await;
    rooms.remove(ROOM, "a").await.unwrap();
    watch.left("a", Cause::Explicit).await;
    assert!(!rooms.update(ROOM, "a", "z").await.unwrap());
    watch.silent(worlds.delivery).await;
}

/// The devices of a member share one payload: the last one written.
///
/// A device that leaves does not take it along.
pub async fn payload_is_one_for_all_devices(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    watch.joined("a", "x").await;
    other.join(ROOM, "a", "phone", "y").await.unwrap();
    watch.updated("a", "y").await;
    rooms.join_beating(ROOM, "a", "watch", "z").await.unwrap();
    watch.updated("a", "z").await;
    assert!(rooms.beat(ROOM, "a", "watch").await.unwrap());
    other.leave(ROOM, "a", "phone").await.unwrap();
    watch.silent(worlds.delivery).await;
    let shown = listed(&other, ROOM, 1).await;
    assert_eq!(shown, BTreeMap::from([("a".to_owned(), Payload::new("z").unwrap())]));
}

/// Of many concurrent writers one is the last, the same for everybody.
pub async fn last_writer_wins(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let rooms = world.rooms().await.unwrap();
        writers.spawn(async move {
            for step in 0..10 {
                assert!(rooms.update(ROOM, "a", format!("{writer} {step}")).await.unwrap());
            }
            rooms
        });
    }
    let _nodes = writers.join_all().await;
    watch.take(40).await;
    assert_eq!(watch.picture(), listed(&rooms, ROOM, 1).await);
}

/// A name or payload of any allowed shape comes back as it was.
pub async fn names_and_payloads_of_every_shape_come_back(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let long = "é".repeat(256);
    let names = [" ", "*", "{a}", "a}b", "a:b", "$", "\\", "\"", "0", "名前", "🦀", &long];
    let payloads =
        [vec![], vec![0], b"\r\n\0\"{}".to_vec(), vec![0xff, 0xfe], vec![b'x'; Payload::BYTES_MAX]];
    for (number, name) in names.into_iter().enumerate() {
        let mut watch = RoomWatch::open(&rooms, name, Since::Snapshot).await;
        let payload = Payload::new(&payloads[number % payloads.len()]).unwrap();
        rooms.join(name, name, "tab", &payload).await.unwrap();
        watch.take(1).await;
        let expected = BTreeMap::from([(name.to_owned(), payload)]);
        assert_eq!(watch.picture(), expected);
        assert_eq!(listed(&rooms, name, 5).await, expected);
        assert_eq!(RoomWatch::open(&rooms, name, Since::Snapshot).await.picture(), expected);
    }
}

/// A name or payload that is not allowed has no effect.
pub async fn bad_names_and_payloads_are_refused(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    let large = vec![0; Payload::BYTES_MAX + 1];
    rooms.join(ROOM, "b", "tab", "x").await.unwrap();
    watch.joined("b", "x").await;
    let results = [
        rooms.join(ROOM, "a", "tab", large.clone()).await,
        rooms.join_beating(ROOM, "a", "tab", large.clone()).await,
        rooms.update(ROOM, "b", large).await.map(drop),
        rooms.join("", "a", "tab", "x").await,
        rooms.join(ROOM, "a\n", "tab", "x").await,
        rooms.join(ROOM, "a", "", "x").await,
        rooms.count("x".repeat(513)).await.map(drop),
    ];
    for result in results {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    watch.silent(worlds.delivery).await;
}
