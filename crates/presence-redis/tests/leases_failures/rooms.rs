//! Rooms when Redis or a process fails.

use std::time::Duration;

use futures_util::StreamExt;
use presence_core::rooms::{Action, RoomUpdate, Rooms};
use presence_core::{Cause, Cursor, ErrorKind, Events, Since};
use presence_redis::leases::{Config, Leases};
use test_support::Redis;
use tokio::time::{Instant, sleep_until, timeout};

use super::wire::Wire;
use super::{PATIENCE, config, link, tell};

async fn rooms(config: &Config) -> Rooms {
    Rooms::new(Leases::start(config.clone()).await.expect("redis is there"))
}

#[tokio::test(flavor = "multi_thread")]
async fn room_is_empty_after_the_last_process() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let config = config(redis.url()).ttl(Duration::from_millis(500));
    let last = rooms(&config).await;
    last.join("lobby", "a", "tab", "x").await.unwrap();
    last.shutdown(PATIENCE).await;
    // What nobody renews is over by then, and nobody was there to say so.
    sleep_until(Instant::now() + Duration::from_secs(3)).await;
    let next = rooms(&config).await;
    assert_eq!(next.count("lobby").await.unwrap(), 0);
    assert_eq!(next.members("lobby", Cursor::default(), 9).await.unwrap().members, []);
}

/// Reads on to the next change.
async fn change(events: &mut Events<RoomUpdate>) -> (String, Action) {
    loop {
        let item = timeout(PATIENCE, events.next()).await.expect("something happens").expect("it goes on");
        if let RoomUpdate::Change(event) = item.expect("nothing is lost") {
            return (event.id.to_string(), event.action);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn process_that_was_cut_off_takes_its_seats_again() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let wire = Wire::start(redis.url()).await;
    // A lease that no busy machine loses.
    let config = config(redis.url()).ttl(Duration::from_secs(3));
    let lives = rooms(&config).await;
    let cut = rooms(&config.link(link(&wire.url))).await;
    cut.join("lobby", "stays", "tab", "x").await.unwrap();
    cut.join("lobby", "leaves", "tab", "x").await.unwrap();
    cut.join("lobby", "both", "tab", "x").await.unwrap();
    lives.join("lobby", "both", "phone", "x").await.unwrap();
    let mut events = lives.events("lobby", Since::Now).await.unwrap();

    wire.cut();
    for _ in 0..2 {
        let (id, action) = change(&mut events).await;
        assert_eq!(action, Action::Left(Cause::Expired), "{id}");
    }
    assert_eq!(lives.count("lobby").await.unwrap(), 1);
    // What it does meanwhile fails, and counts in the end.
    assert!(cut.leave("lobby", "leaves", "tab").await.is_err());
    assert!(cut.update("lobby", "stays", "y").await.is_err());
    wire.mend();
    assert_eq!(change(&mut events).await, ("stays".to_owned(), Action::Joined("y".try_into().unwrap())));
    let more = timeout(Duration::from_secs(2), events.next()).await;
    assert!(more.is_err(), "{more:?}");
    assert_eq!(lives.count("lobby").await.unwrap(), 2);
    cut.leave("lobby", "stays", "tab").await.unwrap();
    assert_eq!(change(&mut events).await, ("stays".to_owned(), Action::Left(Cause::Ended)));
}

/// A process whose streams cannot be read for, as that takes a connection more, and a stream that
/// is yet to hear who joined.
async fn unread(wire: &Wire) -> (Rooms, Events<RoomUpdate>) {
    let rooms = rooms(&config(&wire.url).link(link(&wire.url).connect_timeout(PATIENCE))).await;
    wire.fill();
    let mut events = rooms.events("lobby", Since::Now).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(RoomUpdate::Synced(_)))));
    rooms.join("lobby", "a", "tab", "x").await.unwrap();
    (rooms, events)
}

/// Checks that a stream is at its end.
async fn ended(events: &mut Events<RoomUpdate>) {
    let item = timeout(PATIENCE, events.next()).await.expect("it ends");
    assert!(item.is_none(), "unexpected {item:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_ends_after_what_has_happened_though_nobody_could_read_for_it() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let wire = Wire::start(redis.url()).await;
    let (rooms, mut events) = unread(&wire).await;
    assert!(rooms.shutdown(PATIENCE).await);
    assert_eq!(change(&mut events).await, ("a".to_owned(), Action::Joined("x".try_into().unwrap())));
    ended(&mut events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_that_may_miss_something_at_its_end_says_so() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let wire = Wire::start(redis.url()).await;
    let (rooms, mut events) = unread(&wire).await;
    wire.cut();
    assert!(rooms.shutdown(PATIENCE).await);
    let told = timeout(PATIENCE, events.next()).await.expect("it ends").expect("it says so before");
    assert_eq!(told.unwrap_err().kind(), ErrorKind::Unavailable);
    ended(&mut events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_room_is_told_again() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let config = config(redis.url());
    let (one, other) = (rooms(&config).await, rooms(&config).await);
    for number in 0..500 {
        let at = if number % 2 == 0 { &one } else { &other };
        at.join("lobby", format!("user {number}"), "tab", format!("I am {number}")).await.unwrap();
    }
    let mut events = one.events("lobby", Since::Now).await.unwrap();
    assert!(matches!(events.next().await, Some(Ok(RoomUpdate::Synced(_)))));
    tell(&redis, &["FLUSHALL"]).await;
    let told = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    assert_eq!(told.unwrap_err().kind(), ErrorKind::Lagged);
    // An answer is either true or an error.
    let until = Instant::now() + PATIENCE;
    let members = loop {
        match one.events("lobby", Since::Snapshot).await {
            Ok(events) => {
                let members =
                    events.take_while(|item| std::future::ready(!matches!(item, Ok(RoomUpdate::Synced(_)))));
                let members: Vec<_> =
                    members.filter_map(|item| std::future::ready(item.ok())).collect().await;
                break members;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        assert!(Instant::now() < until);
    };
    assert_eq!(members.len(), 500);
    for update in members {
        let RoomUpdate::Present(member) = update else { panic!("unexpected {update:?}") };
        let number = member.id.as_str().trim_start_matches("user ").to_owned();
        assert_eq!(member.payload.as_bytes(), format!("I am {number}").as_bytes());
    }
}

#[tokio::test]
async fn member_who_joins_while_it_is_updated_stays() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let rooms = rooms(&config(redis.url())).await;
    let mut rounds = (0..20).map(|round| format!("lobby {round}"));
    let lobby = loop {
        let lobby = rounds.next().expect("the machine was not too busy, 20 times");
        rooms.count(&lobby).await.unwrap();
        // Both in one call to Redis, as nothing else runs in between; unless a renewal is late.
        let (updated, joined) =
            tokio::join!(rooms.update(&lobby, "a", "y"), rooms.join(&lobby, "a", "tab", "x"));
        joined.unwrap();
        if !updated.unwrap() {
            break lobby;
        }
    };
    let mut events = rooms.events(&lobby, Since::Snapshot).await.unwrap();
    // Until the counts have been compared, which would find a seat that is not kept here.
    let leaves = async {
        loop {
            if matches!(change(&mut events).await.1, Action::Left(_)) {
                return;
            }
        }
    };
    assert!(timeout(Duration::from_secs(2), leaves).await.is_err(), "the member was thrown out");
    assert_eq!(rooms.count(&lobby).await.unwrap(), 1);
}
