//! What the feature `serde` makes of the types that programs pass on, as JSON.

#![allow(clippy::unwrap_used, reason = "a test panics where it is broken, also in what its cases share")]

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use presence_core::rooms::{Action, Member, MemberPage, Payload, Room, RoomEvent, RoomUpdate};
use presence_core::{Cause, Cursor, Device, Event, Id, IdPage, Position, Since, Status, Update};
use serde_json::{Value, from_value, json, to_value};

/// Compares the JSON of a value, and reads it back.
#[expect(clippy::needless_pass_by_value, reason = "a call reads better without a `&` before each value")]
fn same<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug>(value: T, expected: Value) {
    assert_eq!(to_value(&value).unwrap(), expected);
    assert_eq!(from_value::<T>(expected).unwrap(), value);
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_000)
}

fn position() -> Position {
    Position::sharded(0x9f3a, &[57, 3]).unwrap()
}

#[test]
fn names_and_places_are_their_text() {
    same(id("alice"), json!("alice"));
    same(Room::new("lobby").unwrap(), json!("lobby"));
    same(Device::new("tab 1").unwrap(), json!("tab 1"));
    same(position(), json!("0000000000009f3a-57.3"));
    same(Cursor::new(3, 7), json!("3.7"));
    same(IdPage::new(vec![id("a")], None), json!({ "ids": ["a"], "next": null }));
    for wrong in [json!(""), json!("a\nb"), json!(7)] {
        assert!(from_value::<Id>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn statuses_and_events_are_written_as_the_server_writes_them() {
    same(vec![Status::Online, Status::Offline, Status::Unknown], json!(["ONLINE", "OFFLINE", "UNKNOWN"]));
    let event = Event::new(id("alice"), Cause::Ended, at(), position());
    let written = json!({
        "id": "alice",
        "status": "OFFLINE",
        "cause": "ENDED",
        "at": 1_790_000_000_000_u64,
        "position": "0000000000009f3a-57.3",
    });
    same(event.clone(), written.clone());
    same(Update::Change(event), json!({ "change": written }));
    same(
        Update::present(id("bob"), Status::Online),
        json!({ "present": { "id": "bob", "status": "ONLINE" } }),
    );
    same(Update::Synced(position()), json!({ "synced": "0000000000009f3a-57.3" }));
    same(Since::Now, json!("now"));
    same(Since::Position(position()), json!({ "position": "0000000000009f3a-57.3" }));
    let mut contradicts = written;
    contradicts["status"] = json!("ONLINE");
    assert!(from_value::<Event>(contradicts).unwrap_err().to_string().contains("Ended"));
}

#[test]
fn what_rooms_give_keeps_payloads_of_text_and_of_bytes() {
    let payload = |bytes: &[u8]| Payload::new(bytes).unwrap();
    same(payload(b"{\"name\":\"Alice\"}"), json!("{\"name\":\"Alice\"}"));
    same(payload(&[0, 255]), json!([0, 255]));
    same(payload(b""), json!(""));
    assert!(from_value::<Payload>(json!("x".repeat(Payload::BYTES_MAX + 1))).is_err());
    assert!(from_value::<Payload>(json!(vec![0; Payload::BYTES_MAX + 1])).is_err());
    let member = Member::new(id("alice"), payload(b"x"));
    same(RoomUpdate::Present(member.clone()), json!({ "present": { "id": "alice", "payload": "x" } }));
    let page = MemberPage::new(vec![member], Some(Cursor::new(0, 1)));
    same(page, json!({ "members": [{ "id": "alice", "payload": "x" }], "next": "0.1" }));
    let event = |action| RoomEvent::new(id("alice"), action, 2, at(), position());
    for (action, expected) in [
        (Action::Joined(payload(b"x")), json!({ "joined": "x" })),
        (Action::Updated(payload(b"y")), json!({ "updated": "y" })),
        (Action::Left(Cause::Expired), json!({ "left": "EXPIRED" })),
    ] {
        let written = json!({
            "id": "alice",
            "action": expected,
            "count": 2,
            "at": 1_790_000_000_000_u64,
            "position": "0000000000009f3a-57.3",
        });
        same(RoomUpdate::Change(event(action)), json!({ "change": written }));
    }
}
