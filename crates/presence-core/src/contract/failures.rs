//! Laws about foreign data, the loss of the store and of a process.
//!
//! A [`World`] says which of them can happen.

use tokio::time::{Instant, sleep};

use super::attempts::{ends_in_time, promptly};
use super::watch::{PATIENCE, Watch};
use super::worlds::Worlds;
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, Since, Status};
use crate::page::Cursor;
use crate::presence::Presence;

/// Foreign data where the backend looks for its own gives no event.
pub async fn what_is_not_ours_is_no_event(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    presence.online(["a"]).await.unwrap();
    presence.hold_device("b", "tab").await.unwrap();
    let mut watch = Watch::open(&presence, Since::Snapshot).await;
    if !world.litter().await {
        return;
    }
    watch.silent(worlds.delivery).await;
    assert_eq!(Watch::open(&presence, Since::Snapshot).await.online(), ["a", "b"]);
    assert_eq!(presence.count().await.unwrap(), 2);
    let page = presence.online_ids(Cursor::default(), 100).await.unwrap();
    assert!(page.ids.iter().all(|id| ["a", "b"].contains(&id.as_str())), "{page:?}");
    presence.offline(["a"]).await.unwrap();
    watch.expect("a", Status::Offline).await;
    world.litter().await;
    watch.silent(worlds.delivery).await;
}

/// A lost store fails calls in time, and nobody goes offline by it.
///
/// What cannot be read is not "offline". When the store is back, everything goes on.
pub async fn lost_store_fails_calls_in_time_and_nobody_goes_offline(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    presence.online(["a"]).await.unwrap();
    other.hold_device("b", "tab").await.unwrap();
    let mut watch = Watch::open(&presence, Since::Snapshot).await;
    watch.troubled = true;
    if !world.lose().await {
        return;
    }
    for node in [&presence, &other] {
        for call in 0..CALLS {
            ends_in_time(worlds.timeout, call, async || make(node, call).await).await;
        }
    }
    world.restore().await;
    let begin = Instant::now();
    for node in [&presence, &other] {
        for call in 0..CALLS {
            while let Err(error) = make(node, call).await {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "call {call}: {error}");
                assert!(begin.elapsed() < PATIENCE, "call {call} fails for good: {error}");
                sleep(worlds.delivery / 10).await;
            }
        }
    }
    // Whatever the store forgot, it has been told again.
    presence.online(["a", "c"]).await.unwrap();
    while presence.status(["a", "b", "c"]).await.ok() != Some(vec![Status::Online; 3]) {
        assert!(begin.elapsed() < PATIENCE, "somebody is offline for good");
        sleep(worlds.delivery / 10).await;
    }
    assert_eq!(Watch::open(&other, Since::Snapshot).await.online(), ["a", "b", "c"]);
    other.offline(["c"]).await.unwrap();
    // Nobody else was offline, unless the stream says that it does not know.
    let mut changes = Vec::new();
    while changes.last().is_none_or(|last: &Event| (last.id.as_str(), last.status) != ("c", Status::Offline))
    {
        changes.push(watch.change(PATIENCE).await.expect("the stream goes on"));
    }
    let other_id = changes.iter().find(|event| event.id.as_str() != "c");
    assert!(other_id.is_none() || watch.lagged, "nothing happened to {other_id:?}");
    if !watch.lagged {
        watch.until_online(&["a", "b"], worlds.delivery).await;
    }
    other.offline(["a"]).await.unwrap();
    assert_eq!(watch.until_offline("a").await, Cause::Explicit);
}

/// The devices of a lost process are lost once, in time and not before.
///
/// What other processes keep stays.
pub async fn devices_of_a_lost_process_are_lost_in_time(worlds: Worlds) {
    let Some(takeover) = worlds.takeover else { return };
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let stays = world.node().await.unwrap();
    let mut watch = Watch::open(&stays, Since::Snapshot).await;
    promptly(terms.silence() + takeover + worlds.lateness + worlds.delivery, async |_| {
        let goes = world.node().await.unwrap();
        goes.hold_device("held", "tab").await.unwrap();
        goes.hold_device("both", "tab").await.unwrap();
        stays.hold_device("both", "phone").await.unwrap();
        let beat = Instant::now();
        goes.online(["beating"]).await.unwrap();
        let gone = Instant::now();
        // Leaves everything as if it had died.
        goes.shutdown(PATIENCE).await;
        let mut lost = 0;
        while lost < 2 {
            let event = watch.change(PATIENCE).await.unwrap_or_else(|| panic!("{lost} of 2 are lost"));
            if event.status == Status::Offline {
                assert_ne!(event.id.as_str(), "both");
                assert!(event.id.as_str() != "beating" || beat.elapsed() >= terms.silence(), "too early");
                lost += 1;
            }
        }
        gone.elapsed()
    })
    .await;
    watch.silent(terms.silence() + takeover).await;
    assert_eq!(stays.status(["held", "beating", "both"]).await.unwrap()[2], Status::Online);
    assert_eq!(watch.online(), ["both"]);
}

/// Makes one of the calls that change nothing about who is online, and checks what it says if it
/// says something.
async fn make(presence: &Presence, call: usize) -> Result<(), Error> {
    match call {
        0 => presence.online(["a"]).await?,
        1 => presence.hold_device("b", "tab").await?,
        2 => {
            let status = match presence.status(["a", "b"]).await {
                Ok(status) => status,
                Err(error) => {
                    assert!(!error.partial().contains(&Status::Offline), "could not be read: {error}");
                    return Err(error.into());
                }
            };
            assert_eq!(status, [Status::Online; 2]);
        }
        3 => drop(presence.last_seen(["a"]).await?),
        4 => assert!(presence.count().await? >= 2, "somebody is not counted"),
        5 => {
            let page = presence.online_ids(Cursor::default(), 100).await?;
            assert!(!page.ids.is_empty() || page.next.is_some(), "nobody is listed");
        }
        6 => presence.end_device("nobody", "tab").await?,
        _ => presence.offline(["nobody"]).await?,
    }
    Ok(())
}

const CALLS: usize = 8;
