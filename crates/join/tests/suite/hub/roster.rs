//! A snapshot and the changes fit.

use conductor_hub::{Hooks, Hub};
use presence_core::Presence;
use presence_core::memory::Memory;
use serde_json::{Value, json};
use tidings_join::channel;
use tidings_join::roster::{Roster, RosterKeeper};

use super::client::{Client, Names};
use crate::PATIENCE;

fn who(roster: &Roster) -> Value {
    serde_json::from_slice(&roster.who()).expect("it is JSON")
}

#[tokio::test]
async fn changes_come_with_the_positions_of_the_copy() {
    let presence = Presence::new(Memory::start(Default::default()).unwrap());
    let hub = Hub::start(Default::default(), Hooks::default().auth(Names)).unwrap();
    let roster = Roster::default();
    let mut listener = Client::connect(&hub, "").await;
    listener.bind(channel::PRESENCE).await;
    assert_eq!(who(&roster), json!({ "ids": [], "count": 0, "position": "0" }));

    presence.hold_device("bob", "phone").await.unwrap();
    let keeper = RosterKeeper::start(roster.clone(), presence.clone(), hub.clone()).unwrap();
    let (named, made) = listener.next_json().await;
    assert_eq!((named.as_str(), made), (channel::PRESENCE, json!({ "lagged": true, "position": "1" })));
    assert_eq!(who(&roster), json!({ "ids": ["bob"], "count": 1, "position": "1" }));

    presence.hold_device("alice", "phone").await.unwrap();
    let change = listener.next_json().await.1;
    assert_eq!((&change["id"], &change["status"]), (&json!("alice"), &json!("ONLINE")));
    assert_eq!(change["position"], "2");
    assert!(change["at"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{change}");
    presence.offline(["bob"]).await.unwrap();
    let change = listener.next_json().await.1;
    assert_eq!((&change["id"], &change["status"]), (&json!("bob"), &json!("OFFLINE")));
    assert_eq!(who(&roster), json!({ "ids": ["alice"], "count": 1, "position": "3" }));

    assert!(keeper.shutdown(PATIENCE).await && keeper.shutdown(PATIENCE).await);
    assert_eq!(who(&roster)["position"], "3");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_presence_is_no_failure() {
    let presence = Presence::new(Memory::start(Default::default()).unwrap());
    let hub = Hub::start(Default::default(), Hooks::default()).unwrap();
    let keeper = RosterKeeper::start(Roster::default(), presence.clone(), hub).unwrap();
    assert!(presence.shutdown(PATIENCE).await);
    assert!(tokio::time::timeout(PATIENCE, keeper.failed()).await.is_err());
    assert!(keeper.shutdown(PATIENCE).await);
}
