//! A watcher whose network loses one member of three, while nobody else's does.

use std::collections::BTreeMap;
use std::time::Duration;

use presence_mongo::{Base, Config, ErrorKind, LinkConfig, Pinger, WatchStream, Watcher, WatcherState};
use test_support::{MongoSet, require};

use crate::support::{PATIENCE, Place, becomes, error_of, no_change, past_errors, started, until};

const SLOT: Duration = Duration::from_secs(2);

/// By what the gates know the process that watches.
const WATCHING: &str = "cut-off";

/// A watcher that is cut off from the primary, beside a process that is not.
struct CutOff {
    here: Base,
    there: Base,
    watcher: Watcher,
    stream: WatchStream,
    primary: usize,
    /// It pinged before and goes on.
    stays: Pinger,
    /// It was killed while the watcher was cut off.
    _goes: Pinger,
    /// It was started while the watcher was cut off.
    _comes: Pinger,
}

impl CutOff {
    async fn from_primary(set: &MongoSet) -> Self {
        let place = Place::new(&set.url(), SLOT);
        let link = LinkConfig::new(format!("{}&appName={WATCHING}", set.url()));
        let config = Config::new(link.database(place.database())).slot(SLOT).prune_interval(None);
        let (here, there) = (place.base().await, Base::start(config).await.unwrap());
        let watcher = Watcher::new(&there).unwrap();
        let mut stream = watcher.watch(["stays", "goes", "comes"]).unwrap();
        // A set that has just begun may keep the first reads waiting for its majority.
        for _ in ["stays", "goes", "comes"] {
            assert!(!past_errors(&mut stream).await.alive, "nobody has started");
        }
        let stays = started(&here, "stays").await;
        becomes(&mut stream, "stays", true).await;
        let mut goes = started(&here, "goes").await;
        becomes(&mut stream, "goes", true).await;

        let primary = set.primary().await.unwrap();
        set.gate(primary).shut(WATCHING);
        // Its connections hang, and it is told.
        error_of(&mut stream, ErrorKind::Unavailable).await;
        goes.kill().await.unwrap();
        let comes = started(&here, "comes").await;
        Self { here, there, watcher, stream, primary, stays, _goes: goes, _comes: comes }
    }

    /// Expects that what happened meanwhile is told, and nothing else.
    async fn catches_up(&mut self) {
        let mut told = BTreeMap::new();
        for _ in 0..2 {
            let change = past_errors(&mut self.stream).await;
            told.insert(change.key.to_string(), change.alive);
        }
        assert_eq!(told, BTreeMap::from([("comes".to_owned(), true), ("goes".to_owned(), false)]));
        until(&self.watcher, "stays", true).await;
    }

    async fn ends(self) {
        assert!(self.stays.error().is_none(), "nobody else lost anything");
        assert!(self.here.shutdown(PATIENCE).await && self.there.shutdown(PATIENCE).await);
    }
}

#[tokio::test]
async fn a_watcher_that_is_cut_off_from_the_primary_keeps_the_last_state_and_catches_up() {
    let Some(set) = require(MongoSet::behind_gates().await) else { return };
    let mut cut_off = CutOff::from_primary(&set).await;
    no_change(&mut cut_off.stream, 3 * SLOT).await;
    assert!(matches!(cut_off.watcher.err(), WatcherState::Unavailable(_)));
    assert_eq!(cut_off.watcher.alive_many(["stays", "goes", "comes"]).await.unwrap(), [true, true, false]);

    set.gate(cut_off.primary).open();
    cut_off.catches_up().await;
    no_change(&mut cut_off.stream, 2 * SLOT).await;
    cut_off.ends().await;
}

#[tokio::test]
async fn a_watcher_that_is_cut_off_from_the_old_primary_goes_on_with_a_new_one() {
    let Some(set) = require(MongoSet::behind_gates().await) else { return };
    let mut cut_off = CutOff::from_primary(&set).await;
    set.step_down().await.unwrap();
    cut_off.catches_up().await;
    no_change(&mut cut_off.stream, 3 * SLOT).await;

    // What hung arrives late, and means nothing any more.
    set.gate(cut_off.primary).open();
    no_change(&mut cut_off.stream, 2 * SLOT).await;
    until(&cut_off.watcher, "stays", true).await;
    cut_off.ends().await;
}
