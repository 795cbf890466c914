//! The link on real servers of which one hangs, is lost, refuses or comes back.

#![allow(clippy::unwrap_used, reason = "a test panics where it is broken, also in what its cases share")]

mod example;
mod feed;
mod misfits;
mod one;
mod secrets;
mod set;
mod start;

use std::time::Duration;

use mongo_link::{Error, Link, LinkConfig, State};
use mongodb::bson::{Document, doc};
use tokio::time::{Instant, timeout};

/// Writes a document that may be there already.
async fn put(link: &Link, id: &str) -> Result<(), Error> {
    let id = id.to_owned();
    link.call(|database| async move {
        let things = database.collection::<Document>("things");
        things.update_one(doc! { "_id": id }, doc! { "$set": { "x": 1 } }).upsert(true).await.map(drop)
    })
    .await
}

/// Says whether a document is there.
async fn has(link: &Link, id: &str) -> Result<bool, Error> {
    let id = id.to_owned();
    link.call(|database| async move {
        let found = database.collection::<Document>("things").find_one(doc! { "_id": id }).await?;
        Ok(found.is_some())
    })
    .await
}

/// Writes until it works; each try has to end in time.
async fn put_again(link: &Link, id: &str) {
    let begun = Instant::now();
    loop {
        let tried = Instant::now();
        let put = put(link, id).await;
        assert!(tried.elapsed() < link.timeout() + SLACK, "a call took {:?}", tried.elapsed());
        match put {
            Ok(()) => return,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "it does not come back: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the link says of itself what is wanted, and returns it.
async fn state(link: &Link, is_wanted: impl Fn(&State) -> bool) -> State {
    let mut state = link.state();
    let found = timeout(PATIENCE, state.wait_for(is_wanted)).await;
    found.expect("the state does not become so").unwrap().clone()
}

/// Settings with which a busy machine finds a server that is there.
fn connect(url: &str) -> LinkConfig {
    LinkConfig::new(url).timeout(ANSWER).connect_timeout(Duration::from_secs(5))
}

/// For one answer of a server.
const ANSWER: Duration = Duration::from_secs(10);

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a busy machine may add to a bound in time; what hangs does so for good in these tests.
const SLACK: Duration = Duration::from_secs(30);
