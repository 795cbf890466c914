//! Statuses, last signs of life, listings.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::attempts::promptly;
use super::watch::Watch;
use super::worlds::Worlds;
use crate::event::{Since, Status};
use crate::page::Cursor;
use crate::presence::Presence;

/// A read has as many answers as questions, in their order.
pub async fn statuses_come_in_input_order(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    presence.online(["b", "d"]).await.unwrap();
    let (online, offline) = (Status::Online, Status::Offline);
    assert_eq!(
        other.status(["d", "a", "b", "d", "c", "a"]).await.unwrap(),
        [online, offline, online, online, offline, offline]
    );
}

/// The last sign of life is about now while an id is online.
///
/// It is the past for an id that was online, and nothing for one that never was.
pub async fn last_seen_is_the_last_sign_of_life(worlds: Worlds) {
    let terms = worlds.terms();
    let world = worlds.start(terms).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    assert_eq!(presence.last_seen(["a"]).await.unwrap(), [None]);

    promptly(worlds.delivery, async |_| {
        let beat = Instant::now();
        presence.online(["a"]).await.unwrap();
        watch.expect("a", Status::Online).await;
        sleep(terms.ttl / 2).await;
        assert!(seen(&presence, "a").await >= ago(beat) - worlds.delivery, "earlier than the heartbeat");

        watch.expect("a", Status::Offline).await;
        sleep(terms.ttl * 3).await;
        seen(&presence, "a").await.duration_since(ago(beat)).unwrap_or_default()
    })
    .await;

    promptly(worlds.delivery, async |_| {
        presence.hold_device("b", "tab").await.unwrap();
        watch.expect("b", Status::Online).await;
        sleep(terms.ttl * 3).await;
        let end = Instant::now();
        presence.end_device("b", "tab").await.unwrap();
        watch.expect("b", Status::Offline).await;
        sleep(terms.ttl).await;
        let seen = seen(&presence, "b").await;
        seen.duration_since(ago(end)).unwrap_or_else(|early| early.duration())
    })
    .await;
}

/// Pages and the count have everybody who is online, and nobody else.
pub async fn pages_list_everybody_who_is_online(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let (presence, other) = (world.node().await.unwrap(), world.node().await.unwrap());
    assert_eq!(listed(&presence, 10).await, BTreeSet::new());
    let ids: BTreeSet<_> = (0..300).map(|id| format!("user {id}")).collect();
    for id in &ids {
        presence.hold_device(id, "tab").await.unwrap();
    }
    other.online(["gone 1", "gone 2"]).await.unwrap();
    other.offline(["gone 1", "gone 2"]).await.unwrap();
    for limit in [1, 7, 299, 300, 1_000] {
        assert_eq!(listed(&other, limit).await, ids);
    }
    assert_eq!(other.count().await.unwrap(), 300);
}

/// An id of any allowed shape comes back from the store as it was.
pub async fn ids_of_every_shape_come_back_as_they_were(worlds: Worlds) {
    let world = worlds.start(worlds.long_terms()).await.unwrap();
    let presence = world.node().await.unwrap();
    let mut watch = Watch::open(&presence, Since::Now).await;
    let mut ids: BTreeSet<_> = [
        " ", "*", "?", "[a]", "{a}", "{a", "a}b", "a:b", "a.b", "$", "\\", "\"", "0", "-1", "名前", "🦀", "é",
    ]
    .map(str::to_owned)
    .into();
    ids.extend([38, 39, 512].map(|length| "x".repeat(length)));
    ids.insert("é".repeat(256));
    presence.online(&ids).await.unwrap();
    let online: Vec<_> = ids.iter().map(String::as_str).collect();
    watch.until_online(&online, worlds.delivery).await;
    assert_eq!(listed(&presence, 5).await, ids);
    assert_eq!(presence.status(&ids).await.unwrap(), vec![Status::Online; ids.len()]);
    presence.offline(&ids).await.unwrap();
    watch.until_online(&[], worlds.delivery).await;
}

/// Lists all pages, with cursors that travel as text.
async fn listed(presence: &Presence, limit: usize) -> BTreeSet<String> {
    let (mut all, mut cursor) = (BTreeSet::new(), Cursor::default());
    loop {
        let page = presence.online_ids(cursor, limit).await.unwrap();
        assert!(page.ids.len() <= limit, "{} ids of at most {limit}", page.ids.len());
        all.extend(page.ids.iter().map(ToString::to_string));
        let Some(next) = page.next else { return all };
        cursor = next.to_string().parse().unwrap();
    }
}

async fn seen(presence: &Presence, id: &str) -> SystemTime {
    let seen = presence.last_seen([id]).await.unwrap();
    // A store that counts whole milliseconds may have rounded the time up.
    let seen = seen[0].expect("was seen");
    assert!(seen <= wall_now() + Duration::from_millis(1), "seen in the future");
    seen
}

/// The wall time of an instant of tokio's clock, which may be paused.
fn ago(at: Instant) -> SystemTime {
    wall_now() - at.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "compared with what the backend read")]
fn wall_now() -> SystemTime {
    SystemTime::now()
}
