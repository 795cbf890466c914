//! Laws about listings, and about rooms being apart.

use std::collections::BTreeMap;

use super::ROOM;
use super::watch::{Picture, RoomWatch};
use super::world::RoomWorlds;
use crate::event::{Since, Status};
use crate::name::Id;
use crate::page::Cursor;
use crate::rooms::{Member, MemberPage, Payload, Rooms};

/// Pages and the count have every member with its payload, and nobody else.
pub async fn pages_list_every_member(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    assert_eq!(listed(&rooms, ROOM, 10).await, BTreeMap::new());
    let mut expected = BTreeMap::new();
    for number in 0..150 {
        let (id, payload) = (format!("user {number}"), format!("I am {number}"));
        rooms.join(ROOM, &id, "tab", &*payload).await.unwrap();
        expected.insert(id, Payload::new(payload).unwrap());
    }
    other.join(ROOM, "gone", "tab", "x").await.unwrap();
    other.remove(ROOM, "gone").await.unwrap();
    for limit in [1, 7, 149, 150, 1_000] {
        assert_eq!(listed(&other, ROOM, limit).await, expected);
    }
    assert_eq!(other.count(ROOM).await.unwrap(), 150);
}

/// A page is bounded in bytes, however many members are asked for.
///
/// Following it lists everybody all the same.
pub async fn pages_of_large_members_are_short(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    let (payload, mut expected) = (Payload::new([7_u8; Payload::BYTES_MAX]).unwrap(), BTreeMap::new());
    // Together more than four pages have, and one by one the largest that there can be.
    while expected.len() * Payload::BYTES_MAX < 4 * MemberPage::BYTES_MAX {
        let id = format!("{:0>1$}", expected.len(), Id::BYTES_MAX);
        rooms.join(ROOM, &id, "tab", &payload).await.unwrap();
        expected.insert(id, payload.clone());
    }
    for limit in [1, 10, 1_000] {
        assert!(listed(&rooms, ROOM, limit).await == expected, "pages of {limit} have not all members");
    }
}

/// A member that stays is listed, whoever comes and goes between pages.
pub async fn pages_miss_nobody_who_stays(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    for number in 0..60 {
        rooms.join(ROOM, format!("stays {number}"), "tab", "x").await.unwrap();
        rooms.join(ROOM, format!("goes {number}"), "tab", "x").await.unwrap();
    }
    let (mut all, mut cursor, mut number) = (BTreeMap::new(), Cursor::default(), 0);
    loop {
        let page = rooms.members(ROOM, cursor, 5).await.unwrap();
        all.extend(page.members.into_iter().map(|member| (member.id.to_string(), member.payload)));
        for _ in 0..4 {
            rooms.remove(ROOM, format!("goes {}", number * 7 % 60)).await.unwrap();
            rooms.join(ROOM, format!("comes {number}"), "tab", "x").await.unwrap();
            number += 1;
        }
        let Some(next) = page.next.filter(|_| number < 2_000) else { break };
        cursor = next;
    }
    assert_eq!(all.keys().filter(|id| id.starts_with("stays")).count(), 60);
}

/// Rooms know nothing of each other, nor of who is online.
pub async fn rooms_are_apart(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, presence) = (world.rooms().await.unwrap(), world.node().await.unwrap());
    let mut watch = RoomWatch::open(&rooms, "a", Since::Snapshot).await;
    // Written one after the other, these are the same.
    rooms.join("a:b", "c", "tab", "1").await.unwrap();
    rooms.join("a", "b:c", "tab", "2").await.unwrap();
    watch.joined("b:c", "2").await;
    rooms.remove("a:b", "c").await.unwrap();
    rooms.join("b", "b:c", "tab", "3").await.unwrap();
    rooms.remove("b", "b:c").await.unwrap();
    watch.silent(worlds.delivery).await;

    assert_eq!(presence.status(["b:c"]).await.unwrap(), [Status::Offline]);
    presence.hold_device("b:c", "tab").await.unwrap();
    presence.offline(["b:c"]).await.unwrap();
    presence.end_device("b:c", "tab").await.unwrap();
    watch.silent(worlds.delivery).await;
    assert_eq!(listed(&rooms, "a", 9).await.len(), 1);
    assert_eq!(presence.count().await.unwrap(), 0);
}

/// Lists all pages, each within its bounds, with cursors that travel as text.
pub(super) async fn listed(rooms: &Rooms, room: &str, limit: usize) -> Picture {
    let (mut all, mut cursor) = (BTreeMap::new(), Cursor::default());
    loop {
        let page = rooms.members(room, cursor, limit).await.unwrap();
        assert!(page.members.len() <= limit, "{} members of at most {limit}", page.members.len());
        let bytes: usize = page.members.iter().map(Member::page_bytes).sum();
        assert!(bytes <= MemberPage::BYTES_MAX, "{bytes} bytes of at most {}", MemberPage::BYTES_MAX);
        all.extend(page.members.into_iter().map(|member| (member.id.to_string(), member.payload)));
        let Some(next) = page.next else { return all };
        cursor = next.to_string().parse().unwrap();
    }
}
