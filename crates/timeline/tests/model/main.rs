//! Whatever is called, in whatever order: a store does what a few lists would do.
//!
//! The model keeps everything in vectors and counts by looking at each entry; the stores are
//! compared with it after each call, and so is what the devices of all members were told. Stores
//! end in between, and begin again later, after a repair has closed places with tombstones.
//!
//! A program of its own, as it sets the clock of its process, by which stores remove what is old.

#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod calls;
mod check;
mod devices;
mod homes;
mod kept;
mod lists;

use std::sync::{Mutex, PoisonError};

use proptest::prelude::*;
use timeline::contract::set_clock_ahead;
use timeline::{Config, EntryStatus, GroupName, MemberId, NewGroup, Timeline};
use tokio::runtime::Runtime;

use crate::calls::{Call, call};
use crate::devices::Devices;
use crate::homes::{Home, InDirectories, InMemory};
use crate::kept::{Kept, TICK_MS, kept};
use crate::lists::Lists;

/// Who has it has the clock of the process, which is that of all stores.
static CLOCK: Mutex<()> = Mutex::new(());

fn member(number: usize) -> MemberId {
    MemberId::new(format!("m{number}")).unwrap()
}

/// Opens the store at the time of the model.
async fn open(home: &dyn Home, lists: &Lists) -> Timeline {
    set_clock_ahead(i64::try_from(lists.now).unwrap() * TICK_MS);
    let store = home.start(lists.kept.retention()).await;
    let timeline = Timeline::start(Config::default(), store).unwrap();
    check::expired(&timeline, lists).await;
    timeline
}

/// Makes all calls, and compares after each.
fn run(home: &dyn Home, kept: Kept, all: &[Call]) {
    let _clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    Runtime::new().unwrap().block_on(async {
        let mut lists = Lists::new(kept, home.closes_as());
        let mut timeline = open(home, &lists).await;
        let known = NewGroup::new(GroupName::new("known").unwrap()).owner(member(0));
        timeline.create_group(known).await.unwrap();
        let mut devices = Devices::begin(&timeline, &lists);
        for one in all {
            if let Call::Reopen { later, closed } = *one {
                assert!(timeline.shutdown(check::GRACE).await);
                if let Some(closed) = closed
                    && lists.close(closed)
                {
                    home.close(closed).await;
                }
                lists.now += later;
                lists.expire();
                timeline = open(home, &lists).await;
                devices = Devices::begin(&timeline, &lists);
            } else {
                calls::make(&timeline, &mut lists, &mut devices, *one).await;
            }
            check::all(&timeline, &lists).await;
            devices.catch_up(&lists).await;
        }
        assert!(timeline.shutdown(check::GRACE).await);
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_store_in_memory_does_what_lists_do(
        keeping in kept(),
        closes_as in prop_oneof![Just(EntryStatus::Unused), Just(EntryStatus::Lost)],
        all in prop::collection::vec(call(), 1..60),
    ) {
        run(&InMemory::closing_as(closes_as), keeping, &all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_embedded_store_does_what_lists_do(keeping in kept(), all in prop::collection::vec(call(), 20..50)) {
        run(&InDirectories::new(), keeping, &all);
    }
}
