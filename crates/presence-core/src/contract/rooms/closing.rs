//! Laws about the end of a backend of rooms, in any order.

use std::time::Duration;

use super::ROOM;
use super::watch::RoomWatch;
use super::world::RoomWorlds;
use crate::contract::watch::PATIENCE;
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Since};
use crate::page::Cursor;
use crate::rooms::Rooms;

/// A shutdown ends the streams of rooms, refuses calls, and says that all ended.
///
/// Streams end after what has happened before. A second one does nothing.
pub async fn shutdown_ends_room_streams_and_refuses_calls(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let clone = rooms.clone();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    assert!(clone.shutdown(PATIENCE).await, "nothing is in the way of the end");
    // What came before is still given, and nobody leaves by it.
    watch.joined("a", "x").await;
    watch.ended().await;
    watch.ended().await;
    assert!(rooms.shutdown(Duration::ZERO).await, "the end has come already");
    assert!(clone.shutdown(PATIENCE).await);
    for result in every_call(&rooms).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Closed);
    }
}

/// Dropping the last handle ends all without waiting, in any order of drops.
pub async fn room_streams_end_when_the_last_handle_is_dropped(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let first = RoomWatch::open(&rooms, ROOM, Since::Now).await;
    let mut last = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    rooms.join(ROOM, "a", "tab", "x").await.unwrap();
    drop(first);
    let clone = rooms.clone();
    drop(rooms);
    clone.remove(ROOM, "a").await.unwrap();
    last.joined("a", "x").await;
    last.left("a", Cause::Explicit).await;
    drop(clone);
    drop(world);
    last.ended().await;
}

/// Makes every call there is.
pub(super) async fn every_call(rooms: &Rooms) -> Vec<Result<(), Error>> {
    vec![
        rooms.join(ROOM, "a", "tab", "x").await,
        rooms.join_beating(ROOM, "a", "tab", "x").await,
        rooms.beat(ROOM, "a", "tab").await.map(drop),
        rooms.update(ROOM, "a", "x").await.map(drop),
        rooms.leave(ROOM, "a", "tab").await,
        rooms.remove(ROOM, "a").await,
        rooms.members(ROOM, Cursor::default(), 1).await.map(drop),
        rooms.count(ROOM).await.map(drop),
        rooms.events(ROOM, Since::Snapshot).await.map(drop),
    ]
}
