//! Laws about streams, which miss nothing and repeat nothing.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use super::watch::Watch;
use super::worlds::Worlds;
use crate::event::{Event, Since, Status};
use crate::position::Position;
use crate::presence::Presence;

/// A stream from now begins with its position.
pub async fn stream_from_now_gives_nothing_before(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    presence.online(["a"]).await.unwrap();
    Watch::open(&presence, Since::Snapshot).await;
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.online(["b"]).await.unwrap();
    watch.expect("b", Status::Online).await;
    watch.silent(worlds.delivery).await;
}

/// A stream from the position of an event gives exactly what followed.
///
/// This holds for any event, on any node, and for a position that was text in between.
pub async fn stream_resumes_from_any_position(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    let mut watch = Watch::open(&presence, Since::Now).await;
    for _ in 0..4 {
        presence.online(["a", "b", "c", "d"]).await.unwrap();
        presence.offline(["d", "a", "b", "c"]).await.unwrap();
    }
    let all = watch.take(4 * 8).await;
    let positions = [&watch.synced].into_iter().chain(all.iter().map(|event| &event.position));
    for (given, position) in positions.enumerate() {
        let position: Position = position.to_string().parse().unwrap();
        let mut resumed = Watch::open(&other, Since::Position(position.clone())).await;
        assert_eq!(resumed.synced, position);
        let rest = resumed.take(all.len() - given).await;
        assert_eq!(per_id(&rest), per_id(&all[given..]), "after {given} events");
        resumed.silent(worlds.delivery).await;
        assert!(!resumed.lagged);
    }
}

/// A stream that begins too late is told so, and gives what there is.
pub async fn position_outside_the_retention_gives_lagged(worlds: Worlds) {
    let mut terms = worlds.long_terms();
    terms.events_max = 50;
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    presence.online(["a"]).await.unwrap();
    let old = watch.expect("a", Status::Online).await.position;
    toggle(&presence, 20).await;
    let mut late = Watch::open(&presence, Since::Position(old)).await;
    assert!(late.lagged, "4,000 events later, of which 50 are kept");
    presence.online(["end"]).await.unwrap();
    let kept = late.until("end").await;
    assert!((1..4_000).contains(&kept.len()), "{} events are kept", kept.len());
}

/// A position that another store gave is not accepted.
pub async fn position_of_another_store_gives_lagged(worlds: Worlds) {
    let terms = worlds.long_terms();
    let (world, elsewhere) = (worlds.start(terms).await.unwrap(), worlds.start(terms).await.unwrap());
    let (presence, other) = (world.node().await.unwrap(), elsewhere.node().await.unwrap());
    for presence in [&presence, &other] {
        presence.online(["a", "b"]).await.unwrap();
    }
    let foreign = Watch::open(&other, Since::Snapshot).await.synced;
    let mut watch = Watch::open(&presence, Since::Position(foreign)).await;
    assert!(watch.lagged);
    presence.online(["end"]).await.unwrap();
    watch.until("end").await;
}

/// A stream that nobody reads delays nobody, and says what it lost.
pub async fn slow_stream_gets_all_or_lagged(worlds: Worlds) {
    let mut terms = worlds.long_terms();
    terms.events_max = 50;
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut slow = Watch::open(&presence, Since::Snapshot).await;
    toggle(&presence, 20).await;
    // The stream either gives all or says that it lagged: the watch fails if an id comes twice.
    let mut given = 0;
    while given < 4_000 && !slow.lagged {
        given += slow.take(1).await.len();
    }
    presence.online(["end"]).await.unwrap();
    slow.until("end").await;
}

/// A snapshot is followed by the changes without a gap.
///
/// Subscribers that come while everything moves end with the same picture, and get each change
/// once.
pub async fn snapshot_is_followed_by_changes_without_a_gap(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let stay: Vec<_> = (0..500).map(|id| format!("stays {id}")).collect();
    for id in &stay {
        presence.hold_device(id, "tab").await.unwrap();
    }
    let mut churn = JoinSet::new();
    for turn in 0..3 {
        let presence = world.node().await.unwrap();
        churn.spawn(async move {
            for step in 0..200 {
                let id = format!("moves {}", (step * 7 + turn) % 40);
                presence.hold_device(&id, "tab").await.unwrap();
                tokio::task::yield_now().await;
                if step % 3 != 0 {
                    presence.offline([&id]).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
            presence
        });
    }
    let mut watches = JoinSet::new();
    for _ in 0..10 {
        let presence = world.node().await.unwrap();
        watches.spawn(async move {
            let mut watch = Watch::open(&presence, Since::Snapshot).await;
            // Each change is checked against the snapshot.
            while watch.change(worlds.delivery).await.is_some() {}
            (watch, presence)
        });
        tokio::task::yield_now().await;
    }
    let _nodes = churn.join_all().await;
    let last = Watch::open(&presence, Since::Snapshot).await;
    assert_eq!(presence.count().await.unwrap(), last.online().len() as u64);
    assert!(last.online().len() > stay.len());
    for (mut watch, _node) in watches.join_all().await {
        watch.until_online(&last.online(), worlds.delivery).await;
        assert!(!watch.lagged);
    }
}

/// A change during a snapshot is in the snapshot or after it, once.
pub async fn snapshot_read_slowly_is_true_once_it_is_synced(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    let ids: Vec<_> = (0..200).map(|id| format!("user {id}")).collect();
    presence.online(&ids).await.unwrap();
    let mut turn = 0;
    let mut watch = Watch::open_slowly(&presence, Since::Snapshot, || {
        turn += 1;
        let (goes, comes) = (&ids[turn * 7 % ids.len()], format!("new {turn}"));
        let (other, moves) = (&other, turn <= ids.len());
        async move {
            if moves {
                other.offline([goes]).await.unwrap();
                other.online([&comes]).await.unwrap();
            }
        }
    })
    .await;
    let last = Watch::open(&presence, Since::Snapshot).await;
    watch.until_online(&last.online(), worlds.delivery).await;
}

/// A stream can go on from the position of a snapshot, as from an event's.
pub async fn position_of_a_snapshot_resumes_after_it(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    presence.online(["a", "b", "c"]).await.unwrap();
    presence.offline(["c"]).await.unwrap();
    let mut watch = Watch::open(&presence, Since::Snapshot).await;
    assert_eq!(watch.online(), ["a", "b"]);
    presence.online(["c"]).await.unwrap();
    presence.offline(["a"]).await.unwrap();
    let mut resumed = Watch::open(&presence, Since::Position(watch.synced.clone())).await;
    let changes = watch.take(2).await;
    assert_eq!(per_id(&resumed.take(2).await), per_id(&changes));
    watch.silent(worlds.delivery).await;
    resumed.silent(worlds.delivery).await;
}

/// Makes `rounds` times 200 events of 100 ids, which are offline in the end.
async fn toggle(presence: &Presence, rounds: usize) {
    // Many ids in one call, so that the events that are kept are outnumbered quickly.
    let ids: Vec<_> = (0..100).map(|id| format!("user {id}")).collect();
    for _ in 0..rounds {
        presence.online(&ids).await.unwrap();
        presence.offline(&ids).await.unwrap();
    }
}

/// What a store with several logs promises to keep in order.
fn per_id(events: &[Event]) -> BTreeMap<&str, Vec<Status>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in events {
        all.entry(event.id.as_str()).or_default().push(event.status);
    }
    all
}
