//! What the logs in memory keep is bounded in bytes as well as in number.

use presence_core::memory::{Config, Memory};
use presence_core::rooms::{Payload, RoomUpdate, Rooms};
use presence_core::{Error, ErrorKind, Events, Id, Presence, Since, Update};

/// The first item of a stream.
async fn first<U>(mut events: Events<U>) -> Result<U, Error> {
    events.next().await.expect("a stream begins with an item")
}

/// How many events are lost to who reads on from there.
fn missed<U>(item: Result<U, Error>) -> u64 {
    match item {
        Ok(_) => 0,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
            error.missed().expect("it is the same log")
        }
    }
}

#[tokio::test]
async fn fewer_events_of_long_ids_are_kept() {
    for (length, lost) in [(38, 0..1), (190, 0..1), (Id::BYTES_MAX, 500..600)] {
        let presence = Presence::new(Memory::start(Config::default().events_max(1_000)).unwrap());
        let begun = first(presence.events(Since::Now).await.unwrap()).await.unwrap();
        let Update::Synced(begun) = begun else { panic!("{begun:?}") };
        for number in 0..1_000 {
            presence.online([format!("{number:0>length$}").as_str()]).await.unwrap();
        }
        let missed = missed(first(presence.events(Since::Position(begun)).await.unwrap()).await);
        assert!(lost.contains(&missed), "{missed} events of ids of {length} bytes are lost");
    }
}

#[tokio::test]
async fn fewer_events_of_rooms_are_kept_where_much_is_shown() {
    // A hundred for each of the parts, of which one room uses one.
    let config = Config::default().events_max(100 * Config::STRIPES).room_events_max(1_000);
    for (length, lost) in [(10, 0..1), (300, 0..1), (Payload::BYTES_MAX, 80..95)] {
        let rooms = Rooms::new(Memory::start(config.clone()).unwrap());
        // While it has a member, its log goes on.
        rooms.join("hello", "alice", "tab", "").await.unwrap();
        let begun = first(rooms.events("hello", Since::Now).await.unwrap()).await.unwrap();
        let RoomUpdate::Synced(begun) = begun else { panic!("{begun:?}") };
        for number in 0..100 {
            let payload = format!("{number:0>length$}");
            rooms.update("hello", "alice", payload.as_str()).await.unwrap();
        }
        let missed = missed(first(rooms.events("hello", Since::Position(begun)).await.unwrap()).await);
        assert!(lost.contains(&missed), "{missed} events of {length} bytes are lost");
    }
}
