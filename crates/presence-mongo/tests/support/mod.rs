//! What the tests on a real MongoDB share.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]
#![allow(dead_code, reason = "not every test program uses all of it")]

pub(crate) mod log;

use std::collections::BTreeMap;
use std::time::Duration;

use mongo_link::{Link, LinkConfig};
use mongodb::bson::{Document, RawDocumentBuf, doc};
use presence_mongo::{Base, Change, Config, ErrorKind, Pinger, WatchStream, Watcher};
use test_support::{Mongo, unique};
use tokio::time::{Instant, timeout};

/// A time that only a hang reaches.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A short time slot.
pub(crate) const SLOT: Duration = Duration::from_secs(1);

/// One in which also a busy machine finds the time to ping.
pub(crate) const LONG_SLOT: Duration = Duration::from_secs(3);

/// A database of a test's own, and the settings of bases in it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    url: String,
    database: String,
    slot: Duration,
}

impl Place {
    pub(crate) fn new(url: &str, slot: Duration) -> Self {
        Self { url: url.to_owned(), database: unique("presence"), slot }
    }

    pub(crate) fn link(&self) -> LinkConfig {
        LinkConfig::new(self.url.as_str()).database(&*self.database)
    }

    pub(crate) fn config(&self) -> Config {
        Config::new(self.link()).slot(self.slot).prune_interval(None)
    }

    /// Starts a base as another process would have it.
    pub(crate) async fn base(&self) -> Base {
        Base::start(self.config()).await.unwrap()
    }

    /// Starts one whose commands a failure of the server can pick by this name of an application.
    pub(crate) async fn base_named(&self, name: &str) -> Base {
        let link = LinkConfig::new(format!("{}&appName={name}", self.url)).database(&*self.database);
        Base::start(Config::new(link).slot(self.slot).prune_interval(None)).await.unwrap()
    }

    /// Has the key "a" pinged by one base, and watched from another one, which knows that it lives.
    pub(crate) async fn scene(&self) -> Scene {
        let (here, there) = (self.base().await, self.base().await);
        Scene::of(here, there).await
    }

    /// Has the key "a" pinged and watched by one base.
    pub(crate) async fn lone_scene(&self) -> Scene {
        let base = self.base().await;
        Scene::of(base.clone(), base).await
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the documents of a collection of the base.
    pub(crate) async fn documents(&self, part: &str) -> Vec<Document> {
        let link = Link::start(self.link()).await.unwrap();
        let name = format!("presence.{part}");
        let found = link
            .call(|database| async move {
                let found = database.collection::<RawDocumentBuf>(&name).find(doc! {}).await?;
                futures_util::TryStreamExt::try_collect::<Vec<_>>(found).await
            })
            .await
            .unwrap();
        found.iter().map(|found| Document::try_from(&**found).unwrap()).collect()
    }
}

/// Somebody who pings, and somebody who knows.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) here: Base,
    pub(crate) there: Base,
    pub(crate) watcher: Watcher,
    pub(crate) stream: WatchStream,
    pub(crate) pinger: Pinger,
}

impl Scene {
    /// Has the key "a" pinged by one base and watched from the other one.
    pub(crate) async fn of(here: Base, there: Base) -> Self {
        let watcher = Watcher::new(&there).unwrap();
        let mut stream = watcher.watch("a").unwrap();
        // A server whose disk is busy may be too slow once; a watcher says so and tries again.
        becomes(&mut stream, "a", false).await;
        let pinger = started(&here, "a").await;
        becomes(&mut stream, "a", true).await;
        Self { here, there, watcher, stream, pinger }
    }
}

/// Returns how many commands of a kind the server has had in all.
pub(crate) async fn commands(mongo: &Mongo, command: &str) -> i64 {
    let status: Document = mongo.command("admin", doc! { "serverStatus": 1 }).await.unwrap();
    let commands = status.get_document("metrics").unwrap().get_document("commands").unwrap();
    commands.get_document(command).unwrap().get_i64("total").unwrap()
}

/// Returns a pinger that pings.
pub(crate) async fn started(base: &Base, key: &str) -> Pinger {
    let mut pinger = Pinger::new(base, key).unwrap();
    pinger.start().await.unwrap();
    pinger
}

/// Returns so many keys.
pub(crate) fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("key {number}")).collect()
}

/// Starts a pinger for each key, all at once.
pub(crate) async fn all_started(base: &Base, keys: impl IntoIterator<Item = String>) -> Vec<Pinger> {
    let mut pingers: Vec<Pinger> = keys.into_iter().map(|key| Pinger::new(base, key).unwrap()).collect();
    futures_util::future::try_join_all(pingers.iter_mut().map(Pinger::start)).await.unwrap();
    pingers
}

/// Returns the next change of a stream.
pub(crate) async fn next(stream: &mut WatchStream) -> Change {
    let next = timeout(PATIENCE, stream.next()).await.expect("a change should have come");
    next.expect("the stream goes on").expect("nothing goes wrong")
}

/// Expects that the next change of a stream is this one.
pub(crate) async fn expect(stream: &mut WatchStream, key: &str, alive: bool) {
    let change = next(stream).await;
    assert_eq!((&*change.key, change.alive), (key, alive));
}

/// Expects that the next changes of a stream are these, in any order.
pub(crate) async fn expect_all<'a>(
    stream: &mut WatchStream,
    changes: impl IntoIterator<Item = (&'a str, bool)>,
) {
    let mut expected: BTreeMap<&str, bool> = changes.into_iter().collect();
    while !expected.is_empty() {
        let change = next(stream).await;
        assert_eq!(expected.remove(&*change.key), Some(change.alive), "{change:?} of {expected:?}");
    }
}

/// Reads past errors that pass, to the change of a key that dies.
pub(crate) async fn dies(stream: &mut WatchStream, key: &str) {
    becomes(stream, key, false).await;
}

/// Reads past errors that pass, to the next change, which must be this one.
pub(crate) async fn becomes(stream: &mut WatchStream, key: &str, alive: bool) {
    let change = past_errors(stream).await;
    assert_eq!((&*change.key, change.alive), (key, alive));
}

/// Reads past changes and errors that pass, until one of this kind comes.
pub(crate) async fn error_of(stream: &mut WatchStream, kind: ErrorKind) {
    loop {
        let next = timeout(PATIENCE, stream.next()).await.expect("an error should have come");
        match next.expect("the stream goes on") {
            Err(error) if error.kind() == kind => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Reads past errors that pass, to the next change.
pub(crate) async fn past_errors(stream: &mut WatchStream) -> Change {
    loop {
        let next = timeout(2 * PATIENCE, stream.next()).await.expect("a change should have come");
        if let Ok(change) = next.expect("the stream goes on") {
            return change;
        }
    }
}

/// Syncs again and again until a key is as it should be. Nothing new may wait in a stream of the
/// watcher, as a sync waits for who reads it.
pub(crate) async fn until(watcher: &Watcher, key: &str, alive: bool) {
    let begun = Instant::now();
    loop {
        // While the database is away a sync fails.
        let synced = watcher.sync().await;
        if synced.is_ok() && watcher.alive(key).await.unwrap() == alive {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{key} should be {alive} by now; the last sync: {synced:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Expects that nothing is told of a stream for so long.
pub(crate) async fn quiet(stream: &mut WatchStream, time: Duration) {
    if let Ok(next) = timeout(time, stream.next()).await {
        panic!("nothing should have come, but {next:?}");
    }
}

/// Expects that no state of a stream changes for so long; errors may come.
pub(crate) async fn no_change(stream: &mut WatchStream, time: Duration) {
    if let Ok(change) = timeout(time, past_errors(stream)).await {
        panic!("nothing should have changed, but {change:?}");
    }
}

/// Returns how many keys are alive.
pub(crate) async fn alive_count(watcher: &Watcher, keys: &[String]) -> usize {
    watcher.alive_many(keys).await.unwrap().into_iter().filter(|alive| *alive).count()
}
