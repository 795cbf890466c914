//! Laws about the loss of the store and of a process, for rooms.
//!
//! A [`World`](crate::contract::World) says which of them can happen.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::ROOM;
use super::closing::every_call;
use super::listing::listed;
use super::watch::RoomWatch;
use super::world::RoomWorlds;
use crate::contract::attempts::{ends_in_time, promptly};
use crate::contract::watch::PATIENCE;
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Since};
use crate::page::Cursor;
use crate::rooms::{Action, Payload, Rooms};
use crate::state::State;

/// A lost store leaves rooms as they were, and fails calls in time.
///
/// When it is back, members are where they were and show what they did.
pub async fn lost_store_leaves_rooms_as_they_were(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (rooms, other) = (world.rooms().await.unwrap(), world.rooms().await.unwrap());
    rooms.join(ROOM, "a", "tab", "I am a").await.unwrap();
    other.join(ROOM, "b", "tab", "I am b").await.unwrap();
    let mut watch = RoomWatch::open(&rooms, ROOM, Since::Snapshot).await;
    watch.troubled = true;
    if !world.lose().await {
        return;
    }
    for node in [&rooms, &other] {
        for call in 0..CALLS {
            ends_in_time(worlds.timeout, call, async || make(node, call).await).await;
        }
    }
    world.restore().await;
    let begin = Instant::now();
    for node in [&rooms, &other] {
        for call in 0..CALLS {
            while let Err(error) = make(node, call).await {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "call {call}: {error}");
                assert!(begin.elapsed() < PATIENCE, "call {call} fails for good: {error}");
                sleep(worlds.delivery / 10).await;
            }
        }
    }
    let payload = |text: &str| Payload::new(text).unwrap();
    let expected = BTreeMap::from([("a".into(), payload("I am a")), ("b".into(), payload("I am b"))]);
    while listed(&rooms, ROOM, 10).await != expected {
        assert!(begin.elapsed() < PATIENCE, "somebody is lost for good");
        sleep(worlds.delivery / 10).await;
    }
    assert_eq!(RoomWatch::open(&other, ROOM, Since::Snapshot).await.picture(), expected);
    rooms.join(ROOM, "c", "tab", "I am c").await.unwrap();
    let changes = watch.until("c").await;
    assert!(changes.len() == 1 || watch.lagged, "nothing happened: {changes:?}");
    other.remove(ROOM, "a").await.unwrap();
    watch.left("a", Cause::Explicit).await;
}

/// The members of a lost process leave once, in time.
///
/// Those that other processes keep stay.
pub async fn members_of_a_lost_process_leave_in_time(worlds: RoomWorlds) {
    let Some(takeover) = worlds.takeover else { return };
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let stays = world.rooms().await.unwrap();
    let mut watch = RoomWatch::open(&stays, ROOM, Since::Snapshot).await;
    promptly(terms.silence() + takeover + worlds.lateness + worlds.delivery, async |_| {
        let goes = world.rooms().await.unwrap();
        goes.join(ROOM, "held", "tab", "x").await.unwrap();
        goes.join(ROOM, "both", "tab", "x").await.unwrap();
        stays.join(ROOM, "both", "phone", "x").await.unwrap();
        let beat = Instant::now();
        goes.join_beating(ROOM, "beating", "tab", "x").await.unwrap();
        let gone = Instant::now();
        // Leaves everything as if it had died.
        goes.shutdown(PATIENCE).await;
        let mut lost = 0;
        while lost < 2 {
            let event = watch.change(PATIENCE).await.unwrap_or_else(|| panic!("{lost} of 2 left"));
            if let Action::Left(_) = event.action {
                assert_ne!(event.id.as_str(), "both");
                assert!(event.id.as_str() != "beating" || beat.elapsed() >= terms.silence(), "too early");
                lost += 1;
            }
        }
        gone.elapsed()
    })
    .await;
    watch.silent(terms.silence() + takeover).await;
    assert_eq!(watch.picture(), listed(&stays, ROOM, 10).await);
    assert_eq!(watch.picture().into_keys().collect::<Vec<_>>(), ["both"]);
}

/// A shutdown may come at any moment, amid calls and streams.
///
/// Each call does its work or says `Closed`, and everything ends.
pub async fn shutdown_of_rooms_may_come_at_any_moment(worlds: RoomWorlds) {
    for moment in [0, 1, 5, 20] {
        let world = worlds.start(worlds.long_terms()).await.unwrap();
        let rooms = world.rooms().await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let rooms = rooms.clone();
            tasks.spawn(async move {
                loop {
                    for (call, result) in every_call(&rooms).await.into_iter().enumerate() {
                        if let Err(error) = result {
                            assert_eq!(error.kind(), ErrorKind::Closed, "call {call}: {error:?}");
                            return;
                        }
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        for since in [Since::Now, Since::Snapshot] {
            let mut watch = RoomWatch::open(&rooms, ROOM, since).await;
            tasks.spawn(async move { while watch.change(worlds.ttl).await.is_some() {} });
        }
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        let clone = rooms.clone();
        let ended = tokio::join!(rooms.shutdown(PATIENCE), clone.shutdown(PATIENCE));
        assert_eq!(ended, (true, true), "both wait for the same end");
        tasks.join_all().await;
    }
}

/// The state of rooms is that of their store.
///
/// A stream of a room says once that the store is away.
pub async fn room_stream_says_once_that_the_store_is_away(worlds: RoomWorlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let rooms = world.rooms().await.unwrap();
    rooms.join(ROOM, "a", "tab", "I am a").await.unwrap();
    let mut state = rooms.state();
    timeout(PATIENCE, state.wait_for(State::is_well)).await.expect("rooms are well").unwrap();
    let mut events = rooms.events(ROOM, Since::Now).await.unwrap();
    for outage in ["first", "second"] {
        if !world.lose().await {
            return;
        }
        let (mut told, mut until) = (0, Instant::now() + PATIENCE);
        while let Ok(item) = timeout_at(until, events.next()).await {
            if item.expect("the stream goes on").is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
                told += 1;
                until = Instant::now() + OUTAGE;
            }
        }
        assert_eq!(told, 1, "the {outage} outage");
        assert!(!state.borrow().is_well());
        world.restore().await;
        timeout(PATIENCE, state.wait_for(State::is_well)).await.expect("rooms are well again").unwrap();
        // A stream that was troubled may read the first by itself, before those go on who read for
        // all; the second one it gets from them.
        let (mut heard, mut number) = (0, 0);
        while heard < 2 {
            number += 1;
            come_back(&rooms, &format!("{outage}-{number}")).await;
            // The join, or the word that events were lost; no word of the outage any more.
            let next = timeout(PATIENCE, events.next()).await.expect("the stream goes on");
            heard = match next.expect("it is open") {
                Ok(_) => heard + 1,
                Err(error) if error.kind() == ErrorKind::Lagged => 0,
                Err(error) => panic!("not told again: {error}"),
            };
        }
    }
}

/// Joins, trying for as long as the store may need to be whole again.
async fn come_back(rooms: &Rooms, id: &str) {
    let begin = Instant::now();
    while let Err(error) = rooms.join(ROOM, id, "tab", "I am back").await {
        assert!(begin.elapsed() < PATIENCE, "nobody can join again: {error}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Makes one of the calls that change nothing, and checks what it says if it says something.
async fn make(rooms: &Rooms, call: usize) -> Result<(), Error> {
    match call {
        0 => rooms.join(ROOM, "a", "tab", "I am a").await?,
        1 => rooms.join_beating(ROOM, "b", "phone", "I am b").await?,
        2 => drop(rooms.beat(ROOM, "b", "phone").await?),
        3 => assert!(rooms.update(ROOM, "a", "I am a").await?, "a member is none"),
        4 => assert!(rooms.count(ROOM).await? >= 2, "somebody is not counted"),
        5 => {
            let page = rooms.members(ROOM, Cursor::default(), 10).await?;
            assert!(!page.members.is_empty() || page.next.is_some(), "nobody is listed");
        }
        6 => rooms.leave(ROOM, "nobody", "tab").await?,
        _ => rooms.remove(ROOM, "nobody").await?,
    }
    Ok(())
}

const CALLS: usize = 8;

/// How long an outage lasts at least that a stream may tell once: many times the wait between two
/// attempts.
const OUTAGE: Duration = Duration::from_secs(6);
