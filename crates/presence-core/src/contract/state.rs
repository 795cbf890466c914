//! Laws about the state of a store, and what streams say of an outage.

use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::watch::PATIENCE;
use super::worlds::Worlds;
use crate::error::ErrorKind;
use crate::event::{Since, Status, Update};
use crate::events::Events;
use crate::presence::Presence;
use crate::state::State;

/// A backend that works is well, on every handle, and down once it was shut down.
pub async fn state_is_well_until_the_end(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut state = presence.clone().state();
    until(&mut state, State::is_well).await;
    presence.online(["a"]).await.unwrap();
    assert!(state.borrow().is_well());
    assert_eq!(presence.warnings().await.unwrap(), [""; 0], "the store of a test is as it should be");
    assert!(presence.shutdown(PATIENCE).await);
    until(&mut state, is_down).await;
    assert!(is_down(&presence.state().borrow()));
}

/// The state follows the loss of the store without a call, and says why.
///
/// When the store is back the state says that, too.
pub async fn state_follows_the_loss_of_the_store(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    presence.hold_device("a", "tab").await.unwrap();
    let mut state = presence.state();
    until(&mut state, State::is_well).await;
    if !world.lose().await {
        return;
    }
    until(&mut state, is_down).await;
    assert!(state.borrow().reason().is_some_and(|reason| !reason.is_empty()));
    world.restore().await;
    until(&mut state, State::is_well).await;
    works(&presence, "b").await;
}

/// A store that answers reads and refuses writes is not well.
///
/// Nobody is offline because of it, however long it lasts.
pub async fn refused_writes_show_in_the_state_and_nobody_goes_offline(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    presence.hold_device("a", "tab").await.unwrap();
    let mut states = [presence.state(), other.state()];
    for state in &mut states {
        until(state, State::is_well).await;
    }
    if !world.refuse_writes().await {
        return;
    }
    for state in &mut states {
        until(state, |state| matches!(state, State::ReadOnly { .. })).await;
    }
    // Longer than any lease or key lives by itself.
    let over =
        Instant::now() + terms.silence() + worlds.takeover.unwrap_or_default() + Duration::from_secs(1);
    while Instant::now() < over {
        for node in [&presence, &other] {
            never_offline(node).await;
        }
        sleep(worlds.delivery / 10).await;
    }
    world.accept_writes().await;
    for state in &mut states {
        until(state, State::is_well).await;
    }
    let begin = Instant::now();
    while presence.status(["a"]).await.ok() != Some(vec![Status::Online]) {
        never_offline(&other).await;
        assert!(begin.elapsed() < PATIENCE, "who is held is not online again");
        sleep(worlds.delivery / 10).await;
    }
    works(&other, "b").await;
}

/// A stream says once for each outage that the store is away.
///
/// It does not matter how long the outage lasts and how often the store is tried.
pub async fn stream_says_once_that_the_store_is_away(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    presence.hold_device("a", "tab").await.unwrap();
    let mut events = presence.events(Since::Now).await.unwrap();
    for outage in ["first", "second"] {
        if !world.lose().await {
            return;
        }
        assert_eq!(
            troubles(&mut events, Instant::now() + PATIENCE, 1).await,
            1,
            "the {outage} outage is told"
        );
        let more = troubles(&mut events, Instant::now() + OUTAGE, usize::MAX).await;
        assert_eq!(more, 0, "the {outage} outage is told once, not {} times", more + 1);
        world.restore().await;
        let more = troubles_until_read(&presence, &mut events, outage).await;
        assert_eq!(more, 0, "an outage that is over is not told again");
        presence.state().wait_for(State::is_well).await.unwrap();
    }
}

/// Waits until events are read for a stream again, and counts what it says of outages meanwhile.
///
/// A stream that was troubled may read the first event by itself, before those go on who read for
/// all; the second one it gets from them. An event can be among what was lost.
async fn troubles_until_read(presence: &Presence, events: &mut Events, outage: &str) -> usize {
    let (mut count, mut heard, mut number) = (0, 0, 0);
    while heard < 2 {
        number += 1;
        let id = format!("{outage}-{number}");
        works(presence, &id).await;
        heard = loop {
            let next = timeout(PATIENCE, events.next()).await.expect("the stream goes on after an outage");
            match next.expect("the stream goes on") {
                Ok(Update::Change(event)) if event.id.as_str() == id => break heard + 1,
                Err(error) if error.kind() == ErrorKind::Unavailable => count += 1,
                Err(_) => break 0,
                Ok(_) => {}
            }
        };
    }
    count
}

/// Counts what a stream says of outages, until `time` or so many.
async fn troubles(events: &mut Events, time: Instant, enough: usize) -> usize {
    let mut count = 0;
    while count < enough {
        match timeout_at(time, events.next()).await {
            Err(_) => break,
            Ok(None) => panic!("the stream ended"),
            Ok(Some(Err(error))) if error.kind() == ErrorKind::Unavailable => count += 1,
            Ok(Some(_)) => {}
        }
    }
    count
}

async fn never_offline(node: &Presence) {
    let statuses = match node.status(["a"]).await {
        Ok(statuses) => statuses,
        Err(error) => error.partial().clone(),
    };
    assert_ne!(statuses, [Status::Offline], "a device of it is held");
}

/// Brings an id online, trying for as long as the store may need to be whole again.
async fn works(presence: &Presence, id: &str) {
    let begin = Instant::now();
    while let Err(error) = presence.online([id]).await {
        assert!(begin.elapsed() < PATIENCE, "it does not work again: {error}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn until(state: &mut Receiver<State>, is: fn(&State) -> bool) {
    if timeout(PATIENCE, state.wait_for(is)).await.is_err() {
        panic!("the state stays: {}", *state.borrow());
    }
}

fn is_down(state: &State) -> bool {
    matches!(state, State::Down { .. })
}

/// How long an outage lasts at least that a stream may tell once: many times the wait between two
/// attempts.
const OUTAGE: Duration = Duration::from_secs(6);
