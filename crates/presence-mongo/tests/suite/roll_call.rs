//! The example as its users run it: a program, a MongoDB, and nobody left.

use std::time::Duration;

use presence_mongo::{Base, Config, LinkConfig, Watcher};
use test_support::{Example, Mongo, require, unique};
use tokio::time::Instant;

use crate::support::{self, PATIENCE, alive_count};

const COUNT: usize = 20;

/// Reads what one prints until all of its keys are alive.
async fn all_come(roll_call: &mut Example) {
    while !roll_call.line().await.ends_with(&format!("is alive, {COUNT} are alive")) {}
}

#[tokio::test]
async fn two_see_each_other_come_and_nobody_is_alive_when_all_were_killed() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    // The path of the address names the database.
    let database = unique("roll");
    let url = mongo.url().replace("/?", &format!("/{database}?"));
    let count = COUNT.to_string();
    let mut first = Example::start("roll_call", [&url, &count]);
    all_come(&mut first).await;
    let mut second = Example::start("roll_call", [&url, &count]);
    all_come(&mut second).await;

    let slot = Duration::from_secs(5);
    let config = Config::new(LinkConfig::new(url.as_str())).base("roll").slot(slot).prune_interval(None);
    let base = Base::start(config).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    let keys: Vec<String> = (1..=COUNT).map(|number| format!("key {number}")).collect();
    assert_eq!(alive_count(&watcher, &keys).await, COUNT);
    // Interrupted, one kills its first key, whose newest pinger it has. The other one's makes it
    // alive again two slots later, so the death is awaited while the program ends.
    let mut killed = watcher.watch("key 1").unwrap();
    let (ended, alive) = tokio::join!(second.interrupt(), async {
        while support::next(&mut killed).await.alive {}
        alive_count(&watcher, &keys).await
    });
    assert!(ended.success());
    assert_eq!(alive, COUNT - 1);
    watcher.stop();

    // Dropped, the other is killed as by the system, and nobody is left to say anything.
    drop(first);
    let begun = Instant::now();
    let late = Watcher::new(&base).unwrap();
    let mut stream = late.watch(keys.clone()).unwrap();
    let mut dead = std::collections::HashSet::new();
    let all_dead = async {
        while dead.len() < COUNT {
            let change = support::next(&mut stream).await;
            if change.alive {
                dead.remove(&change.key);
            } else {
                dead.insert(change.key);
            }
        }
    };
    tokio::time::timeout(PATIENCE, all_dead).await.unwrap();
    // Two slots after the last ping, and one more for each that a busy machine spoils.
    assert!(begun.elapsed() < 8 * slot, "it took {:?}", begun.elapsed());
    assert_eq!(alive_count(&late, &keys).await, 0);
    assert!(base.shutdown(PATIENCE).await);
}
